//! Values of scalars and enums: what is accepted, what it becomes, and the words when it is refused (content API, section 5; graphql-js, `scalars.ts`).

use serde_json::{Number, Value as Json};

use super::inspect::inspect;
use crate::api::{EnumValue, ScalarKind};
use crate::suggest::{did_you_mean_the, suggestions};
use crate::syntax::ast::{Value, ValueKind};

/// Why a value is none of its type.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The built-in scalars and enums word it themselves.
    Message(String),
    /// Another scalar refuses; with its reason, if it has one.
    WrongType(Option<String>),
}

/// A value written in the document. `Null`, variables, and what contains variables are the caller's business.
pub(crate) fn scalar_from_literal(kind: ScalarKind, value: &Value) -> Result<Json, Refusal> {
    let message = |text: &str| Refusal::Message(format!("{text}: {value}"));
    match (kind, &value.kind) {
        (ScalarKind::Int, ValueKind::Int(text)) => text
            .parse::<i32>()
            .map(Json::from)
            .map_err(|_| Refusal::Message(format!("Int cannot represent non 32-bit signed integer value: {text}"))),
        (ScalarKind::Int, _) => Err(message("Int cannot represent non-integer value")),
        (ScalarKind::Float, ValueKind::Int(text) | ValueKind::Float(text)) => {
            finite(text.parse().ok()).ok_or_else(|| message("Float cannot represent non numeric value"))
        }
        (ScalarKind::Float, _) => Err(message("Float cannot represent non numeric value")),
        (ScalarKind::String, ValueKind::String { text, .. }) => Ok(Json::from(&**text)),
        (ScalarKind::String, _) => Err(message("String cannot represent a non string value")),
        (ScalarKind::Boolean, ValueKind::Boolean(value)) => Ok(Json::from(*value)),
        (ScalarKind::Boolean, _) => Err(message("Boolean cannot represent a non boolean value")),
        (ScalarKind::Id, ValueKind::String { text, .. } | ValueKind::Int(text)) => Ok(Json::from(&**text)),
        (ScalarKind::Id, _) => Err(message("ID cannot represent a non-string and non-integer value")),
        (ScalarKind::Decimal, ValueKind::Int(text) | ValueKind::Float(text)) => text_scalar(kind, text),
        (
            ScalarKind::Uuid | ScalarKind::Decimal | ScalarKind::DateTime | ScalarKind::Date | ScalarKind::Time,
            ValueKind::String { text, .. },
        ) => text_scalar(kind, text),
        (ScalarKind::Uuid | ScalarKind::Decimal | ScalarKind::DateTime | ScalarKind::Date | ScalarKind::Time, _) => {
            Err(Refusal::WrongType(None))
        }
        (ScalarKind::Json, _) => json_literal(value).ok_or(Refusal::WrongType(None)),
    }
}

/// A value of the request's variables.
pub(crate) fn scalar_from_json(kind: ScalarKind, value: &Json) -> Result<Json, Refusal> {
    let message = |text: &str| Refusal::Message(format!("{text}: {}", inspect(value)));
    match (kind, value) {
        (ScalarKind::Int, Json::Number(number)) => integer(number),
        (ScalarKind::Int, _) => Err(message("Int cannot represent non-integer value")),
        (ScalarKind::Float, Json::Number(number)) => {
            finite(number.as_f64()).ok_or_else(|| message("Float cannot represent non numeric value"))
        }
        (ScalarKind::Float, _) => Err(message("Float cannot represent non numeric value")),
        (ScalarKind::String, Json::String(_)) | (ScalarKind::Boolean, Json::Bool(_)) | (ScalarKind::Json, _) => Ok(value.clone()),
        (ScalarKind::String, _) => Err(message("String cannot represent a non string value")),
        (ScalarKind::Boolean, _) => Err(message("Boolean cannot represent a non boolean value")),
        (ScalarKind::Id, Json::String(_)) => Ok(value.clone()),
        (ScalarKind::Id, Json::Number(number)) if integer(number).is_ok() => Ok(Json::from(inspect(value))),
        (ScalarKind::Id, _) => Err(message("ID cannot represent value")),
        (ScalarKind::Decimal, Json::Number(_)) => text_scalar(kind, &inspect(value)),
        (
            ScalarKind::Uuid | ScalarKind::Decimal | ScalarKind::DateTime | ScalarKind::Date | ScalarKind::Time,
            Json::String(text),
        ) => text_scalar(kind, text),
        (ScalarKind::Uuid | ScalarKind::Decimal | ScalarKind::DateTime | ScalarKind::Date | ScalarKind::Time, _) => {
            Err(Refusal::WrongType(None))
        }
    }
}

