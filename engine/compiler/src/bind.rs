//! Bind slots of a statement, and the values that fill them at run time.

use std::collections::BTreeMap;
use std::sync::Arc;

use data_encoding::{BASE64, HEXLOWER};
use freehold_schema::names::{RoleName, VariableName};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::caller::Caller;
use crate::cipher::{Cipher, EncryptedCell};
use crate::coerce::Variables;
use crate::error::{ErrorCode, RequestError};
use crate::plan::Statement;
use crate::search_text::search_text;
use crate::selection::VariablePath;

/// One `$n` of a statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Bind {
    /// Where its value comes from.
    pub source: BindSource,
    /// Its PostgreSQL type. Kinds that PostgreSQL reads from text (timestamps, numerics, enums) are [`BindType::Text`] with a cast in the SQL.
    pub ty: BindType,
}

/// Where a bind's value comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum BindSource {
    /// Known when the plan is made.
    Literal(Value),
    /// From the request's variables.
    Variable(VariablePath),
    /// An array whose items come from different places.
    List(Vec<BindSource>),
    /// A value for each row of a statement that writes many: an array, of which each row takes its own.
    Each(Vec<BindSource>),
    /// A JSON object whose members come from different places.
    Object(Vec<(Arc<str>, BindSource)>),
    /// LIKE pattern: the source with `%`, `_` and `\` escaped, and `%` put before or after it.
    Pattern {
        /// The text to look for.
        source: Box<BindSource>,
        /// Anything may stand before it.
        open_start: bool,
        /// Anything may follow it.
        open_end: bool,
    },
    /// A number that is refused when it is negative.
    NotNegative {
        /// The number.
        source: Box<BindSource>,
        /// The argument it was given for.
        argument: Arc<str>,
    },
    /// One of the texts in a cursor, or NULL.
    Cursor {
        /// The cursor.
        cursor: Box<BindSource>,
        /// The order that it must be of, in words.
        order: Arc<str>,
        /// Which of its texts.
        index: usize,
        /// The argument it was given for.
        argument: Arc<str>,
    },
    /// A text in web-search syntax, in which PostgreSQL finds no fault. Refused when it is long.
    SearchText(Box<BindSource>),
    /// Values of the caller's variable, an array of text or uuid.
    Session(RoleName, VariableName),
    /// The caller's identity, an array with at most one item.
    Identity,
    /// A new primary key; the same slot gives the same key within one run of a plan.
    NewId(usize),
    /// The instant of the request, as ISO text.
    Now,
    /// [`BindContext::authorship`]
    Authorship,
    /// The request's marker: 32 random hexadecimal digits, see [`crate::plan::Slot`].
    Marker,
    /// Text that an earlier step of the same write returned under this name; NULL when the step was left out.
    Step(Arc<str>),
    /// The first of these that is not NULL.
    FirstOf(Vec<BindSource>),
    /// A value as an encrypted cell stores it, in the text form of `bytea`; NULL stays NULL.
    Sealed {
        /// The cell.
        cell: Arc<EncryptedCell>,
        /// The id of its row, a UUID.
        row: Box<BindSource>,
        /// The value.
        value: Box<BindSource>,
    },
    /// What stored values of the cell begin with that are equal to this one, or to each of a list, in the text form of `bytea`.
    Lookup(Arc<EncryptedCell>, Box<BindSource>),
}

impl BindSource {
    /// Whether [`BindContext::cipher`] is asked for the value.
    #[must_use]
    pub fn needs_cipher(&self) -> bool {
        match self {
            Self::Sealed { .. } | Self::Lookup(..) => true,
            Self::Each(rows) => rows.iter().any(Self::needs_cipher),
            _ => false,
        }
    }
}

