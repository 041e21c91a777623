//! From arguments to a statement, and from its rows to events.

use std::sync::Arc;

use freehold_compiler::error::{ErrorCode, RequestError};
use freehold_executor::events::{self, EventQuery};
use freehold_executor::{ExecuteError, Row};
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::Asked;
use super::numbers;
use super::types::{
    CreateEvent, DateTime, DeleteEvent, Event, EventType, EventsArgs, EventsFilter, EventsOrder, Json, PrimaryKey, TruncateEvent,
    UpdateEvent,
};
use crate::http::failure::Failure;

const DEFAULT_LIMIT: i32 = 1_000;
const MAX_LIMIT: i32 = 10_000;
/// What is asked for one by one.
const MAX_ROWS: usize = 1_000;
/// The only stage.
const STAGE: &str = "live";

/// Reads events, with the whole rows before updates if they are wanted.
pub(super) async fn read(asked: &Asked, args: EventsArgs, whole_rows: bool) -> Result<Vec<Event>, Failure> {
    if let Some(stage) = args.stage.as_deref().filter(|stage| *stage != STAGE) {
        return Err(Failure::StageNotFound(stage.to_owned()));
    }
    let (statement, binds) = events::statement(query(args, whole_rows)?);
    let registry = &asked.state.registry;
    match registry.query(&asked.tenant, &Arc::new(statement), binds, asked.deadline).await {
        Ok(rows) => rows.iter().map(event).collect(),
        // A database from before the migration that brings it.
        Err(ExecuteError::Database(error)) if error.is_missing_table() => {
            Err(refused(ErrorCode::NotSupported, "this tenant has no event log yet".to_owned()))
        }
        Err(error) => Err(Failure::Execute(error)),
    }
}

fn query(args: EventsArgs, whole_rows: bool) -> Result<EventQuery, Failure> {
    let EventsArgs { stage: _, filter, order, offset, limit } = args;
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    if !(0..=MAX_LIMIT).contains(&limit) {
        return Err(wrong(format!("`limit` is {limit}; it must be from 0 to {MAX_LIMIT}")));
    }
    let offset = offset.unwrap_or(0);
    if offset < 0 {
        return Err(wrong(format!("`offset` is {offset}; it must not be negative")));
    }
    let EventsFilter { types, rows, tables, transactions, identities, created_at, applied_at } = filter.unwrap_or_default();
    if rows.as_ref().is_some_and(|rows| rows.len() > MAX_ROWS) {
        return Err(wrong(format!("`rows` names more than {MAX_ROWS} rows")));
    }
    let identity =
        |text: String| Uuid::try_parse(&text).map_err(|_| wrong(format!("`{text}` is no identity: it must be a UUID")));
    let transaction = |text: String| match numbers::parse(&text) {
        Some(number) => Ok(number.to_string()),
        None => Err(wrong(format!("`{text}` is no transaction: it must be the `transactionId` of an event"))),
    };
    let (mut from, mut to) = (Vec::new(), Vec::new());
    for time in [created_at, applied_at].into_iter().flatten() {
        from.extend(time.from.map(|DateTime(text)| text));
        to.extend(time.to.map(|DateTime(text)| text));
    }
    let key = |key: Vec<PrimaryKey>| key.into_iter().map(|PrimaryKey(text)| text).collect();
    Ok(EventQuery {
        kinds: types.map(|types| types.into_iter().map(name_of).collect()),
        rows: rows.map(|rows| rows.into_iter().map(|row| (row.table_name, key(row.primary_key))).collect()),
        tables,
        transactions: transactions.map(|all| all.into_iter().map(transaction).collect::<Result<_, _>>()).transpose()?,
        identities: identities.map(|all| all.into_iter().map(identity).collect::<Result<_, _>>()).transpose()?,
        from,
        to,
        ascending: matches!(order, Some(EventsOrder::CreatedAtAsc | EventsOrder::AppliedAtAsc)),
        offset: i64::from(offset),
        limit: i64::from(limit),
        whole_rows,
    })
}

