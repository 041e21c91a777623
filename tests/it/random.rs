//! Random operations on real rows (the compiler's generator): every one runs, a permission never adds rows, and pages make up the list.

use std::collections::BTreeSet;

use freehold_compiler::api::Api;
use freehold_compiler::caller::RoleSet;
use freehold_compiler::permissions::Permissions;
use freehold_schema::Schema;
use freehold_schema::names::RoleName;
use freehold_tests::{Client, binaries};
use serde_json::{Value, json};

use crate::generator::random::Random;
use crate::generator::{Generator, Literals, Style};
use crate::leaks::{CORPUS, DESK, Place, tenant, token};

/// What a role set may ask for.
pub fn api(schema: &str, roles: &[String]) -> Api {
    let text = std::fs::read_to_string(binaries::repository().join("tests").join(schema)).unwrap();
    let schema = if schema.ends_with(".json") { Schema::from_json(schema, &text) } else { Schema::from_sdl(schema, &text) };
    let schema = schema.unwrap_or_else(|errors| panic!("{errors:?}"));
    let roles = RoleSet::new(roles.iter().map(|role| RoleName::new(role)));
    Api::build(&schema, &Permissions::new(&schema, &roles))
}

/// Values that occur in the rows of the tests.
pub fn literals(ids: Vec<String>) -> Literals {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Literals {
        ids,
        texts: owned(&["a", "b", "c", "first", "second", "one", "two", "en", "cs", "s1", "s2", "%", "", "\\'\"_"]),
        times: owned(&["2024-01-02T03:04:05.678Z", "2024-02-29", "2025-01-01"]),
        clocks: owned(&["13:45", "08:00"]),
        decimals: owned(&["1", "2.5", "12.5"]),
    }
}

/// Somebody who asks.
struct Asking {
    url: String,
    token: String,
    api: Api,
}

impl Asking {
    fn new(place: &Place, memberships: &[(&str, &str)]) -> Self {
        let words = memberships.iter().flat_map(|(role, variable)| {
            let variable = [["--variable", variable]].into_iter().filter(|_| !variable.is_empty()).flatten();
            ["--role", role].into_iter().chain(variable).map(str::to_owned)
        });
        let roles: Vec<String> = memberships.iter().map(|(role, _)| (*role).to_owned()).collect();
        let token = token(place.slug, &words.collect::<Vec<_>>());
        Asking { url: place.url.clone(), token, api: api(place.schema, &roles) }
    }

    fn ask(&self, text: &str, variables: Value) -> (u16, Value) {
        let answer = Client::default().graphql(&self.url, Some(&self.token), text, variables).unwrap();
        (answer.status, answer.json())
    }

    fn data(&self, text: &str) -> Value {
        let (status, json) = self.ask(text, json!({}));
        assert!(status == 200 && json["errors"].is_null(), "{status} {json}\n{text}");
        json["data"].clone()
    }

    /// Entities that can be listed.
    fn lists(&self) -> Vec<String> {
        let fields = self.api.types["Query"].output_fields().unwrap();
        fields.keys().filter_map(|name| name.strip_prefix("list")).map(str::to_owned).collect()
    }
}

