//! The six operations of the benchmark: what the engine is asked in GraphQL, and what the thin server is told.

use serde_json::{Value, json};

/// One of the six.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    /// Its letter.
    pub letter: char,
    /// For the table.
    pub title: &'static str,
    /// Requests per run, so that every run burns about a second of CPU.
    pub requests: usize,
    /// Whether it is one of the four reads, for which a bound is asserted.
    pub read: bool,
    /// The document.
    pub query: &'static str,
}

/// In the order of the table.
pub const OPERATIONS: [Operation; 6] = [
    Operation {
        letter: 'a',
        title: "one article by slug, with author",
        requests: 4000,
        read: true,
        query: "query($slug: String!) { getArticle(by: {slug: $slug}) { id title slug body publishedAt author { id name } } }",
    },
    Operation {
        letter: 'b',
        title: "20 newest, author and tags",
        requests: 1500,
        read: true,
        query: "{ listArticle(filter: {status: {eq: published}}, orderBy: [{publishedAt: desc}], limit: 20) \
                { id title slug publishedAt author { name } tags { name } } }",
    },
    Operation {
        letter: 'c',
        title: "100 newest, author, category, tags, 5 comments",
        requests: 200,
        read: true,
        query: "{ listArticle(filter: {status: {eq: published}}, orderBy: [{publishedAt: desc}], limit: 100) \
                { id title slug publishedAt author { id name } category { name slug } tags { name } \
                comments(orderBy: [{createdAt: desc}], limit: 5) { authorName body createdAt } } }",
    },
    Operation {
        letter: 'd',
        title: "page at 40 by author and tags, with total",
        requests: 500,
        read: true,
        query: "query($author: String!, $tags: [String!]!) { paginateArticle(filter: {author: {name: {eq: $author}}, tags: {name: {in: $tags}}}, \
                orderBy: [{publishedAt: desc}], skip: 40, first: 20) \
                { pageInfo { totalCount } edges { node { id title slug publishedAt author { name } } } } }",
    },
    Operation {
        letter: 'e',
        title: "create, connecting author and 3 tags",
        requests: 1000,
        read: false,
        query: "mutation($title: String!, $slug: String!, $body: String!, $author: UUID!, $a: UUID!, $b: UUID!, $c: UUID!) \
                { createArticle(data: {title: $title, slug: $slug, body: $body, author: {connect: {id: $author}}, \
                tags: [{connect: {id: $a}}, {connect: {id: $b}}, {connect: {id: $c}}]}) \
                { ok node { id title slug author { name } tags { name } } } }",
    },
    Operation {
        letter: 'f',
        title: "change a title by id",
        requests: 2000,
        read: false,
        query: "mutation($id: UUID!, $title: String!) { updateArticle(by: {id: $id}, data: {title: $title}) { ok node { id title slug } } }",
    },
];

/// Ids that exist, for the writes.
#[derive(Default)]
pub struct Ids {
    /// Articles of the seed.
    pub articles: Vec<String>,
    /// Authors of the seed.
    pub authors: Vec<String>,
    /// Tags of the seed.
    pub tags: Vec<String>,
}

/// The bodies of one request, for either server.
pub struct Bodies {
    /// For `/content/{tenant}`.
    pub engine: String,
    /// For the thin server.
    pub thin: String,
}

impl Operation {
    /// The `n`th request: values differ from request to request as they would in life, and are the same for both servers.
    pub fn bodies(&self, n: usize, ids: &Ids) -> Bodies {
        let (variables, texts, list) = self.values(n, ids);
        Bodies {
            engine: json!({ "query": self.query, "variables": variables }).to_string(),
            thin: json!({ "op": self.letter, "texts": texts, "list": list }).to_string(),
        }
    }

    /// The variables of the `n`th request, and what the thin server is given in their place.
    pub fn values(&self, n: usize, ids: &Ids) -> (Value, Vec<String>, Vec<String>) {
        // A step that is coprime to 20,000 visits every article before it repeats one.
        let article = (n * 7919) % 20_000;
        match self.letter {
            'a' => {
                let slug = format!("article-{}", (n * 7919) % 20_000);
                (json!({ "slug": slug }), vec![slug], vec![])
            }
            'd' => {
                let (author, tags) = (format!("Author {}", n % 8), (0..10).map(|tag| format!("tag-{tag}")).collect::<Vec<_>>());
                (json!({ "author": author, "tags": tags }), vec![author], tags)
            }
            'e' => {
                // Slugs are unique.
                let (title, slug) = (format!("A new article {n}"), uuid::Uuid::new_v4());
                let (body, author) = ("What happened today. ".repeat(40), ids.authors[n % ids.authors.len()].clone());
                let [a, b, c] = [0, 1, 2].map(|k| ids.tags[(3 * n + k) % ids.tags.len()].clone());
                let variables = json!({ "title": title, "slug": format!("engine-{slug}"), "body": body, "author": author, "a": a, "b": b, "c": c });
                (variables, vec![title, format!("thin-{slug}"), body, author], vec![a, b, c])
            }
            'f' => {
                let (id, title) = (ids.articles[article].clone(), format!("A better title {n}"));
                (json!({ "id": id, "title": title }), vec![title, id], vec![])
            }
            _ => (json!({}), vec![], vec![]),
        }
    }
}
