//! How PostgreSQL carries out the benchmark's reads: indexes where they serve, and no more rows than are wanted.

use std::fmt::Write as _;

use freehold_compiler::api::Api;
use freehold_compiler::bind::{BindContext, BindValue, StepOutputs};
use freehold_compiler::caller::{Caller, Membership};
use freehold_compiler::compile::compile;
use freehold_compiler::permissions::Permissions;
use freehold_compiler::plan::Plan;
use freehold_compiler::prepare::{Limits, prepare};
use freehold_schema::Schema;
use freehold_schema::names::RoleName;
use freehold_tests::operations::{Ids, OPERATIONS, Operation};
use freehold_tests::{Database, binaries, shared};
use serde_json::Value;

/// Tables that are too big to be read from end to end for a page of rows.
const BIG: [&str; 3] = ["article", "article_tags", "comment"];

/// The statement of a read with its values in it: PostgreSQL then plans it as it plans a prepared one whose values it knows.
fn statement(schema: &Schema, operation: &Operation) -> String {
    let membership = Membership { role: RoleName::new("admin"), variables: [].into() };
    let caller = Caller::resolve(schema, None, &[membership]).unwrap();
    let permissions = Permissions::new(schema, caller.role_set());
    let api = Api::build(schema, &permissions);
    let (values, ..) = operation.values(1, &Ids::default());
    let prepared = prepare(&api, operation.query, None, &Limits::default()).unwrap();
    let variables = prepared.coerce(&api, values.as_object().unwrap()).unwrap();
    let Plan::Query(plan) = compile(schema, &permissions, &api, &prepared, &variables, &caller).unwrap() else {
        panic!("a read is a query")
    };
    let (statement, steps) = (plan.statement.unwrap(), StepOutputs::new());
    let context = BindContext {
        variables: &variables,
        caller: &caller,
        new_ids: &[],
        now: "",
        authorship: "",
        marker: "0",
        cipher: None,
        steps: &steps,
    };
    let values = statement.bind(&context).unwrap();
    let mut segments = statement.segments.iter();
    let first = segments.next().unwrap().clone();
    segments.zip(&values).fold(first, |sql, (segment, value)| sql + &literal(value) + segment)
}

fn literal(value: &BindValue) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    match value {
        BindValue::Text(Some(text)) => format!("{}::text", quoted(text)),
        BindValue::Texts(Some(texts)) => {
            let items = texts.iter().map(|text| quoted(text.as_ref().unwrap())).collect::<Vec<_>>();
            format!("ARRAY[{}]::text[]", items.join(", "))
        }
        BindValue::BigInt(Some(number)) => format!("{number}::bigint"),
        other => panic!("the benchmark's reads have no {other:?}"),
    }
}

fn explain(database: &mut Database, options: &str, sql: &str) -> Value {
    // The administrator's helper reads a column of text by its name, which EXPLAIN's answer does not have.
    database
        .execute(
            "CREATE OR REPLACE FUNCTION pg_temp.explained(statement text) RETURNS SETOF json LANGUAGE plpgsql \
             AS $explained$ BEGIN RETURN QUERY EXECUTE statement; END $explained$",
        )
        .unwrap();
    let call = format!("SELECT e::text AS value FROM pg_temp.explained($sql$EXPLAIN ({options}FORMAT JSON) {sql}$sql$) e");
    let plan: Value = serde_json::from_str(&database.texts(&call).unwrap()[0]).unwrap();
    plan[0]["Plan"].clone()
}

fn visit<'v>(node: &'v Value, depth: usize, each: &mut impl FnMut(&'v Value, usize)) {
    each(node, depth);
    for child in node["Plans"].as_array().into_iter().flatten() {
        visit(child, depth + 1, each);
    }
}

