//! The system API (content API, section 16): what happened to the content, told by async-graphql over fixed types.

mod events;
mod numbers;
mod types;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use async_graphql::{EmptyMutation, EmptySubscription, Object, Request, Schema, ServerError, Variables};
use freehold_compiler::error::{ErrorCode, RequestError};
use freehold_compiler::prepare::{Limits, check_bounds};
use freehold_compiler::selection::Pos;
use freehold_executor::Tenant;
use serde_json::{Map, Value};

use crate::http::failure::Failure;
use crate::state::State;
use types::{Event, EventsArgs, Stage};

/// A root field that reads events counts as this many others: each is a statement with thousands of rows.
const MAX_COMPLEXITY: usize = 1_000;

/// The schema: the same for every tenant and role.
pub struct SystemApi(Schema<Query, EmptyMutation, EmptySubscription>);

/// One request.
pub struct Asked {
    /// The process.
    pub state: Arc<State>,
    /// Whose log.
    pub tenant: Arc<Tenant>,
    /// Whether the caller may read it.
    pub has_history: bool,
    /// When the answer is due.
    pub deadline: Instant,
}

/// Why a resolver gave up, in our own words.
#[derive(Default)]
struct GivenUp(Mutex<Option<Failure>>);

pub(crate) struct Query;

#[Object]
impl Query {
    /// Changes of the content that were committed, in the order in which they were made. The last ones first, 1,000 of them, unless asked otherwise.
    #[graphql(complexity = "100 + child_complexity")]
    async fn events(&self, ctx: &async_graphql::Context<'_>, args: Option<EventsArgs>) -> async_graphql::Result<Vec<Event>> {
        let (asked, given_up) = (ctx.data::<Asked>()?, ctx.data::<Arc<GivenUp>>()?);
        let whole_rows = ctx.look_ahead().field("oldValues").exists();
        let read = match asked.has_history {
            true => events::read(asked, args.unwrap_or_default(), whole_rows).await,
            false => Err(Failure::HistoryForbidden),
        };
        read.map_err(|failure| {
            given_up.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(failure);
            "failed".into()
        })
    }

    /// Every tenant has one.
    async fn stages(&self) -> Vec<Stage> {
        vec![Stage::live()]
    }
}

impl SystemApi {
    /// Builds the types.
    pub fn new() -> Self {
        let schema = Schema::build(Query, EmptyMutation, EmptySubscription);
        Self(schema.limit_complexity(MAX_COMPLEXITY).finish())
    }

    /// The JSON of an answer.
    ///
    /// # Errors
    /// What is wrong with the document, or why the log could not be read.
    pub async fn answer(
        &self,
        text: &str,
        operation_name: Option<String>,
        variables: Map<String, Value>,
        asked: Asked,
        limits: &Limits,
    ) -> Result<Vec<u8>, Failure> {
        // async-graphql's parser has no bounds of its own.
        check_bounds(text, limits).map_err(|error| Failure::Document(vec![error]))?;
        let given_up = Arc::new(GivenUp::default());
        let mut request = Request::new(text).variables(Variables::from_json(Value::Object(variables))).data(asked);
        if let Some(name) = operation_name {
            request = request.operation_name(name);
        }
        let response = self.0.execute(request.data(Arc::clone(&given_up))).await;
        if let Some(failure) = given_up.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(failure);
        }
        if !response.errors.is_empty() {
            return Err(Failure::Document(response.errors.iter().map(refused).collect()));
        }
        #[derive(serde::Serialize)]
        struct Answer<'a> {
            data: &'a async_graphql::Value,
        }
        serde_json::to_vec(&Answer { data: &response.data }).map_err(|_| Failure::Internal)
    }
}

fn refused(error: &ServerError) -> RequestError {
    let code = if error.path.is_empty() { ErrorCode::GraphqlValidationFailed } else { ErrorCode::BadUserInput };
    let locations = error.locations.iter().map(|at| Pos { line: at.line, column: at.column }).collect();
    RequestError { message: error.message.clone(), locations, code }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What clients are made for; read it as an API when it changes.
    #[test]
    fn the_types_are_these() {
        insta::assert_snapshot!(SystemApi::new().0.sdl());
    }
}