/// An enum value written in the document.
pub(crate) fn enum_from_literal(name: &str, values: &[EnumValue], value: &Value) -> Result<Json, Refusal> {
    let ValueKind::Enum(text) = &value.kind else {
        let printed = value.to_string();
        let hint = enum_hint(values, &printed);
        return Err(Refusal::Message(format!("Enum \"{name}\" cannot represent non-enum value: {printed}.{hint}")));
    };
    known_enum_value(name, values, text)
}

/// An enum value of the request's variables.
pub(crate) fn enum_from_json(name: &str, values: &[EnumValue], value: &Json) -> Result<Json, Refusal> {
    let Json::String(text) = value else {
        let printed = inspect(value);
        let hint = enum_hint(values, &printed);
        return Err(Refusal::Message(format!("Enum \"{name}\" cannot represent non-string value: {printed}.{hint}")));
    };
    known_enum_value(name, values, text)
}

fn known_enum_value(name: &str, values: &[EnumValue], text: &str) -> Result<Json, Refusal> {
    if values.iter().any(|value| *value.name == *text) {
        return Ok(Json::from(text));
    }
    let hint = enum_hint(values, text);
    Err(Refusal::Message(format!("Value \"{text}\" does not exist in \"{name}\" enum.{hint}")))
}

fn enum_hint(values: &[EnumValue], text: &str) -> String {
    did_you_mean_the("the enum value ", &suggestions(text, values.iter().map(|value| &*value.name)))
}

/// Json written in the document; None when it contains a variable.
fn json_literal(value: &Value) -> Option<Json> {
    json_with_variables(value, &|_| None)
}

/// Json written in the document, variables replaced; None when one has no value.
pub(crate) fn json_with_variables(value: &Value, variable: &dyn Fn(&str) -> Option<Json>) -> Option<Json> {
    Some(match &value.kind {
        ValueKind::Variable(name) => return variable(name),
        ValueKind::Int(text) | ValueKind::Float(text) => number(text),
        ValueKind::String { text, .. } | ValueKind::Enum(text) => Json::from(&**text),
        ValueKind::Boolean(value) => Json::from(*value),
        ValueKind::Null => Json::Null,
        ValueKind::List(items) => {
            Json::Array(items.iter().map(|item| json_with_variables(item, variable)).collect::<Option<_>>()?)
        }
        ValueKind::Object(fields) => Json::Object(
            fields
                .iter()
                .map(|field| Some((field.name.text.to_string(), json_with_variables(&field.value, variable)?)))
                .collect::<Option<_>>()?,
        ),
    })
}

/// A number as exactly as JSON holds it.
fn number(text: &str) -> Json {
    let integer = text.parse::<i64>().map(Json::from).or_else(|_| text.parse::<u64>().map(Json::from));
    integer.ok().or_else(|| finite(text.parse().ok())).unwrap_or(Json::Null)
}

fn finite(number: Option<f64>) -> Option<Json> {
    Number::from_f64(number?).map(Json::Number)
}

/// JSON has one kind of number: `3.0` is an integer.
fn integer(number: &Number) -> Result<Json, Refusal> {
    let text = inspect(&Json::Number(number.clone()));
    if let Ok(value) = text.parse::<i32>() {
        return Ok(Json::from(value));
    }
    let is_integer = number.as_f64().is_some_and(|value| value.fract() == 0.0);
    Err(Refusal::Message(if is_integer {
        format!("Int cannot represent non 32-bit signed integer value: {text}")
    } else {
        format!("Int cannot represent non-integer value: {text}")
    }))
}

/// Scalars that travel as text.
fn text_scalar(kind: ScalarKind, text: &str) -> Result<Json, Refusal> {
    let reason = |reason: String| Refusal::WrongType(Some(reason));
    match kind {
        ScalarKind::Uuid => uuid(text).map(Json::from).ok_or(Refusal::WrongType(None)),
        ScalarKind::Decimal if is_decimal(text) => Ok(Json::from(text)),
        ScalarKind::Decimal => Err(reason(format!("Value is not a valid decimal: {text}"))),
        ScalarKind::Time => time(text).map(Json::from).ok_or_else(|| reason(format!("Value is not a valid time: {text}"))),
        // PostgreSQL reads them: it knows more spellings than we want to.
        ScalarKind::DateTime
        | ScalarKind::Date
        | ScalarKind::String
        | ScalarKind::Int
        | ScalarKind::Float
        | ScalarKind::Boolean
        | ScalarKind::Id
        | ScalarKind::Json => Ok(Json::from(text)),
    }
}