/// Kinds of nodes, tables and indexes: what costs and row counts do not change.
fn shape(plan: &Value) -> String {
    let mut shape = String::new();
    visit(plan, 0, &mut |node, depth| {
        let _ = write!(shape, "{}{}", "  ".repeat(depth), node["Node Type"].as_str().unwrap());
        for (word, name) in [("on", "Relation Name"), ("using", "Index Name")] {
            let _ = node[name].as_str().map_or(Ok(()), |name| write!(shape, " {word} {name}"));
        }
        shape.push('\n');
    });
    shape
}

fn number(node: &Value, name: &str) -> u64 {
    // PostgreSQL 18 reports rows per loop with decimals.
    node[name].as_f64().map_or(0, |number| number.ceil() as u64)
}

#[test]
fn reads_of_the_benchmark_use_indexes_and_read_no_more_than_they_need() {
    let path = binaries::repository().join("tests/bench/schema.graphql");
    let tenant = shared().json(&["tenant", "create", "plans", "--schema", path.to_str().unwrap()]).unwrap();
    let mut database = shared().database(tenant["database"].as_str().unwrap()).unwrap();
    database.execute(include_str!("../bench/seed.sql")).unwrap();
    database.execute("VACUUM (ANALYZE)").unwrap();
    // As the executor's connections have it.
    database.execute("SET max_parallel_workers_per_gather = 0; SET random_page_cost = 1.1; SET jit = off").unwrap();
    let schema = Schema::from_sdl("schema.graphql", &std::fs::read_to_string(path).unwrap()).unwrap();
    let version: u32 = database.texts("SELECT current_setting('server_version_num') AS value").unwrap()[0].parse().unwrap();
    for operation in OPERATIONS.iter().filter(|operation| operation.read) {
        let sql = statement(&schema, operation);
        let plan = explain(&mut database, "COSTS OFF, ", &sql);
        visit(&plan, 0, &mut |node, _| {
            let is_whole = node["Node Type"] == "Seq Scan" && BIG.iter().any(|table| node["Relation Name"] == *table);
            assert!(!is_whole, "({}) reads a big table from end to end:\n{}", operation.letter, shape(&plan));
        });
        // Another version may choose other nodes for the same work; the rules hold for each.
        if version / 10_000 == 15 {
            insta::assert_snapshot!(format!("plan_{}", operation.letter), shape(&plan));
        }
    }
    // In the seed an article has 5 comments as a rule, so that reading all of them or 5 would be the same.
    database.execute(POPULAR).unwrap();
    database.execute("VACUUM (ANALYZE)").unwrap();
    let latest = "{ listArticle(filter: {status: {eq: published}}, orderBy: [{publishedAt: desc}], limit: 20) \
                  { title comments(orderBy: [{createdAt: desc}], limit: 5) { body } } }";
    let plan =
        explain(&mut database, "ANALYZE, TIMING OFF, ", &statement(&schema, &Operation { query: latest, ..OPERATIONS[1] }));
    let n_read = rows_read(&plan, "comment");
    // The index ends with the id, as the order does. With one that ends with the time a sixth comment is read to see that it has not the fifth's time.
    assert!((1..=5 * 20).contains(&n_read), "5 comments of each of 20 articles cost {n_read} comments:\n{}", shape(&plan));
}

/// A hundred comments on each of the newest articles.
const POPULAR: &str = "INSERT INTO content.comment (id, author_name, body, created_at, article_id)
    SELECT gen_random_uuid(), 'Reader', 'First!', a.published_at + n * interval '1 minute', a.id
    FROM (SELECT * FROM content.article ORDER BY published_at DESC LIMIT 200) a, generate_series(1, 100) n";

/// Rows of a table that the plan looked at, those that a condition then left out included.
fn rows_read(plan: &Value, table: &str) -> u64 {
    let mut n_read = 0;
    visit(plan, 0, &mut |node, _| {
        if node["Relation Name"] == table {
            let per_loop =
                ["Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck"].map(|name| number(node, name));
            n_read += per_loop.iter().sum::<u64>() * number(node, "Actual Loops");
        }
    });
    n_read
}