/// The tenants of these tests, filled at random, with everybody who may ask.
fn places(n: usize) -> [(Place, Vec<String>, Vec<Asking>); 2] {
    // Slugs are taken for good, so each test has its own.
    let slugs = [["run-corpus", "run-desk"], ["subset-corpus", "subset-desk"], ["pages-corpus", "pages-desk"]][n];
    let (corpus, mut world) = tenant(slugs[0], "cases/schema.json", CORPUS);
    let seed = binaries::repository().join("tests/cases/seed.sql");
    world.database.execute(&std::fs::read_to_string(seed).unwrap()).unwrap();
    world.fill(&mut Random::new(3));
    let (one, level) = ("site=10000000-0000-4000-8000-000000000001", r#"level={"gte":2}"#);
    let callers: [&[(&str, &str)]; 5] =
        [&[("admin", "")], &[("editor", one)], &[("senior", one)], &[("reader", level)], &[("editor", one), ("reader", level)]];
    let of_corpus = callers.iter().map(|memberships| Asking::new(&corpus, memberships)).collect();
    let ids_of_corpus = world.ids();
    let (desk, mut world) = tenant(slugs[1], "it/leaks/desk.graphql", DESK);
    world.fill(&mut Random::new(4));
    let team = world.database.texts("SELECT 'team=' || id AS value FROM team ORDER BY id LIMIT 1").unwrap().remove(0);
    let callers: [&[(&str, &str)]; 3] = [&[("admin", "")], &[("guest", "")], &[("member", &team)]];
    let of_desk = callers.iter().map(|memberships| Asking::new(&desk, memberships)).collect();
    [(corpus, ids_of_corpus, of_corpus), (desk, world.ids(), of_desk)]
}

#[test]
fn every_random_read_runs() {
    let mut random = Random::new(5);
    for (place, ids, askings) in places(0) {
        let literals = literals(ids);
        for asking in askings {
            let generator = Generator::new(&asking.api, Style::READS, &literals);
            let mut n_answered = 0;
            for _ in 0..60 {
                let operation = generator.operation(&mut random);
                let (status, json) = asking.ask(&operation.text(), Value::Object(operation.variables()));
                // A key that is not whole is the one mistake that the generator makes.
                let errors = json["errors"].as_array().cloned().unwrap_or_default();
                let are_keys = errors.iter().all(|error| error["extensions"]["code"] == "NON_UNIQUE_WHERE");
                assert!(
                    are_keys && matches!(status, 200 | 400),
                    "{}: {status} {json}\n{}\n{:?}",
                    place.slug,
                    operation.text(),
                    operation.variables()
                );
                n_answered += usize::from(errors.is_empty());
            }
            assert!(n_answered > 20, "{}: only {n_answered} of 60 queries are answered", place.slug);
        }
    }
}

/// Filters that more rows can only satisfy more often. The others see less of a related row, and so more of its absence.
const GROWING: Style = Style {
    is_member: |name| !matches!(name, "not" | "isNull" | "null" | "similar" | "wordSimilar"),
    is_composed: false,
    ..Style::READS
};

#[test]
fn a_permission_never_adds_rows() {
    let mut random = Random::new(6);
    for (place, ids, askings) in places(1) {
        let literals = literals(ids);
        let (admin, others) = askings.split_first().unwrap();
        for asking in others {
            let generator = Generator::new(&asking.api, GROWING, &literals);
            let (mut n_less, mut n_found) = (0, 0);
            for entity in asking.lists() {
                let lists: Vec<String> = (0..25)
                    .map(|index| {
                        let filter = generator.argument(&mut random, &format!("list{entity}"), "filter");
                        format!("r{index}: list{entity}(filter: {filter}) {{ id }}")
                    })
                    .collect();
                let query = format!("{{ {} }}", lists.join("\n"));
                let (all, some) = (admin.data(&query), asking.data(&query));
                for (index, list) in lists.iter().enumerate() {
                    let ids = |data: &Value| -> BTreeSet<String> {
                        data[format!("r{index}")].as_array().unwrap().iter().map(|row| row["id"].to_string()).collect()
                    };
                    let (all, some) = (ids(&all), ids(&some));
                    assert!(some.is_subset(&all), "{}: {list}\n{some:?} is not part of {all:?}", place.slug);
                    n_less += usize::from(some.len() < all.len());
                    n_found += usize::from(!some.is_empty());
                }
            }
            assert!(n_less > 5 && n_found > 10, "{}: too little was found: {n_less} less, {n_found} found", place.slug);
        }
    }
}

#[test]
fn pages_make_up_the_list() {
    let style = Style { is_composed: false, ..Style::READS };
    let mut random = Random::new(7);
    for (place, ids, askings) in places(2) {
        let literals = literals(ids);
        for asking in askings {
            let generator = Generator::new(&asking.api, style, &literals);
            for entity in asking.lists() {
                for _ in 0..3 {
                    let root = format!("list{entity}");
                    let order = generator.argument(&mut random, &root, "orderBy");
                    let filter =
                        if random.percent(40) { generator.argument(&mut random, &root, "filter") } else { "{}".to_owned() };
                    let size = 1 + random.below(5);
                    // Without an order the lists that are cut have one too: by key.
                    let common = if random.percent(80) {
                        format!("filter: {filter}, orderBy: {order}")
                    } else {
                        format!("filter: {filter}")
                    };
                    let whole = asking.data(&format!("{{ {root}({common}, limit: 1000) {{ id }} }}"))[&root].clone();
                    let n_rows = whole.as_array().unwrap().len();
                    let pages: Vec<String> = (0..=n_rows / size)
                        .map(|page| {
                            let offset = page * size;
                            format!(
                                "l{page}: {root}({common}, offset: {offset}, limit: {size}) {{ id }} \
                                 p{page}: paginate{entity}({common}, skip: {offset}, first: {size}) {{ pageInfo {{ totalCount }} edges {{ node {{ id }} }} }}"
                            )
                        })
                        .collect();
                    let data = asking.data(&format!("{{ {} }}", pages.join("\n")));
                    let (mut listed, mut paginated) = (Vec::new(), Vec::new());
                    for page in 0..pages.len() {
                        listed.extend(data[format!("l{page}")].as_array().unwrap().clone());
                        let connection = &data[format!("p{page}")];
                        assert_eq!(connection["pageInfo"]["totalCount"], n_rows, "{}: {root}({common})", place.slug);
                        paginated.extend(connection["edges"].as_array().unwrap().iter().map(|edge| edge["node"].clone()));
                    }
                    assert_eq!(json!(listed), whole, "{}: {root}({common}) in pages of {size}", place.slug);
                    assert_eq!(json!(paginated), whole, "{}: paginate{entity}({common}) in pages of {size}", place.slug);
                }
            }
        }
    }
}
