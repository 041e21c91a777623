//! What holds for every valid operation, tried on random ones (`generator`): it compiles, nothing of the caller's becomes SQL, and the SQL is no longer than
//! what was asked for.

#![allow(clippy::unwrap_used)]

// Other tests use more of it.
#[allow(dead_code)]
mod generator;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use freehold_compiler::api::Api;
use freehold_compiler::bind::{BindContext, StepOutputs};
use freehold_compiler::caller::{Caller, Membership};
use freehold_compiler::compile::compile;
use freehold_compiler::error::{ErrorCode, RequestError};
use freehold_compiler::permissions::Permissions;
use freehold_compiler::plan::Plan;
use freehold_compiler::prepare::{Limits, prepare};
use freehold_schema::Schema;
use freehold_schema::names::{RoleName, VariableName};
use generator::random::Random;
use generator::{Generator, Literals, Operation, Style};
use proptest::prelude::*;
use serde_json::{Map, Value};

/// A schema, and somebody who asks.
struct Subject {
    name: String,
    schema: Schema,
    permissions: Permissions,
    api: Api,
    caller: Caller,
}

impl Subject {
    fn new(name: &str, schema: &Schema, memberships: &[(&str, &[(&str, &str)])]) -> Self {
        let memberships: Vec<Membership> = memberships
            .iter()
            .map(|(role, variables)| Membership {
                role: RoleName::new(role),
                variables: variables
                    .iter()
                    .map(|(name, value)| (VariableName::new(name), vec![(*value).to_owned()]))
                    .collect::<BTreeMap<_, _>>(),
            })
            .collect();
        let caller = Caller::resolve(schema, None, &memberships).unwrap();
        let permissions = Permissions::new(schema, caller.role_set());
        let api = Api::build(schema, &permissions);
        let roles = caller.role_set().roles().iter().map(RoleName::as_str).collect::<Vec<_>>().join("+");
        Subject { name: format!("{name} as {roles}"), schema: schema.clone(), permissions, api, caller }
    }

    fn compile(&self, text: &str, values: &Map<String, Value>) -> Result<Compiled, Vec<RequestError>> {
        let refused =
            |what: &str, errors: &[RequestError]| -> ! { panic!("{}: {what}: {errors:?}\n{text}\n{values:?}", self.name) };
        let prepared = prepare(&self.api, text, None, &Limits::default()).unwrap_or_else(|errors| refused("not valid", &errors));
        let variables = prepared.coerce(&self.api, values).unwrap_or_else(|errors| refused("wrong variables", &errors));
        let again = || compile(&self.schema, &self.permissions, &self.api, &prepared, &variables, &self.caller);
        let plan = again()?;
        let same = again()?;
        assert_eq!(plan.statements(), same.statements(), "compiling twice gives the same statements: {text}");
        self.bind(&plan, &variables);
        Ok(Compiled { statements: plan.statements().into_iter().map(freehold_compiler::plan::Statement::sql).collect() })
    }

    /// Every bind has a placeholder and a value.
    fn bind(&self, plan: &Plan, variables: &freehold_compiler::coerce::Variables) {
        let (steps, ids) = (StepOutputs::new(), (0..50).map(uuid::Uuid::from_u128).collect::<Vec<_>>());
        let context = BindContext {
            variables,
            caller: &self.caller,
            new_ids: &ids,
            now: "2024-01-01T00:00:00.000Z",
            authorship: "00000000-0000-0000-0000-000000000001 request ",
            marker: "0",
            cipher: None,
            steps: &steps,
        };
        for statement in plan.statements() {
            assert_eq!(statement.segments.len(), statement.binds.len() + 1);
            let text: String = statement.segments.concat();
            assert!(!text.contains('$'), "a placeholder without a bind: {text}");
            assert_eq!(statement.bind(&context).unwrap().len(), statement.binds.len());
        }
    }
}

struct Compiled {
    statements: Vec<String>,
}

impl Compiled {
    fn length(&self) -> usize {
        self.statements.iter().map(String::len).sum()
    }
}

fn json(text: &str) -> Schema {
    Schema::from_json("schema.json", text).unwrap()
}

fn tiny() -> Schema {
    json(include_str!("golden/tiny.schema.json"))
}

