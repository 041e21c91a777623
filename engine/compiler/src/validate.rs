//! Every validation rule of GraphQL October 2021, section 5, with the texts, locations and order of graphql-js, version 16.
//!
//! Rules fire at events of a depth-first walk: when a node is entered or left. graphql-js reports in the order of events and, at one event, in the order of its
//! list of rules; [`Report`] restores that order, so each rule may run when it likes.

mod arguments;
mod directives;
mod fields;
mod fragments;
mod limits;
mod operations;
mod overlaps;
#[cfg(test)]
mod tests;
mod values;
mod variables;
mod walk;

pub(crate) use limits::check as check_limits;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::api::Api;
use crate::error::{ErrorCode, RequestError};
use crate::prepare::Limits;
use crate::selection::Pos;
use crate::syntax::ast::{Document, Fragment};

/// What validation learned on the way.
#[derive(Debug, Default)]
pub(crate) struct Validated {
    /// Variables whose value, not only whose presence, decides the plan.
    pub(crate) by_value: HashSet<Arc<str>>,
}

/// Checks a document against the limits, then against every rule.
pub(crate) fn validate(api: &Api, document: &Document, limits: &Limits) -> Result<Validated, Vec<RequestError>> {
    limits::check(document, limits).map_err(|error| vec![*error])?;
    let mut by_name: HashMap<&str, &Fragment> = HashMap::new();
    for fragment in &document.fragments {
        by_name.entry(&fragment.name.text).or_insert(fragment);
    }
    let context = Context { api, document, fragments: by_name, report: RefCell::new(Report::new(limits.errors)) };
    let walked = walk::document(&context);
    operations::check(&context);
    let has_cycles = fragments::check(&context, &walked);
    variables::check(&context, &walked);
    if !has_cycles {
        overlaps::check(&context).map_err(|error| vec![*error])?;
    }
    context.report.into_inner().finish()?;
    Ok(Validated { by_value: walked.by_value() })
}

/// What rules look at.
struct Context<'a> {
    api: &'a Api,
    document: &'a Document,
    /// The first fragment of each name.
    fragments: HashMap<&'a str, &'a Fragment>,
    report: RefCell<Report>,
}

impl Context<'_> {
    /// Reports an error. `event` is where the walk is when graphql-js would report it.
    fn error(&self, event: Pos, rule: Rule, locations: Vec<Pos>, message: impl FnOnce() -> String) {
        let mut report = self.report.borrow_mut();
        // Suggestions cost time: beyond the limit not even the message is made.
        if report.errors.len() >= report.limit {
            report.is_full = true;
            return;
        }
        let error = RequestError { message: message(), locations, code: ErrorCode::GraphqlValidationFailed };
        report.errors.push(((event.line, event.column, rule), error));
    }
}

/// The rules in graphql-js's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rule {
    UniqueOperationNames,
    LoneAnonymousOperation,
    KnownTypeNames,
    FragmentsOnCompositeTypes,
    VariablesAreInputTypes,
    ScalarLeafs,
    FieldsOnCorrectType,
    UniqueFragmentNames,
    KnownFragmentNames,
    NoUnusedFragments,
    PossibleFragmentSpreads,
    NoFragmentCycles,
    UniqueVariableNames,
    NoUndefinedVariables,
    NoUnusedVariables,
    KnownDirectives,
    UniqueDirectivesPerLocation,
    KnownArgumentNames,
    UniqueArgumentNames,
    ValuesOfCorrectType,
    ProvidedRequiredArguments,
    VariablesInAllowedPosition,
    OverlappingFieldsCanBeMerged,
    UniqueInputFieldNames,
}

/// Errors and the events they belong to.
struct Report {
    errors: Vec<((usize, usize, Rule), RequestError)>,
    limit: usize,
    is_full: bool,
}

impl Report {
    fn new(limit: usize) -> Self {
        Self { errors: Vec::new(), limit, is_full: false }
    }

    fn finish(mut self) -> Result<(), Vec<RequestError>> {
        if self.errors.is_empty() {
            return Ok(());
        }
        self.errors.sort_by_key(|(event, _)| *event);
        let mut errors: Vec<RequestError> = self.errors.into_iter().map(|(_, error)| error).collect();
        if self.is_full {
            errors.push(RequestError {
                message: "Too many validation errors, error limit reached. Validation aborted.".to_owned(),
                locations: Vec::new(),
                code: ErrorCode::GraphqlValidationFailed,
            });
        }
        Err(errors)
    }
}

/// The end of the document, where the last rules fire.
const DOCUMENT_END: Pos = Pos { line: usize::MAX, column: usize::MAX };
