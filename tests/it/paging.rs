//! Pages by cursor: every row once, in the order of the whole list, from either end, whatever happens to other rows in between.

use freehold_tests::{Client, binaries, shared};
use serde_json::{Value, json};

/// Orders with nulls, through relations, both ways, and by chance that is the same each time.
const ORDERS: &[&str] = &[
    "[{title: asc}]",
    "[{title: desc}]",
    "[{rank: asc}, {title: desc}]",
    "[{rank: desc}]",
    "[{rank: ascNullsFirst}, {publishedAt: descNullsLast}]",
    "[{rank: descNullsLast}]",
    "[{author: {name: desc}}, {price: asc}]",
    "[{site: {slug: asc}}, {state: desc}, {ratio: asc}]",
    "[{active: desc}, {slug: asc}]",
    "[{slug: asc}]",
    "[{day: asc}, {at: desc}]",
    "[{id: desc}]",
    "[{_randomSeeded: 7}]",
];

/// Of a caller who is shown some of these values in some rows only.
const ORDERS_OF_READERS: &[&str] = &[
    "[{title: desc}]",
    "[{rank: asc}, {title: desc}]",
    "[{secret: asc}]",
    "[{secret: descNullsLast}, {slug: asc}]",
    "[{author: {name: desc}}]",
    "[{_randomSeeded: 7}]",
];

/// 60 articles that share most of their values.
const ROWS: &str = "SET search_path = content;
    INSERT INTO article (id, slug, state, rank, price, ratio, active, published_at, day, at, secret, site_id, author_id, title)
    SELECT gen_random_uuid(), 's' || n, (ARRAY['draft', 'published', 'archived'])[1 + n % 3]::state, nullif(n % 4, 0), nullif(n % 5, 0) / 3.0, nullif(n % 7, 0) / 7.0,
        n % 2 = 0, CASE WHEN n % 3 > 0 THEN timestamptz '2024-01-01 00:00:00.123456+00' + n % 6 * interval '1 microsecond' END,
        CASE WHEN n % 5 > 0 THEN date '2024-02-28' + n % 3 END, CASE WHEN n % 4 > 0 THEN time '10:00' + n % 3 * interval '1 minute' END, 'x' || n % 3,
        (SELECT id FROM site ORDER BY id OFFSET n % 2 LIMIT 1), (SELECT id FROM author ORDER BY id OFFSET n % 3 LIMIT 1), 't' || n % 9
    FROM generate_series(1, 60) n";

struct Caller {
    client: Client,
    url: String,
    token: String,
}

/// One page.
struct Page {
    ids: Vec<String>,
    has_next: bool,
    has_previous: bool,
    start: Value,
    end: Value,
}

impl Caller {
    fn ask(&self, query: &str, variables: Value) -> Value {
        let answer = self.client.graphql(&self.url, Some(&self.token), query, variables).unwrap().json();
        assert!(answer["errors"].is_null(), "{query}: {answer}");
        answer["data"].clone()
    }

    fn all(&self, order: &str) -> Vec<String> {
        let data = self.ask(&format!("{{ listArticle(orderBy: {order}) {{ id }} }}"), json!({}));
        data["listArticle"].as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
    }

    fn page(&self, order: &str, arguments: &str, cursor: &Value) -> Page {
        let query = format!(
            "query($at: String) {{ paginateArticle(orderBy: {order}, {arguments}: $at) {{
                pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }} edges {{ cursor node {{ id }} }} }} }}"
        );
        let page = &self.ask(&query, json!({ "at": cursor }))["paginateArticle"];
        let (info, edges) = (&page["pageInfo"], page["edges"].as_array().unwrap());
        assert_eq!(edges.first().map_or(&Value::Null, |edge| &edge["cursor"]), &info["startCursor"]);
        assert_eq!(edges.last().map_or(&Value::Null, |edge| &edge["cursor"]), &info["endCursor"]);
        Page {
            ids: edges.iter().map(|edge| edge["node"]["id"].as_str().unwrap().to_owned()).collect(),
            has_next: info["hasNextPage"].as_bool().unwrap(),
            has_previous: info["hasPreviousPage"].as_bool().unwrap(),
            start: info["startCursor"].clone(),
            end: info["endCursor"].clone(),
        }
    }

    fn forwards(&self, order: &str, size: usize, mut between: impl FnMut()) -> Vec<String> {
        let (mut ids, mut cursor) = (Vec::new(), Value::Null);
        loop {
            let page = self.page(order, &format!("first: {size}, after"), &cursor);
            assert_eq!(page.has_previous, !ids.is_empty(), "{order}");
            assert!(page.ids.len() <= size);
            ids.extend(page.ids);
            cursor = page.end;
            if !page.has_next {
                return ids;
            }
            between();
        }
    }

    fn backwards(&self, order: &str, size: usize) -> Vec<String> {
        let (mut ids, mut cursor) = (Vec::new(), Value::Null);
        loop {
            let mut page = self.page(order, &format!("last: {size}, before"), &cursor);
            assert_eq!(page.has_next, !ids.is_empty(), "{order}");
            page.ids.extend(ids);
            ids = page.ids;
            cursor = page.start;
            if !page.has_previous {
                return ids;
            }
        }
    }
}

#[test]
fn pages_by_cursor_visit_each_row_once() {
    let schema = binaries::repository().join("tests/cases/schema.json");
    let tenant = shared().json(&["tenant", "create", "paging", "--schema", schema.to_str().unwrap()]).unwrap();
    let mut database = shared().database(tenant["database"].as_str().unwrap()).unwrap();
    let seed = std::fs::read_to_string(binaries::repository().join("tests/cases/seed.sql")).unwrap();
    database.execute(&format!("{seed}; {ROWS}")).unwrap();
    let url = tenant["content_url"].as_str().unwrap();
    let memberships: [(&[&str], &[&str]); 2] =
        [(&["--role", "admin"], ORDERS), (&["--role", "reader", "--variable", r#"level={"gte":2}"#], ORDERS_OF_READERS)];
    for (membership, orders) in memberships {
        let arguments = [&["token", "create", "--tenant", "paging"], membership].concat();
        let token = shared().json(&arguments).unwrap()["token"].as_str().unwrap().to_owned();
        let caller = Caller { client: Client::default(), url: url.to_owned(), token };
        for order in orders {
            let all = caller.all(order);
            assert!(all.len() > 20, "{order}: {}", all.len());
            for size in [1, 7, 100] {
                assert_eq!(caller.forwards(order, size, || ()), all, "{order} by {size}");
                assert_eq!(caller.backwards(order, size), all, "{order} by {size} from the end");
            }
        }
    }
    let token = shared().token("paging", "admin").unwrap();
    let caller = Caller { client: Client::default(), url: url.to_owned(), token };
    let before = caller.all("[{title: asc}]");
    let visited = caller.forwards("[{title: asc}]", 5, || {
        let copy = "INSERT INTO content.article (id, slug, state, active, secret, site_id, title)
            SELECT gen_random_uuid(), gen_random_uuid()::text, state, active, secret, site_id, title FROM content.article ORDER BY random() LIMIT 3";
        database.execute(copy).unwrap();
    });
    let known: Vec<String> = visited.into_iter().filter(|id| before.contains(id)).collect();
    assert_eq!(known, before, "rows that come in between move no other");
}
