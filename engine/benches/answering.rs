//! `cargo bench -p freehold-engine`: CPU time of finding a document again, and of introspection. CONTRIBUTING.md, "Benchmarks", has the figures.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a program for one screen")]

#[path = "../compiler/benches/cpu_time.rs"]
mod cpu_time;
#[path = "../compiler/benches/model.rs"]
mod model;

use std::hint::black_box;

use freehold_compiler::api::Api;
use freehold_compiler::caller::RoleSet;
use freehold_compiler::permissions::Permissions;
use freehold_compiler::prepare::{Limits, prepare};
use freehold_engine::measured::{Documents, TypeSystem};
use freehold_schema::Schema;
use freehold_schema::names::RoleName;
use serde_json::Map;

/// Documents in the cache, each with a text of its own.
const N_DOCUMENTS: usize = 1000;

const INTROSPECTION: &str = "{ __schema { queryType { name } mutationType { name } \
    types { kind name description fields(includeDeprecated: true) { name description args { name type { ...T } defaultValue } type { ...T } isDeprecated } \
    inputFields { name description type { ...T } defaultValue } interfaces { name } enumValues(includeDeprecated: true) { name } possibleTypes { name } } } } \
    fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";

fn main() {
    let mut criterion = cpu_time::criterion();
    let schema = Schema::from_sdl("model.graphql", &model::sixty_entities()).unwrap();
    let api = Api::build(&schema, &Permissions::new(&schema, &RoleSet::new([RoleName::new("admin")])));

    let documents = Documents::new(N_DOCUMENTS, 1 << 30, 1);
    let text = |n: usize| format!("{}# {n}", model::QUERY);
    for n in 0..N_DOCUMENTS {
        documents.insert(1, text(n), None, prepare(&api, &text(n), None, &Limits::default()).unwrap());
    }
    let known = text(N_DOCUMENTS / 2);
    criterion.bench_function("60-line query/find in the plan cache", |b| {
        b.iter(|| documents.get(1, black_box(&known), None).unwrap());
    });

    let types = TypeSystem::build(&api).unwrap();
    let answer = types.answer(INTROSPECTION, None, &Map::new()).unwrap();
    println!("60 entities: introspection of {} KB", serde_json::to_vec(&answer).unwrap().len() / 1000);
    criterion.bench_function("60 entities/async-graphql's types", |b| b.iter(|| TypeSystem::build(black_box(&api)).unwrap()));
    criterion.bench_function("60 entities/introspection", |b| {
        b.iter(|| types.answer(black_box(INTROSPECTION), None, &Map::new()).unwrap());
    });
    criterion.final_summary();
}
