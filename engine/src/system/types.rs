//! GraphQL types of the system API.

#![allow(clippy::duplicated_attributes, reason = "fields of the interface may have the same type")]

use async_graphql::{Enum, InputObject, InputValueError, InputValueResult, Interface, Scalar, ScalarType, SimpleObject, Value};

/// An instant, RFC 3339.
#[derive(Debug, Clone)]
pub struct DateTime(pub String);

#[Scalar]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text) if chrono::DateTime::parse_from_rfc3339(&text).is_ok() => Ok(Self(text)),
            _ => Err(InputValueError::custom("an instant is written like 2026-01-31T12:00:00Z")),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

/// What async-graphql prints as it is: its own name for it is not public.
const RAW_VALUE: &str = "$serde_json::private::RawValue";

/// Any JSON. Numbers keep their digits.
#[derive(Debug, Clone)]
pub struct Json(pub String);

#[Scalar]
impl ScalarType for Json {
    fn parse(value: Value) -> InputValueResult<Self> {
        Ok(Self(value.to_string()))
    }

    fn to_value(&self) -> Value {
        let raw = Value::String(self.0.clone());
        Value::Object([(async_graphql::Name::new(RAW_VALUE), raw)].into_iter().collect())
    }
}

/// One column of a primary key, as text; whole numbers are taken, too.
#[derive(Debug, Clone)]
pub struct PrimaryKey(pub String);

#[Scalar]
impl ScalarType for PrimaryKey {
    fn parse(value: Value) -> InputValueResult<Self> {
        match value {
            Value::String(text) => Ok(Self(text)),
            Value::Number(number) if number.is_i64() => Ok(Self(number.to_string())),
            other => Err(InputValueError::expected_type(other)),
        }
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.clone())
    }
}

/// What can happen to rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum EventType {
    /// Values of a row changed.
    Update,
    /// A row was deleted.
    Delete,
    /// A row was created.
    Create,
    /// All rows of a table were removed at once.
    Truncate,
}

/// Orders of events. Both times are the same here: the log has no other order than that in which changes were made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
pub enum EventsOrder {
    /// The oldest first.
    CreatedAtAsc,
    /// The latest first.
    CreatedAtDesc,
    /// The oldest first.
    AppliedAtAsc,
    /// The latest first.
    AppliedAtDesc,
}

/// What to read of the log.
#[derive(Debug, Default, InputObject)]
pub struct EventsArgs {
    /// `live`, the only one there is.
    pub stage: Option<String>,
    /// Which events; all of its conditions must hold.
    pub filter: Option<EventsFilter>,
    /// By default the latest first.
    pub order: Option<EventsOrder>,
    /// Events to leave out at the beginning.
    pub offset: Option<i32>,
    /// Most events: 1000 by default, 10000 at most.
    pub limit: Option<i32>,
}

/// Conditions on events.
#[derive(Debug, Default, InputObject)]
pub struct EventsFilter {
    /// Of one of these types.
    pub types: Option<Vec<EventType>>,
    /// About one of these rows.
    pub rows: Option<Vec<EventsRow>>,
    /// About rows of one of these tables.
    pub tables: Option<Vec<String>>,
    /// Made in one of these transactions.
    pub transactions: Option<Vec<String>>,
    /// Made by one of these identities.
    pub identities: Option<Vec<String>>,
    /// Made in this time.
    pub created_at: Option<EventsTime>,
    /// The same.
    pub applied_at: Option<EventsTime>,
}

/// A row.
#[derive(Debug, InputObject)]
pub struct EventsRow {
    /// Its table in the database.
    pub table_name: String,
    /// One value, or of the links of a many-to-many relation two.
    pub primary_key: Vec<PrimaryKey>,
}

/// From an instant to another, both included.
#[derive(Debug, InputObject)]
pub struct EventsTime {
    /// Not earlier.
    pub from: Option<DateTime>,
    /// Not later.
    pub to: Option<DateTime>,
}

/// A state of the content. There is one.
#[derive(Debug, SimpleObject)]
pub struct Stage {
    id: String,
    name: String,
    slug: String,
}

impl Stage {
    /// The one.
    pub fn live() -> Self {
        let live = || "live".to_owned();
        Self { id: live(), name: live(), slug: live() }
    }
}

macro_rules! events {
    ($($(#[$about:meta])* $name:ident { $($(#[$of_field:meta])* $field:ident),* })*) => {$(
        $(#[$about])*
        #[derive(Debug, SimpleObject)]
        pub struct $name {
            /// Rises with the order in which changes were made.
            pub id: String,
            /// The same for everything that was committed together.
            pub transaction_id: String,
            /// Who made the change, if that is known.
            pub identity_id: Option<String>,
            /// A name of who that is, or `(unknown)`.
            pub identity_description: String,
            /// For people.
            pub description: String,
            /// When the transaction began.
            pub created_at: DateTime,
            /// The same.
            pub applied_at: DateTime,
            /// What happened.
            #[graphql(name = "type")]
            pub kind: EventType,
            /// The row's table in the database.
            pub table_name: String,
            /// The row's primary key: one value, or of a link two; none of a table as a whole.
            pub primary_key: Vec<PrimaryKey>,
            /// The request that made the change, as in the answer's `x-request-id`.
            pub request_id: Option<String>,
            /// The name of the GraphQL operation that made it.
            pub operation: Option<String>,
            $($(#[$of_field])* pub $field: Json,)*
        }
    )*};
}

events! {
    /// A new row.
    CreateEvent {
        /// By column, without the primary key.
        new_values
    }
    /// A row with other values.
    UpdateEvent {
        /// The row before, by column, without the primary key: all of it, but for what did not change since the log begins.
        old_values,
        /// What differs, with its new values.
        diff_values
    }
    /// A row that is no more.
    DeleteEvent {
        /// By column, without the primary key.
        old_values
    }
    /// A table without rows.
    TruncateEvent {}
}

/// A change of the content.
#[derive(Debug, Interface)]
#[graphql(
    field(name = "id", ty = "&String", desc = "Rises with the order in which changes were made."),
    field(name = "transaction_id", ty = "&String", desc = "The same for everything that was committed together."),
    field(name = "identity_id", ty = "&Option<String>", desc = "Who made the change, if that is known."),
    field(name = "identity_description", ty = "&String", desc = "A name of who that is, or `(unknown)`."),
    field(name = "description", ty = "&String", desc = "For people."),
    field(name = "created_at", ty = "&DateTime", desc = "When the transaction began."),
    field(name = "applied_at", ty = "&DateTime", desc = "The same."),
    field(name = "type", method = "kind", ty = "&EventType", desc = "What happened."),
    field(name = "table_name", ty = "&String", desc = "The row's table in the database."),
    field(
        name = "primary_key",
        ty = "&Vec<PrimaryKey>",
        desc = "The row's primary key: one value, or of a link two; none of a table as a whole."
    ),
    field(
        name = "request_id",
        ty = "&Option<String>",
        desc = "The request that made the change, as in the answer's `x-request-id`."
    ),
    field(name = "operation", ty = "&Option<String>", desc = "The name of the GraphQL operation that made it.")
)]
pub enum Event {
    /// A new row.
    Create(CreateEvent),
    /// A row with other values.
    Update(UpdateEvent),
    /// A row that is no more.
    Delete(DeleteEvent),
    /// A table without rows.
    Truncate(TruncateEvent),
}