fn blog() -> Schema {
    json(include_str!("golden/blog.schema.json"))
}

static SUBJECTS: LazyLock<Vec<Subject>> = LazyLock::new(|| {
    let (blog, tiny) = (blog(), tiny());
    let desk = Schema::from_sdl("desk.graphql", include_str!("../../../tests/it/leaks/desk.graphql")).unwrap();
    let site: &[(&str, &str)] = &[("site", "10000000-0000-4000-8000-000000000001")];
    let level: &[(&str, &str)] = &[("level", r#"{"or":[{"gte":2},{"isNull":true}]}"#)];
    vec![
        Subject::new("tiny", &tiny, &[("admin", &[])]),
        Subject::new("tiny", &tiny, &[("guest", &[])]),
        Subject::new("blog", &blog, &[("admin", &[])]),
        Subject::new("blog", &blog, &[("editor", site)]),
        Subject::new("blog", &blog, &[("senior", site)]),
        Subject::new("blog", &blog, &[("reader", level)]),
        Subject::new("blog", &blog, &[("editor", site), ("reader", level)]),
        Subject::new("desk", &desk, &[("admin", &[])]),
        Subject::new("desk", &desk, &[("guest", &[])]),
        Subject::new("desk", &desk, &[("member", &[("team", "20000000-0000-4000-8000-000000000001")])]),
    ]
});

/// Every text that a caller can give, recognisable, with all that means something to SQL.
const MARKS: [&str; 5] = ["zzmark", "feedface", "31337", "2024-02", "13:37"];

fn marked() -> Literals {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    Literals {
        ids: owned(&["feedface-0000-4000-8000-000000000001", "FEEDFACE-0000-4000-8000-000000000002"]),
        texts: owned(&["zzmark", "zzmark'; --", "zzmark\"\\'$1{}", "\\zzmark%_\n€", "zzmark\u{feff}\u{202e}"]),
        times: owned(&["2024-02-29", "2024-02-29T13:37:00.000Z"]),
        clocks: owned(&["13:37", "13:37:59"]),
        decimals: owned(&["31337", "-31337.25", "0.31337"]),
    }
}

const ANYTHING: Style = Style {
    root: "Query",
    // Mostly refused: data by chance seldom name rows by whole keys.
    is_root: |name| !name.starts_with("validate"),
    depth: 4,
    // An order by chance has no cursors.
    is_member: |name| !matches!(name, "_dummy_field_" | "_random"),
    is_composed: true,
};

/// Characters of SQL for a field or a piece of input, permissions included.
const PER_PIECE: usize = 1_000;

/// Tells whether the operation is answered; refusals must be among those that are documented.
fn check(subject: &Subject, operation: &Operation, refusals: &[ErrorCode]) -> bool {
    let text = operation.text();
    match subject.compile(&text, &operation.variables()) {
        Err(errors) => {
            assert!(errors.iter().all(|error| refusals.contains(&error.code)), "{}: {errors:?}\n{text}", subject.name);
            false
        }
        Ok(compiled) => {
            for sql in &compiled.statements {
                let found = MARKS.iter().find(|mark| sql.to_ascii_lowercase().contains(**mark));
                assert!(found.is_none(), "{}: {found:?} of the caller is SQL: {sql}\n{text}", subject.name);
            }
            let (length, n_pieces) = (compiled.length(), operation.size.fields + operation.size.inputs);
            assert!(length <= PER_PIECE * n_pieces, "{}: {length} characters for {n_pieces} pieces: {text}", subject.name);
            true
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_valid_query_compiles(seed in any::<u64>()) {
        let literals = marked();
        let mut random = Random::new(seed);
        for subject in SUBJECTS.iter() {
            let generator = Generator::new(&subject.api, ANYTHING, &literals);
            let n_answered = (0..10)
                // A relation's row by a key needs a whole key, which chance does not always find.
                .filter(|_| check(subject, &generator.operation(&mut random), &[ErrorCode::NonUniqueWhere]))
                .count();
            prop_assert!(n_answered >= 3, "{}: only {n_answered} of 10 queries are answered", subject.name);
        }
    }

    #[test]
    fn every_valid_mutation_compiles_or_is_not_offered(seed in any::<u64>()) {
        let literals = marked();
        let mut random = Random::new(seed);
        let style = Style { root: "Mutation", depth: 2, ..ANYTHING };
        for subject in SUBJECTS.iter().filter(|subject| subject.api.has_mutation) {
            let generator = Generator::new(&subject.api, style, &literals);
            for _ in 0..10 {
                let refusals = [ErrorCode::NonUniqueWhere, ErrorCode::NotSupported, ErrorCode::BadUserInput];
                check(subject, &generator.operation(&mut random), &refusals);
            }
        }
    }
}

/// Documents that grow by the same piece: the SQL must grow by the same length, numbers aside, or by a few words more where many pieces are written otherwise.
#[test]
fn sql_grows_with_the_operation_and_no_faster() {
    fn nested(n: usize, open: &str, inner: &str, close: &str) -> String {
        format!("{}{inner}{}", open.repeat(n), close.repeat(n))
    }
    fn listed(n: usize, piece: impl Fn(usize) -> String) -> String {
        (1000..1000 + n).map(piece).collect::<Vec<_>>().join(" ")
    }
    /// A name, how often the piece is repeated at most, and the document.
    type Series = (&'static str, usize, fn(usize) -> String);
    let series: &[Series] = &[
        ("relations inside each other", 10, |n| format!("{{ listPost {{ {} }} }}", nested(n, "author { posts { ", "id", " } }"))),
        ("columns", 10, |n| format!("{{ listPost {{ {} }} }}", listed(n, |i| format!("a{i}: title")))),
        ("root fields", 10, |n| format!("{{ {} }}", listed(n, |i| format!("a{i}: listPost {{ title }}")))),
        ("relations beside each other", 10, |n| {
            format!("{{ listPost {{ {} }} }}", listed(n, |i| format!("a{i}: labels(limit: 2) {{ name posts {{ id }} }}")))
        }),
        ("pages beside each other", 10, |n| {
            let page = |i| {
                format!("a{i}: paginatePosts(skip: 1, first: 2) {{ pageInfo {{ totalCount }} edges {{ node {{ title }} }} }}")
            };
            format!("{{ listLabel {{ {} }} }}", listed(n, page))
        }),
        ("branches of an or", 10, |n| {
            format!("{{ listPost(filter: {{or: [{}]}}) {{ id }} }}", listed(n, |_| "{author: {name: {eq: \"a\"}}}".to_owned()))
        }),
        ("conditions inside each other", 10, |n| {
            format!(
                "{{ listPost(filter: {}) {{ id }} }}",
                nested(n, "{not: {and: [", "{note: {eq: \"a\"}}, {title: {eq: \"b\"}}", "]}}")
            )
        }),
        ("relations of a filter", 4, |n| {
            let inner = nested(n, "{posts: {author: ", "{name: {eq: \"a\"}}", "}}");
            format!("{{ listPost(filter: {{author: {inner}}}) {{ id }} }}")
        }),
        ("items of an order", 10, |n| {
            format!("{{ listPost(orderBy: [{}]) {{ id }} }}", listed(n, |_| "{score: desc}".to_owned()))
        }),
        ("relations of an order", 10, |n| {
            let inner = nested(n, "{post: {summary: ", "{text: asc}", "}}");
            format!("{{ listPost(orderBy: [{{summary: {inner}}}]) {{ id }} }}")
        }),
    ];
    for subject in SUBJECTS.iter().filter(|subject| subject.name.starts_with("desk")) {
        for (name, most, document) in series {
            let length = |n: usize| {
                let compiled = subject.compile(&document(n), &Map::new()).unwrap_or_else(|errors| panic!("{name}: {errors:?}"));
                compiled.statements.concat().chars().filter(|c| !c.is_ascii_digit()).count()
            };
            let lengths: Vec<usize> = (2..=*most).map(length).collect();
            let steps: Vec<usize> = lengths.windows(2).map(|pair| pair[1] - pair[0]).collect();
            let (least, most) = (steps.iter().min().unwrap(), steps.iter().max().unwrap());
            assert!(most * 10 <= least * 11, "{}: {name}: {lengths:?} grows by {steps:?}", subject.name);
        }
    }
}
