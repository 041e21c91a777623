//! `cargo bench -p freehold-compiler`: CPU time of making plans, and of using one that is there. What it should come to is in CONTRIBUTING.md, "Benchmarks".
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a program for one screen")]

mod cpu_time;
mod model;

use std::hint::black_box;

use cpu_time::criterion;
use criterion::BatchSize;
use freehold_compiler::api::Api;
use freehold_compiler::bind::{BindContext, BindValue, StepOutputs};
use freehold_compiler::caller::{Caller, Membership};
use freehold_compiler::coerce::Variables;
use freehold_compiler::compile::compile;
use freehold_compiler::permissions::Permissions;
use freehold_compiler::plan::{Plan, Statement};
use freehold_compiler::prepare::{Limits, Prepared, prepare};
use freehold_schema::Schema;
use freehold_schema::names::RoleName;
use serde_json::{Map, Value, json};

/// The content of `make bench`, and its operation (a).
const MAGAZINE: &str = include_str!("../../../tests/bench/schema.graphql");
const ARTICLE: &str =
    "query($slug: String!) { getArticle(by: {slug: $slug}) { id title slug body publishedAt author { id name } } }";

fn main() {
    let mut criterion = criterion();
    let large = Model::new("admin", &model::sixty_entities());
    large.print_size();

    criterion.bench_function("60 entities/read the schema file", |b| {
        let sdl = model::sixty_entities();
        b.iter(|| Schema::from_sdl("model.graphql", black_box(&sdl)).unwrap());
    });
    criterion.bench_function("60 entities/permissions and GraphQL types", |b| {
        // Giving the memory back is not part of it: an API is kept.
        b.iter_batched(|| (), |()| Model::api(black_box(&large.schema), &large.caller), BatchSize::PerIteration);
    });
    criterion.bench_function("60-line query/parse and validate", |b| b.iter(|| large.prepare(black_box(model::QUERY))));
    let query = large.prepare(model::QUERY);
    let variables = json!({ "state": "published", "slug": "a-title", "rank": 3 });
    criterion.bench_function("60-line query/compile", |b| {
        let variables = large.coerce(&query, &variables);
        b.iter(|| large.compile(black_box(&query), &variables));
    });
    criterion.bench_function("60-line query/all of it", |b| {
        b.iter(|| {
            let query = large.prepare(black_box(model::QUERY));
            large.compile(&query, &large.coerce(&query, &variables))
        });
    });

    let magazine = Model::new("admin", MAGAZINE);
    let (article, variables) = (magazine.prepare(ARTICLE), json!({ "slug": "article-17" }));
    let statement = magazine.compile(&article, &magazine.coerce(&article, &variables));
    criterion.bench_function("operation (a), plan known/check variables", |b| {
        b.iter(|| magazine.coerce(black_box(&article), &variables));
    });
    criterion.bench_function("operation (a), plan known/bind", |b| {
        let variables = magazine.coerce(&article, &variables);
        b.iter(|| magazine.bind(black_box(&statement), &variables));
    });
    criterion.final_summary();
}

/// A model as one caller sees it.
struct Model {
    schema: Schema,
    permissions: Permissions,
    api: Api,
    caller: Caller,
}

impl Model {
    fn new(role: &str, sdl: &str) -> Self {
        let schema = Schema::from_sdl("model.graphql", sdl).unwrap();
        let membership = Membership { role: RoleName::new(role), variables: std::collections::BTreeMap::new() };
        let caller = Caller::resolve(&schema, None, &[membership]).unwrap();
        let (permissions, api) = Self::api(&schema, &caller);
        Self { schema, permissions, api, caller }
    }

    fn api(schema: &Schema, caller: &Caller) -> (Permissions, Api) {
        let permissions = Permissions::new(schema, caller.role_set());
        let api = Api::build(schema, &permissions);
        (permissions, api)
    }

    fn prepare(&self, document: &str) -> Prepared {
        prepare(&self.api, document, None, &Limits::default()).unwrap()
    }

    fn coerce(&self, query: &Prepared, variables: &Value) -> Variables {
        query.coerce(&self.api, variables.as_object().unwrap_or(&Map::new())).unwrap()
    }

    fn compile(&self, query: &Prepared, variables: &Variables) -> Statement {
        match compile(&self.schema, &self.permissions, &self.api, query, variables, &self.caller).unwrap() {
            Plan::Query(plan) => plan.statement.unwrap(),
            Plan::Mutation(_) => panic!("a query gives a query plan"),
        }
    }

    fn bind(&self, statement: &Statement, variables: &Variables) -> Vec<BindValue> {
        let steps = StepOutputs::new();
        let context = BindContext {
            variables,
            caller: &self.caller,
            new_ids: &[],
            now: "",
            authorship: "00000000-0000-0000-0000-000000000001 request ",
            marker: "",
            cipher: None,
            steps: &steps,
        };
        statement.bind(&context).unwrap()
    }

    /// How large the API is, and how much memory it takes: what the process grows by while many of them are kept.
    fn print_size(&self) {
        const N_COPIES: usize = 20;
        let before = resident_bytes();
        let copies: Vec<_> = (0..N_COPIES).map(|_| Self::api(&self.schema, &self.caller)).collect();
        let megabytes = (resident_bytes() - before) / copies.len() as f64 / 1e6;
        let query = self.prepare(model::QUERY);
        let variables = json!({ "state": "published", "slug": "a-title", "rank": 3 });
        println!(
            "{} entities: {} types, {} KB of GraphQL schema, {megabytes:.1} MB of memory",
            model::N_ENTITIES,
            self.api.types.len(),
            self.api.sdl().len() / 1000,
        );
        println!(
            "the query: {} lines, {} bytes; its statement: {} bytes",
            model::QUERY.lines().count(),
            model::QUERY.len(),
            self.compile(&query, &self.coerce(&query, &variables)).sql().len()
        );
    }
}

/// Second field of /proc/self/statm, in pages (proc(5)).
fn resident_bytes() -> f64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<f64>().unwrap() * 4096.0
}