/// PostgreSQL types that are bound. Lists are arrays of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BindType {
    /// `uuid`
    Uuid,
    /// `text`
    Text,
    /// `int4`
    Int,
    /// `int8`
    BigInt,
    /// `float8`
    Double,
    /// `bool`
    Bool,
    /// `jsonb`
    Json,
    /// `uuid[]`
    Uuids,
    /// `text[]`
    Texts,
    /// `int4[]`
    Ints,
    /// `float8[]`
    Doubles,
    /// `bool[]`
    Bools,
    /// `text[]` of JSON texts
    Jsons,
    /// `text[]` of arrays in PostgreSQL's text form, because arrays of arrays must be rectangular
    Lists,
    /// The same of arrays of JSON texts
    JsonLists,
}

impl BindType {
    /// How many values of this type are bound, and the cast that makes one of them what it is when it is bound alone.
    pub(crate) fn of_many(self) -> (Self, &'static str) {
        match self {
            Self::Uuid => (Self::Uuids, ""),
            Self::Text => (Self::Texts, ""),
            Self::Int => (Self::Ints, ""),
            Self::BigInt => (Self::Texts, "::int8"),
            Self::Double => (Self::Doubles, ""),
            Self::Bool => (Self::Bools, ""),
            Self::Json => (Self::Jsons, "::jsonb"),
            Self::Uuids => (Self::Lists, "::uuid[]"),
            Self::Texts | Self::Lists => (Self::Lists, "::text[]"),
            Self::Ints => (Self::Lists, "::int4[]"),
            Self::Doubles => (Self::Lists, "::float8[]"),
            Self::Bools => (Self::Lists, "::bool[]"),
            Self::Jsons | Self::JsonLists => (Self::JsonLists, "::text[]"),
        }
    }
}

/// A value ready to be sent; `None` is NULL. Items of arrays may be NULL.
#[derive(Debug, Clone, PartialEq)]
pub enum BindValue {
    /// `uuid`
    Uuid(Option<Uuid>),
    /// `text`
    Text(Option<String>),
    /// `int4`
    Int(Option<i32>),
    /// `int8`
    BigInt(Option<i64>),
    /// `float8`
    Double(Option<f64>),
    /// `bool`
    Bool(Option<bool>),
    /// `jsonb`, as JSON text
    Json(Option<String>),
    /// `uuid[]`
    Uuids(Option<Vec<Option<Uuid>>>),
    /// `text[]`
    Texts(Option<Vec<Option<String>>>),
    /// `int4[]`
    Ints(Option<Vec<Option<i32>>>),
    /// `float8[]`
    Doubles(Option<Vec<Option<f64>>>),
    /// `bool[]`
    Bools(Option<Vec<Option<bool>>>),
}

/// What a statement's binds are filled from: one request.
#[derive(Debug, Clone, Copy)]
pub struct BindContext<'a> {
    /// The request's variables.
    pub variables: &'a Variables,
    /// Who asks.
    pub caller: &'a Caller,
    /// New primary keys by slot: [`crate::plan::MutationPlan::n_new_ids`] of them, of the version that [`crate::plan::MutationPlan::uuid_v7`] tells. Empty for queries.
    pub new_ids: &'a [Uuid],
    /// The instant of the request, as ISO text.
    pub now: &'a str,
    /// What triggers read of who writes, and for what: ids of the author and of the request, name of the operation, with a space between; empty what there is not.
    pub authorship: &'a str,
    /// 32 random hexadecimal digits, anew for every request, see [`crate::plan::Slot`].
    pub marker: &'a str,
    /// Of the tenant. Must be there when [`crate::plan::Plan::needs_cipher`].
    pub cipher: Option<&'a dyn Cipher>,
    /// What earlier steps of the same write returned.
    pub steps: &'a StepOutputs,
}

/// Texts that steps of a write returned, by name; None is NULL.
pub type StepOutputs = BTreeMap<Arc<str>, Option<String>>;

impl Statement {
    /// The values of the statement's binds for one request, in the order of their `$n`.
    ///
    /// # Errors
    /// When a value that is only known now cannot be used: a negative limit.
    pub fn bind(&self, context: &BindContext<'_>) -> Result<Vec<BindValue>, RequestError> {
        self.binds.iter().map(|bind| Ok(typed(bind.ty, resolve(&bind.source, context)?))).collect()
    }
}