/// 32 hexadecimal digits, each of the four dashes optional; lower-case with dashes.
fn uuid(text: &str) -> Option<String> {
    let (mut id, mut n_digits, mut after_dash) = (String::with_capacity(36), 0, true);
    for byte in text.bytes() {
        let at_dash = matches!(n_digits, 8 | 12 | 16 | 20);
        if byte == b'-' {
            if after_dash || !at_dash {
                return None;
            }
            after_dash = true;
        } else if byte.is_ascii_hexdigit() && n_digits < 32 {
            if at_dash {
                id.push('-');
            }
            id.push(char::from(byte.to_ascii_lowercase()));
            n_digits += 1;
            after_dash = false;
        } else {
            return None;
        }
    }
    (n_digits == 32 && !after_dash).then_some(id)
}

/// `[+-]?(d+(.d*)?|.d+)([eE][+-]?d+)?`
fn is_decimal(text: &str) -> bool {
    let sign = |text: &str| text.strip_prefix(['+', '-']).map_or(0, |_| 1);
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let text = &text[sign(text)..];
    let whole = digits(text);
    let rest = &text[whole..];
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(after) => (digits(after), &after[digits(after)..]),
        None => (0, rest),
    };
    if whole + fraction == 0 {
        return false;
    }
    match rest.strip_prefix(['e', 'E']) {
        None => rest.is_empty(),
        Some(exponent) => {
            let exponent = &exponent[sign(exponent)..];
            !exponent.is_empty() && digits(exponent) == exponent.len()
        }
    }
}

/// `HH:MM[:SS[.frac]]`, seconds added when they are missing.
fn time(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let two = |at: usize, below: u8| {
        let (tens, ones) = (*bytes.get(at)?, *bytes.get(at + 1)?);
        (tens.is_ascii_digit() && ones.is_ascii_digit() && (tens - b'0') * 10 + (ones - b'0') < below).then_some(())
    };
    two(0, 24)?;
    two(3, 60)?;
    if bytes.get(2) != Some(&b':') {
        return None;
    }
    if bytes.len() == 5 {
        return Some(format!("{text}:00"));
    }
    two(6, 60)?;
    if bytes.get(5) != Some(&b':') {
        return None;
    }
    match &bytes[8..] {
        [] => Some(text.to_owned()),
        [b'.', fraction @ ..] if !fraction.is_empty() && fraction.iter().all(u8::is_ascii_digit) => Some(text.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_are_normalised() {
        let dashed = "0123abcd-4567-89ef-0123-456789abcdef";
        assert_eq!(uuid("0123ABCD456789EF0123456789ABCDEF").as_deref(), Some(dashed));
        assert_eq!(uuid("0123abcd-456789ef-0123456789abcdef").as_deref(), Some(dashed));
        for wrong in [
            "",
            "xyz",
            "0123abcd-4567-89ef-0123-456789abcde",
            "0123abcd--4567-89ef-0123-456789abcdef",
            "0123abcd-4567-89ef-0123-456789abcdef-",
        ] {
            assert_eq!(uuid(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn decimals_follow_the_contract() {
        for good in ["1", "+1.", "-.5", "12.50e-3", "0E+9"] {
            assert!(is_decimal(good), "{good}");
        }
        for wrong in ["", ".", "+", "1e", "e5", "1 ", "abc", "1.2.3", "NaN", "1e+"] {
            assert!(!is_decimal(wrong), "{wrong}");
        }
    }

    #[test]
    fn times_get_their_seconds() {
        assert_eq!(time("13:45").as_deref(), Some("13:45:00"));
        assert_eq!(time("23:59:59.123456").as_deref(), Some("23:59:59.123456"));
        for wrong in ["25:00", "1:00", "12:60", "12:00:60", "12:00:00.", "12-00", "12:00:0", "12:00:00 ", "é:é:"] {
            assert_eq!(time(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn json_numbers_that_are_whole_are_integers() {
        assert_eq!(scalar_from_json(ScalarKind::Int, &serde_json::json!(3.0)), Ok(Json::from(3)));
        assert_eq!(
            scalar_from_json(ScalarKind::Int, &serde_json::json!(3_000_000_000_u64)),
            Err(Refusal::Message("Int cannot represent non 32-bit signed integer value: 3000000000".to_owned()))
        );
        assert_eq!(
            scalar_from_json(ScalarKind::Int, &serde_json::json!(1.5)),
            Err(Refusal::Message("Int cannot represent non-integer value: 1.5".to_owned()))
        );
    }
}
