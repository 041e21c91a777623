//! The JSON of results (content API, sections 11 to 13).

use serde_json::{Value, json};

use super::running::issues;
use super::{Failure, Fragment, Issue, Outcome};
use crate::api::Meaning;
use crate::bind::BindContext;
use crate::error::RequestError;
use crate::lower::model::project;
use crate::plan::{Validation, Write};
use crate::selection::Selected;

impl Write {
    /// The JSON of the root field's value.
    #[must_use]
    pub fn answer(&self, outcome: &Outcome) -> String {
        let mut nodes = match outcome {
            Outcome::Done { nodes, .. } => nodes.iter(),
            Outcome::Invalid(_) | Outcome::Failed(_) | Outcome::Undone => [].iter(),
        };
        let mut answer = String::with_capacity(64 + nodes.as_slice().iter().map(String::len).sum::<usize>());
        answer.push('{');
        for (index, field) in self.result.iter().enumerate() {
            answer.push_str(if index == 0 { "\"" } else { ",\"" });
            // A response key is a GraphQL name, which JSON does not escape.
            answer.push_str(&field.key);
            answer.push_str("\":");
            match field.meaning {
                Meaning::Node => answer.push_str(nodes.next().map_or("null", String::as_str)),
                Meaning::Typename => answer.push_str(&Value::from(&*self.result_type).to_string()),
                _ => answer.push_str(&member(outcome, field)),
            }
        }
        answer.push('}');
        answer
    }
}

impl Validation {
    /// The JSON of the root field's value. What the database told is among the texts of the context's steps, see [`Validation::told`].
    ///
    /// # Errors
    /// When a value of the request cannot be used.
    pub fn answer(&self, context: &BindContext<'_>) -> Result<String, RequestError> {
        let mut broken = issues(&self.checks, context)?;
        // As a write, which does not look at rows before the data are right in themselves.
        if broken.is_empty() {
            broken = issues(&self.rules, context)?;
        }
        Ok(project(&validation(&broken), &self.field).to_string())
    }
}

/// The JSON of a member of a result, of one write or of a transaction.
#[must_use]
pub fn member(outcome: &Outcome, field: &Selected) -> String {
    let value = match &*field.name {
        "ok" => Value::from(matches!(outcome, Outcome::Done { .. })),
        "affected" => match outcome {
            Outcome::Done { affected, .. } => Value::from(*affected),
            Outcome::Invalid(_) | Outcome::Failed(_) | Outcome::Undone => Value::from(0),
        },
        "errorMessage" => error_message(outcome).map_or(Value::Null, Value::from),
        "errors" => match outcome {
            Outcome::Failed(failures) => failures.iter().map(error).collect(),
            Outcome::Done { .. } | Outcome::Invalid(_) | Outcome::Undone => json!([]),
        },
        "validation" => match outcome {
            Outcome::Invalid(issues) => validation(issues),
            Outcome::Done { .. } | Outcome::Failed(_) | Outcome::Undone => validation(&[]),
        },
        _ => Value::Null,
    };
    project(&value, field).to_string()
}

fn error(failure: &Failure) -> Value {
    let paths: Vec<Value> = failure.paths.iter().map(|path| fragments(path)).collect();
    json!({
        "__typename": "_MutationError",
        "path": paths.first().cloned().unwrap_or_else(|| json!([])),
        "paths": paths,
        "type": failure.kind.as_str(),
        "message": failure.message,
    })
}

fn validation(issues: &[Issue]) -> Value {
    let errors = issues.iter().map(|issue| {
        json!({
            "__typename": "_ValidationError",
            "path": fragments(&issue.path),
            "message": { "__typename": "_ValidationMessage", "text": issue.message },
        })
    });
    json!({ "__typename": "_ValidationResult", "valid": issues.is_empty(), "errors": errors.collect::<Vec<_>>() })
}

fn fragments(path: &[Fragment]) -> Value {
    path.iter()
        .map(|fragment| match fragment {
            Fragment::Field(field) => json!({ "__typename": "_FieldPathFragment", "field": field }),
            Fragment::Index(index, alias) => json!({ "__typename": "_IndexPathFragment", "index": index, "alias": alias }),
        })
        .collect()
}

fn error_message(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Done { .. } | Outcome::Undone => None,
        Outcome::Invalid(issues) => {
            let lines: Vec<String> =
                issues.iter().map(|Issue { path, message }| format!("{}: {message}", path_text(path))).collect();
            Some(format!("Validation has failed:\n{}", lines.join("\n")))
        }
        Outcome::Failed(failures) => {
            let items = failures.iter().map(|Failure { paths, kind, message }| {
                let path = paths.first().map(Vec::as_slice).unwrap_or_default();
                format!("{}: {} ({})", path_text(path), kind.as_str(), message.as_deref().unwrap_or_default())
            });
            Some(format!("Execution has failed:\n{}", items.collect::<Vec<_>>().join(",")))
        }
    }
}

fn path_text(path: &[Fragment]) -> String {
    if path.is_empty() {
        return "unknown field".to_owned();
    }
    let fragments = path.iter().map(|fragment| match fragment {
        Fragment::Field(field) => field.clone(),
        Fragment::Index(index, None) => index.to_string(),
        Fragment::Index(index, Some(alias)) => format!("{index}({alias})"),
    });
    fragments.collect::<Vec<_>>().join(".")
}