/// The source's value as JSON.
pub(crate) fn resolve(source: &BindSource, context: &BindContext<'_>) -> Result<Value, RequestError> {
    let texts = |texts: &[String]| Value::from(texts.to_vec());
    Ok(match source {
        BindSource::Literal(value) => value.clone(),
        BindSource::Variable(path) => context.variables.at(path).cloned().unwrap_or(Value::Null),
        BindSource::List(items) | BindSource::Each(items) => {
            Value::Array(items.iter().map(|item| resolve(item, context)).collect::<Result<_, _>>()?)
        }
        BindSource::Object(members) => {
            let members = members.iter().map(|(name, source)| Ok((name.to_string(), resolve(source, context)?)));
            Value::Object(members.collect::<Result<Map<_, _>, RequestError>>()?)
        }
        BindSource::Pattern { source, open_start, open_end } => match resolve(source, context)? {
            Value::String(text) => Value::from(pattern(&text, *open_start, *open_end)),
            other => other,
        },
        BindSource::NotNegative { source, argument } => not_negative(resolve(source, context)?, argument)?,
        BindSource::Cursor { cursor, order, index, argument } => {
            let cursor = resolve(cursor, context)?;
            cursor_text(&cursor, order, *index).ok_or_else(|| no_cursor(argument))?
        }
        BindSource::SearchText(source) => match resolve(source, context)? {
            Value::String(text) => Value::from(search_text(&text)?),
            other => other,
        },
        BindSource::Session(role, variable) => texts(context.caller.values(role, variable)),
        BindSource::Identity => {
            Value::Array(context.caller.identity().map(|id| Value::from(id.to_string())).into_iter().collect())
        }
        BindSource::NewId(slot) => Value::from(context.new_ids[*slot].to_string()),
        BindSource::Now => Value::from(context.now),
        BindSource::Authorship => Value::from(context.authorship),
        BindSource::Marker => Value::from(context.marker),
        BindSource::Step(name) => context.steps.get(name).cloned().flatten().map_or(Value::Null, Value::from),
        BindSource::FirstOf(sources) => {
            for source in sources {
                let value = resolve(source, context)?;
                if !value.is_null() {
                    return Ok(value);
                }
            }
            Value::Null
        }
        BindSource::Sealed { cell, row, value } => {
            // Without an id there is no row: PostgreSQL will refuse it.
            let row = resolve(row, context)?.as_str().and_then(|id| Uuid::parse_str(id).ok());
            match (row, resolve(value, context)?) {
                (None, _) | (_, Value::Null) => Value::Null,
                (Some(row), value) => bytea(&cipher(context).seal(cell, row, &cell.plaintext(&value))),
            }
        }
        BindSource::Lookup(cell, value) => {
            let hash = |value: &Value| match value {
                Value::Null => Value::Null,
                value => bytea(&cipher(context).lookup(cell, &cell.plaintext(value))),
            };
            match resolve(value, context)? {
                Value::Array(values) => values.iter().map(hash).collect(),
                value => hash(&value),
            }
        }
    })
}

fn cipher<'a>(context: &BindContext<'a>) -> &'a dyn Cipher {
    context.cipher.expect("whoever runs a plan that needs a cipher gives one")
}

/// Bytes in PostgreSQL's text form of them (manual, 8.4.1).
fn bytea(bytes: &[u8]) -> Value {
    Value::from(format!("\\x{}", HEXLOWER.encode(bytes)))
}

fn pattern(text: &str, open_start: bool, open_end: bool) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push_str(if open_start { "%" } else { "" });
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push_str(if open_end { "%" } else { "" });
    pattern
}

fn not_negative(value: Value, argument: &str) -> Result<Value, RequestError> {
    match value.as_i64() {
        Some(number) if number < 0 => Err(RequestError {
            message: format!("argument `{argument}` must not be negative, got: {number}"),
            locations: Vec::new(),
            code: ErrorCode::BadUserInput,
        }),
        Some(_) | None => Ok(value),
    }
}