fn wrong(message: String) -> Failure {
    refused(ErrorCode::BadUserInput, message)
}

fn refused(code: ErrorCode, message: String) -> Failure {
    Failure::Operation(vec![RequestError { message, locations: Vec::new(), code }])
}

fn name_of(kind: EventType) -> &'static str {
    match kind {
        EventType::Create => "create",
        EventType::Update => "update",
        EventType::Delete => "delete",
        EventType::Truncate => "truncate",
    }
}

/// An event as its statement writes it.
#[derive(Deserialize)]
struct Recorded {
    id: String,
    transaction_id: String,
    /// See [`BindContext::authorship`](freehold_compiler::bind::BindContext::authorship).
    authorship: Option<String>,
    created_at: String,
    kind: String,
    table_name: String,
    primary_key: Vec<String>,
    old_values: Option<Box<RawValue>>,
    new_values: Option<Box<RawValue>>,
}

fn event(row: &Row) -> Result<Event, Failure> {
    let internal = |reason: String| Failure::Execute(ExecuteError::Internal { reason });
    let recorded: Recorded =
        serde_json::from_slice(&row.value).map_err(|error| internal(format!("an event cannot be read: {error}")))?;
    let kind = match recorded.kind.as_str() {
        "create" => EventType::Create,
        "update" => EventType::Update,
        "delete" => EventType::Delete,
        "truncate" => EventType::Truncate,
        other => return Err(internal(format!("an event has the unknown kind `{other}`"))),
    };
    let number = |text: &str| {
        let number = numbers::parse(text).ok_or_else(|| internal(format!("an event has the id `{text}`")))?;
        Ok::<_, Failure>(numbers::to_uuid(number).to_string())
    };
    let (id, transaction_id) = (number(&recorded.id)?, number(&recorded.transaction_id)?);
    Ok(Recorded { id, transaction_id, ..recorded }.into_event(kind))
}

/// `Creating tag#<id>`, `Deleting article_tags#<a>;<b>`
fn describe(kind: EventType, table: &str, primary_key: &[String]) -> String {
    let verb = match kind {
        EventType::Create => "Creating",
        EventType::Update => "Updating",
        EventType::Delete => "Deleting",
        EventType::Truncate => return format!("Truncating {table}"),
    };
    format!("{verb} {table}#{}", primary_key.join(";"))
}

impl Recorded {
    fn into_event(self, kind: EventType) -> Event {
        let mut told = self.authorship.as_deref().unwrap_or_default().splitn(3, ' ');
        let mut next = || told.next().filter(|part| !part.is_empty()).map(str::to_owned);
        let (identity_id, request_id, operation) = (next(), next(), next());
        macro_rules! event {
            ($name:ident { $($field:ident: $value:expr),* }) => {
                $name {
                    id: self.id,
                    transaction_id: self.transaction_id,
                    // People of an organisation have no names here yet.
                    identity_description: "(unknown)".to_owned(),
                    identity_id,
                    description: describe(kind, &self.table_name, &self.primary_key),
                    created_at: DateTime(self.created_at.clone()),
                    applied_at: DateTime(self.created_at),
                    kind,
                    table_name: self.table_name,
                    primary_key: self.primary_key.into_iter().map(PrimaryKey).collect(),
                    request_id,
                    operation,
                    $($field: json($value),)*
                }
            };
        }
        match kind {
            EventType::Create => Event::Create(event!(CreateEvent { new_values: self.new_values })),
            EventType::Update => Event::Update(event!(UpdateEvent { old_values: self.old_values, diff_values: self.new_values })),
            EventType::Delete => Event::Delete(event!(DeleteEvent { old_values: self.old_values })),
            EventType::Truncate => Event::Truncate(event!(TruncateEvent {})),
        }
    }
}

fn json(value: Option<Box<RawValue>>) -> Json {
    Json(value.map_or_else(|| "null".to_owned(), |value| value.get().to_owned()))
}
