//! Compiles every case of the corpora in tests/cases and compares with its snapshot. Its README.md says what the files are.

#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use freehold_compiler::api::Api;
use freehold_compiler::bind::{Bind, BindContext, StepOutputs};
use freehold_compiler::caller::{Caller, Membership};
use freehold_compiler::compile::compile;
use freehold_compiler::error::RequestError;
use freehold_compiler::permissions::Permissions;
use freehold_compiler::plan::{
    Action, MutationRoot, MutationRootValue, PathFragment, Plan, QueryPlan, Root, RootValue, RowChecks, Statement, StepKind,
    Write,
};
use freehold_compiler::prepare::{Limits, prepare};
use freehold_schema::Schema;
use freehold_schema::names::{RoleName, VariableName};
use serde_json::{Map, Value};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/cases")
}

fn schema(root: &Path) -> Schema {
    let text = std::fs::read_to_string(root.join("schema.json")).unwrap();
    Schema::from_json("schema.json", &text).expect("the corpus has a valid schema")
}

fn folders(of: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(of).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn json(path: PathBuf) -> Option<Value> {
    std::fs::read_to_string(path).ok().map(|text| serde_json::from_str(&text).unwrap())
}

fn memberships(case: &Path) -> Vec<Membership> {
    let Some(stated) = json(case.join("caller.json")) else {
        return vec![Membership { role: RoleName::new("admin"), variables: std::collections::BTreeMap::new() }];
    };
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let membership = |stated: &Value| Membership {
        role: RoleName::new(&text(&stated["role"])),
        variables: stated["variables"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| (VariableName::new(&text(&it["name"])), it["values"].as_array().unwrap().iter().map(text).collect()))
            .collect(),
    };
    stated.as_array().unwrap().iter().map(membership).collect()
}

/// A case, compiled and printed.
fn compiled(schema: &Schema, case: &Path) -> String {
    let memberships = memberships(case);
    Caller::resolve(schema, None, &memberships).expect("the case states valid memberships");
    // As those of a token, with the roles that everybody holds.
    let caller = Caller::resolve_stored(schema, None, &memberships);
    let permissions = Permissions::new(schema, caller.role_set());
    let api = Api::build(schema, &permissions);
    let document = std::fs::read_to_string(case.join("operation.graphql")).unwrap();
    let values: Map<String, Value> =
        json(case.join("variables.json")).map_or_else(Map::new, |it| it.as_object().unwrap().clone());
    let prepared = match prepare(&api, &document, None, &Limits::default()) {
        Ok(prepared) => prepared,
        Err(errors) => return refused(&errors),
    };
    let variables = match prepared.coerce(&api, &values) {
        Ok(variables) => variables,
        Err(errors) => return refused(&errors),
    };
    let once = compile(schema, &permissions, &api, &prepared, &variables, &caller);
    let again = compile(schema, &permissions, &api, &prepared, &variables, &caller);
    let (once, again) = match (once, again) {
        (Ok(once), Ok(again)) => (once, again),
        (Err(errors), _) | (_, Err(errors)) => return refused(&errors),
    };
    let steps = StepOutputs::new();
    let ids: Vec<uuid::Uuid> = (0..10).map(uuid::Uuid::from_u128).collect();
    let context = BindContext {
        variables: &variables,
        caller: &caller,
        new_ids: &ids,
        now: "2024-01-01T00:00:00.000Z",
        authorship: "00000000-0000-0000-0000-000000000001 request ",
        marker: "0",
        cipher: None,
        steps: &steps,
    };
    for statement in once.statements() {
        let values = match statement.bind(&context) {
            Ok(values) => values,
            Err(error) => return refused(&[error]),
        };
        assert_eq!(values.len(), statement.binds.len());
        assert_eq!(statement.segments.len(), statement.binds.len() + 1);
    }
    let printed = print(&once);
    assert_eq!(printed, print(&again), "compiling twice gives the same text");
    printed
}

fn refused(errors: &[RequestError]) -> String {
    errors.iter().fold(String::new(), |mut text, error| {
        let _ = writeln!(text, "-- refused: {} {}", error.code.as_str(), error.message);
        text
    })
}

fn print(plan: &Plan) -> String {
    let mut text = String::new();
    match plan {
        Plan::Query(query) => print_query(&mut text, query),
        Plan::Mutation(mutation) => {
            print_mutation(&mut text, &mutation.roots, "");
        }
    }
    text
}

fn print_mutation(text: &mut String, roots: &[MutationRoot], prefix: &str) {
    for MutationRoot { key, value } in roots {
        match value {
            MutationRootValue::Write(write) => print_write(text, &format!("{prefix}{key}"), write),
            MutationRootValue::Query(query) => print_query(text, query),
            MutationRootValue::Constant(json) => drop(writeln!(text, "-- {prefix}{key}: {json}")),
            MutationRootValue::Object(index) => drop(writeln!(text, "-- {prefix}{key}: signed URL {index}")),
            MutationRootValue::Result(_) => drop(writeln!(text, "-- {prefix}{key}: of the transaction")),
            MutationRootValue::Transaction(transaction) => {
                transaction.defer.iter().for_each(|statement| print_statement(text, statement));
                print_mutation(text, &transaction.roots, &format!("{prefix}{key}."));
            }
        }
    }
}

fn print_query(text: &mut String, query: &QueryPlan) {
    print_roots(text, &query.roots, "");
    query.statement.iter().for_each(|statement| print_statement(text, statement));
}

fn print_roots(text: &mut String, roots: &[Root], prefix: &str) {
    for Root { key, value } in roots {
        let _ = match value {
            RootValue::Row(ordinal, _) => writeln!(text, "-- {prefix}{key}: row {ordinal}"),
            RootValue::Items(_) => writeln!(text, "-- {prefix}{key}: all rows"),
            RootValue::Constant(json) if json.len() > 100 => writeln!(text, "-- {prefix}{key}: {} bytes of JSON", json.len()),
            RootValue::Constant(json) => writeln!(text, "-- {prefix}{key}: {json}"),
            RootValue::Validation(validation) => {
                let _ = write!(text, "-- {prefix}{key}: {} input checks", n_checks(&validation.checks));
                match validation.row {
                    Some(ordinal) => writeln!(text, ", {} with row {ordinal}", n_checks(&validation.rules)),
                    None => writeln!(text),
                }
            }
            RootValue::Introspection => writeln!(text, "-- {prefix}{key}: introspection"),
            RootValue::Failed(error) => writeln!(text, "-- {prefix}{key}: null, {} {:?}", error.code.as_str(), error.message),
            RootValue::Object(roots) => {
                print_roots(text, roots, &format!("{prefix}{key}."));
                Ok(())
            }
        };
    }
}

fn print_write(text: &mut String, key: &str, write: &Write) {
    let _ = writeln!(text, "-- {key}: {}, {} input checks", write.result_type, n_checks(&write.checks));
    for step in &write.steps {
        for guard in &step.guards {
            let _ = writeln!(text, "-- if {guard:?}");
        }
        if !step.path.is_empty() {
            let _ = writeln!(text, "-- at {}", path(&step.path));
        }
        match &step.action {
            Action::Refuse(error) => drop(writeln!(text, "-- refused: {} {:?}", error.kind.as_str(), error.message)),
            Action::Judge(checks) => drop(writeln!(text, "-- judged: {} checks", checks.len())),
            Action::Send(statement, StepKind::Node(_)) => {
                text.push_str("-- node\n");
                print_statement(text, statement);
            }
            Action::Send(statement, StepKind::ChangedNode { unchanged, .. }) => {
                let _ = writeln!(text, "-- node, else {} {:?}", unchanged.kind.as_str(), unchanged.message);
                print_statement(text, statement);
            }
            Action::Send(statement, StepKind::Change { checks, .. }) => {
                for check in checks {
                    let (name, error) = (check.name.as_str(), &check.error);
                    let _ = writeln!(text, "-- {name}: else {} {:?}", error.kind.as_str(), error.message);
                }
                print_statement(text, statement);
            }
        }
    }
}

fn n_checks(rows: &[RowChecks]) -> usize {
    rows.iter().map(RowChecks::len).sum()
}

fn path(path: &[PathFragment]) -> String {
    let fragments = path.iter().map(|fragment| match fragment {
        PathFragment::Field(field) => field.to_string(),
        PathFragment::Index(index, alias) => format!("{index}{}", if alias.is_some() { "(alias)" } else { "" }),
    });
    fragments.collect::<Vec<_>>().join(".")
}

fn print_statement(text: &mut String, statement: &Statement) {
    text.push_str(&lines(&statement.sql()));
    text.push('\n');
    for (index, Bind { source, ty }) in statement.binds.iter().enumerate() {
        let _ = writeln!(text, "-- ${}: {ty:?} {source:?}", index + 1);
    }
}

/// Breaks a statement before each clause and indents it by its parentheses, for reading.
fn lines(sql: &str) -> String {
    const CLAUSES: [&str; 8] = ["SELECT ", "FROM ", "WHERE ", "ORDER BY ", "LIMIT ", "UNION ALL ", "WITH ", "RETURNING "];
    let mut text = String::with_capacity(sql.len() * 2);
    let (mut depth, mut quote) = (0_usize, None);
    for (at, c) in sql.char_indices() {
        let begins = quote.is_none() && CLAUSES.iter().any(|clause| sql[at..].starts_with(clause));
        if begins && at > 0 && sql[..at].ends_with([' ', '(']) {
            text.truncate(text.trim_end_matches(' ').len());
            text.push('\n');
            text.extend(std::iter::repeat_n("  ", depth));
        }
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => quote = Some(c),
            (None, '(') => depth += 1,
            (None, ')') => depth = depth.saturating_sub(1),
            _ => {}
        }
        text.push(c);
    }
    text
}

fn compile_all(root: &Path) {
    let schema = schema(root);
    for area in folders(root) {
        // A folder with a schema of its own is another corpus.
        if area.join("schema.json").exists() {
            continue;
        }
        for case in folders(&area) {
            let name = format!("{}/{}", area.file_name().unwrap().to_string_lossy(), case.file_name().unwrap().to_string_lossy());
            let printed = compiled(&schema, &case);
            let mut settings = insta::Settings::clone_current();
            settings.set_snapshot_path(&case);
            settings.set_prepend_module_to_snapshot(false);
            settings.set_omit_expression(true);
            settings.set_description(name);
            settings.bind(|| insta::assert_snapshot!("sql", printed));
        }
    }
}

#[test]
fn cases_compile_to_their_snapshots() {
    compile_all(&corpus());
}

#[test]
fn cases_of_the_shop_compile_to_their_snapshots() {
    compile_all(&corpus().join("shop"));
}