/// A text of a cursor as `lower/cursors.rs` writes it: base64 of a JSON array.
fn cursor_text(cursor: &Value, order: &str, index: usize) -> Option<Value> {
    let json = BASE64.decode(cursor.as_str()?.as_bytes()).ok()?;
    let Value::Array(mut texts) = serde_json::from_slice(&json).ok()? else { return None };
    let is_of_order = texts.first()?.as_str() == Some(order);
    let text = (texts.len() > index + 1).then(|| texts.swap_remove(index + 1))?;
    (is_of_order && (text.is_null() || text.as_str().is_some_and(|text| !text.contains('\0')))).then_some(text)
}

fn no_cursor(argument: &str) -> RequestError {
    RequestError {
        message: format!(
            "argument `{argument}` is no cursor of this list in this order; take `cursor`, `startCursor` or `endCursor` of it"
        ),
        locations: Vec::new(),
        code: ErrorCode::BadUserInput,
    }
}

fn typed(ty: BindType, value: Value) -> BindValue {
    match ty {
        BindType::Uuid => BindValue::Uuid(uuid(value)),
        BindType::Text => BindValue::Text(text(value)),
        BindType::Int => BindValue::Int(int(value)),
        BindType::BigInt => BindValue::BigInt(bigint(&value)),
        BindType::Double => BindValue::Double(value.as_f64()),
        BindType::Bool => BindValue::Bool(value.as_bool()),
        BindType::Json => BindValue::Json(json(value)),
        BindType::Uuids => BindValue::Uuids(items(value, uuid)),
        BindType::Texts => BindValue::Texts(items(value, text)),
        BindType::Ints => BindValue::Ints(items(value, int)),
        BindType::Doubles => BindValue::Doubles(items(value, |item| item.as_f64())),
        BindType::Bools => BindValue::Bools(items(value, |item| item.as_bool())),
        BindType::Jsons => BindValue::Texts(items(value, json)),
        BindType::Lists => BindValue::Texts(items(value, |list| array(list, text))),
        BindType::JsonLists => BindValue::Texts(items(value, |list| array(list, json))),
    }
}

/// The items of an array; a single value stands for an array of one.
fn items<T>(value: Value, item: impl Fn(Value) -> T) -> Option<Vec<T>> {
    match value {
        Value::Null => None,
        Value::Array(items) => Some(items.into_iter().map(item).collect()),
        single => Some(vec![item(single)]),
    }
}

fn uuid(value: Value) -> Option<Uuid> {
    value.as_str().and_then(|text| Uuid::parse_str(text).ok())
}

/// A caller's variable holds the ids of an entity as text, also where they are numbers.
fn int(value: Value) -> Option<i32> {
    match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_i64().and_then(|number| i32::try_from(number).ok()),
    }
}

fn bigint(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_i64(),
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => Some(value.to_string()),
    }
}

fn json(value: Value) -> Option<String> {
    (!value.is_null()).then(|| value.to_string())
}

/// An array in PostgreSQL's text form (manual, 8.15.2): everything in quotes but NULL.
fn array(list: Value, item: impl Fn(Value) -> Option<String>) -> Option<String> {
    let quoted = |item: Option<String>| match item {
        Some(text) => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
        None => "NULL".to_owned(),
    };
    let items: Vec<String> = items(list, item)?.into_iter().map(quoted).collect();
    Some(format!("{{{}}}", items.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn lists_of_rows_are_arrays_in_text_form() {
        let lists = json!([["a", "", null, "NULL", "{\"\\,"], [], null]);
        let text = |text: &str| Some(text.to_owned());
        let expected = vec![text(r#"{"a","",NULL,"NULL","{\"\\,"}"#), text("{}"), None];
        assert_eq!(typed(BindType::Lists, lists), BindValue::Texts(Some(expected)));
        let lists = json!([[1, true, { "a": "b" }], ["a"]]);
        let expected = vec![text(r#"{"1","true","{\"a\":\"b\"}"}"#), text(r#"{"\"a\""}"#)];
        assert_eq!(typed(BindType::JsonLists, lists), BindValue::Texts(Some(expected)));
    }
}
