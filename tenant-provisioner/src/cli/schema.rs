//! `freehold schema …`

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use freehold_compiler::api::Api;
use freehold_compiler::caller::{Caller, Membership};
use freehold_compiler::permissions::Permissions;
use freehold_schema::names::RoleName;
use freehold_schema::{Schema, SchemaError};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::args::{SchemaCommand, SchemaForm};
use super::context::Context;
use super::failure::{Exit, Failure};
use super::output::Output;

pub(super) fn run(command: SchemaCommand, context: Option<&Path>, runtime: &Handle, output: Output) -> Result<Exit, Failure> {
    match command {
        SchemaCommand::Check { files } => check(&files, output),
        SchemaCommand::Release { file } => release(&file, context, runtime, output),
        SchemaCommand::Print { schema, role } => print(&schema, &role, output),
        SchemaCommand::Convert { file, to } => convert(&file, to, output),
        SchemaCommand::Directives => {
            let text = freehold_schema::directives();
            output.answer(&json!({ "sdl": text }), || text.to_owned());
            Ok(Exit::Done)
        }
    }
}

/// Reads a schema file of either form; mistakes in it become a failure that lists them all.
pub(crate) fn read(path: &Path) -> Result<Schema, Failure> {
    let text = read_text(path)?;
    parse(path, &text)?.map_err(|errors| {
        let message = format!("{} in `{}`", count(errors.len(), "mistake"), path.display());
        Failure::local("SCHEMA_INVALID", message).details(errors.iter().map(ToString::to_string).collect())
    })
}

fn check(files: &[PathBuf], output: Output) -> Result<Exit, Failure> {
    let mut answers = Vec::new();
    let mut lines = Vec::new();
    let mut n_errors = 0;
    for path in files {
        let errors = parse(path, &read_text(path)?)?.err().unwrap_or_default();
        n_errors += errors.len();
        match errors.is_empty() {
            true => lines.push(format!("{}: ok", path.display())),
            false => lines.extend(errors.iter().map(ToString::to_string)),
        }
        let errors: Vec<Value> = errors.iter().map(error_json).collect();
        answers.push(json!({ "file": path, "valid": errors.is_empty(), "errors": errors }));
    }
    let answer = json!({ "valid": n_errors == 0, "files": answers });
    output.answer(&answer, || lines.join("\n"));
    if n_errors == 0 {
        return Ok(Exit::Done);
    }
    output.note(&format!("{} in {}", count(n_errors, "mistake"), count(files.len(), "file")));
    Ok(Exit::Failed)
}

fn release(path: &Path, context: Option<&Path>, runtime: &Handle, output: Output) -> Result<Exit, Failure> {
    let schema = read(path)?;
    let release_id = Context::find(context)?.provisioner(runtime)?.register_release(&schema)?;
    output.answer(&json!({ "release_id": release_id }), || release_id.to_string());
    Ok(Exit::Done)
}

fn print(path: &Path, roles: &[String], output: Output) -> Result<Exit, Failure> {
    let schema = read(path)?.in_api_order();
    check_roles(&schema, roles)?;
    let memberships = roles.iter().map(|role| Membership { role: RoleName::new(role), variables: BTreeMap::new() });
    // The API depends on the roles alone; what their variables hold decides about rows.
    let caller = Caller::resolve_stored(&schema, None, &memberships.collect::<Vec<_>>());
    // As of an engine with a bucket: roles with rules on objects are written for one.
    let sdl = Api::build_with_objects(&schema, &Permissions::new(&schema, caller.role_set())).sdl();
    output.answer(&json!({ "sdl": sdl }), || sdl.clone());
    Ok(Exit::Done)
}

fn convert(path: &Path, to: Option<SchemaForm>, output: Output) -> Result<Exit, Failure> {
    let schema = read(path)?;
    let to = to.unwrap_or(match form_of(path)? {
        SchemaForm::Sdl => SchemaForm::Json,
        SchemaForm::Json => SchemaForm::Sdl,
    });
    match to {
        SchemaForm::Sdl => {
            let sdl = schema.to_sdl();
            output.answer(&json!({ "sdl": sdl }), || sdl.clone());
        }
        // Already JSON: the same document for people and programs.
        SchemaForm::Json => {
            let text = schema.to_json();
            let document: Value = serde_json::from_str(&text).expect("the schema's own JSON is valid");
            output.answer(&document, || text);
        }
    }
    Ok(Exit::Done)
}

/// Every role must be one of the schema's.
pub(super) fn check_roles(schema: &Schema, roles: &[String]) -> Result<(), Failure> {
    let Some(unknown) = roles.iter().find(|role| !schema.roles.contains_key(role.as_str())) else { return Ok(()) };
    let known: Vec<String> = schema.roles.keys().map(|role| format!("`{role}`")).collect();
    let failure = Failure::new(Exit::NotFound, "ROLE_UNKNOWN", format!("the schema has no role `{unknown}`"));
    Err(failure.hint(format!("it has {}", known.join(", "))))
}

fn parse(path: &Path, text: &str) -> Result<Result<Schema, Vec<SchemaError>>, Failure> {
    let file = path.display().to_string();
    Ok(match form_of(path)? {
        SchemaForm::Sdl => Schema::from_sdl(&file, text),
        SchemaForm::Json => Schema::from_json(&file, text),
    })
}

fn form_of(path: &Path) -> Result<SchemaForm, Failure> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("graphql" | "graphqls" | "gql") => Ok(SchemaForm::Sdl),
        Some("json") => Ok(SchemaForm::Json),
        _ => {
            let message = format!("cannot tell the form of `{}`", path.display());
            Err(Failure::new(Exit::Usage, "SCHEMA_FORM", message).hint("its name ends in .graphql for SDL, or in .json"))
        }
    }
}

/// A text file that the command line names.
pub(crate) fn read_text(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| {
        let exit = if error.kind() == std::io::ErrorKind::NotFound { Exit::NotFound } else { Exit::Failed };
        Failure::new(exit, "FILE_UNREADABLE", format!("cannot read `{}`: {error}", path.display()))
    })
}

fn error_json(error: &SchemaError) -> Value {
    json!({
        "file": error.file, "line": error.line, "column": error.column,
        "code": error.code, "message": error.message, "hint": error.hint,
    })
}

fn count(n: usize, thing: &str) -> String {
    format!("{n} {thing}{}", if n == 1 { "" } else { "s" })
}
