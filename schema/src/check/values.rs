//! Values in a schema: defaults and what predicates compare with. Each must be one that the column can hold.

use serde_json::Value;

use crate::check::World;
use crate::codes;
use crate::model::ColumnKind;
use crate::names::EnumName;
use crate::node::{Node, NodeValue, is_writable};
use crate::source::Errors;

/// Why a value does not fit.
pub(super) enum Problem {
    /// It must be something else.
    Expected(String),
    /// The enum has no such value.
    UnknownEnumValue { name: EnumName, value: String, known: Vec<String> },
}

impl Problem {
    pub fn report(self, at: usize, code: &'static str, what: &str, errors: &mut Errors) {
        match self {
            Self::Expected(expected) => {
                errors.add(at, code, format!("{what} must be {expected}"));
            }
            Self::UnknownEnumValue { name, value, known } => {
                let error = errors.add(at, codes::UNKNOWN_ENUM_VALUE, format!("enum `{name}` has no value `{value}`"));
                error.suggest(&value, known.iter().map(String::as_str));
            }
        }
    }
}

/// A column's default: for moments, `now` too.
pub(super) fn default(node: &Node, kind: &ColumnKind, list: bool, world: &World) -> Result<Value, Problem> {
    if list {
        let NodeValue::List(items) = &node.value else {
            return Err(Problem::Expected(format!("a list of {}", describe(kind))));
        };
        return items.iter().map(|item| default(item, kind, false, world)).collect::<Result<_, _>>().map(Value::Array);
    }
    let is_moment = matches!(kind, ColumnKind::DateTime | ColumnKind::Date | ColumnKind::Time);
    match &node.value {
        NodeValue::String(text) if is_moment && text == "now" => Ok(Value::String(text.clone())),
        _ if *kind == ColumnKind::Json && !node.is_null() => Ok(node.to_json()),
        _ => one(node, kind, world),
    }
}

/// A single value that predicates compare with; its JSON can be written in SDL too.
pub(super) fn operand(node: &Node, kind: &ColumnKind, world: &World) -> Result<Value, Problem> {
    let value = one(node, kind, world)?;
    if is_writable(&value) { Ok(value) } else { Err(Problem::Expected("JSON whose keys are names".to_owned())) }
}

fn one(node: &Node, kind: &ColumnKind, world: &World) -> Result<Value, Problem> {
    let fits = match (kind, &node.value) {
        (ColumnKind::Json, _) => !node.is_null(),
        (ColumnKind::Enum(name), NodeValue::String(value) | NodeValue::Name(value)) => {
            return enum_value(name, value, world);
        }
        (ColumnKind::Integer, NodeValue::Number(number)) => number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        (ColumnKind::Double | ColumnKind::Numeric, NodeValue::Number(_)) | (ColumnKind::Bool, NodeValue::Bool(_)) => true,
        (ColumnKind::String, NodeValue::String(_)) => true,
        (ColumnKind::Numeric, NodeValue::String(text)) => is_decimal(text),
        (ColumnKind::Uuid, NodeValue::String(text)) => is_uuid(text),
        (ColumnKind::DateTime, NodeValue::String(text)) => is_date_time(text),
        (ColumnKind::Date, NodeValue::String(text)) => is_date(text),
        (ColumnKind::Time, NodeValue::String(text)) => is_time(text),
        _ => false,
    };
    if fits { Ok(node.to_json()) } else { Err(Problem::Expected(format!("{}, not {}", describe(kind), node.describe()))) }
}

fn enum_value(name: &EnumName, value: &str, world: &World) -> Result<Value, Problem> {
    let known: Vec<String> =
        world.enums.get(name).map(|item| item.values.iter().map(|value| value.name.clone()).collect()).unwrap_or_default();
    if known.iter().any(|known| known == value) {
        return Ok(Value::String(value.to_owned()));
    }
    Err(Problem::UnknownEnumValue { name: name.clone(), value: value.to_owned(), known })
}

fn describe(kind: &ColumnKind) -> String {
    match kind {
        ColumnKind::Uuid => "a UUID as text".to_owned(),
        ColumnKind::String => "a text".to_owned(),
        ColumnKind::Integer => "a whole number of 32 bits".to_owned(),
        ColumnKind::Double => "a number".to_owned(),
        ColumnKind::Numeric => "a number, or one as text".to_owned(),
        ColumnKind::Bool => "`true` or `false`".to_owned(),
        ColumnKind::Enum(name) => format!("a value of the enum `{name}`"),
        ColumnKind::DateTime => "a point in time such as `2024-01-31T12:00:00Z`".to_owned(),
        ColumnKind::Date => "a day such as `2024-01-31`".to_owned(),
        ColumnKind::Time => "a time of day such as `12:00:00`".to_owned(),
        ColumnKind::Json => "a JSON value".to_owned(),
        ColumnKind::StoredImage => "an image, which a schema cannot hold".to_owned(),
    }
}

/// Whether `text` has the form of `shape`, in which `9` stands for any digit and `f` for any hexadecimal one.
fn has_shape(text: &str, shape: &str) -> bool {
    let fits = |(byte, wanted): (u8, u8)| match wanted {
        b'9' => byte.is_ascii_digit(),
        b'f' => byte.is_ascii_hexdigit(),
        _ => byte == wanted,
    };
    text.len() == shape.len() && text.bytes().zip(shape.bytes()).all(fits)
}

pub(super) fn is_uuid(text: &str) -> bool {
    has_shape(text, "ffffffff-ffff-ffff-ffff-ffffffffffff")
}

fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    [whole, fraction].iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_date(text: &str) -> bool {
    let number = |range: std::ops::Range<usize>| text.get(range).and_then(|part| part.parse::<u32>().ok()).unwrap_or(0);
    has_shape(text, "9999-99-99") && (1..=12).contains(&number(5..7)) && (1..=31).contains(&number(8..10))
}

fn is_time(text: &str) -> bool {
    let clock = text.split_once('.').map_or(text, |(clock, _)| clock);
    let fraction = text
        .split_once('.')
        .is_none_or(|(_, fraction)| !fraction.is_empty() && fraction.bytes().all(|byte| byte.is_ascii_digit()));
    let below = |range: std::ops::Range<usize>, most: u32| {
        text.get(range).and_then(|part| part.parse().ok()).is_some_and(|part: u32| part < most)
    };
    fraction && (has_shape(clock, "99:99") || has_shape(clock, "99:99:99")) && below(0..2, 24) && below(3..5, 60)
}

fn is_date_time(text: &str) -> bool {
    let Some((date, rest)) = text.split_once(['T', ' ']) else { return is_date(text) };
    let zone = rest.find(['Z', '+', '-']).map_or("", |at| &rest[at..]);
    let clock = &rest[..rest.len() - zone.len()];
    let zone_fits = zone.is_empty()
        || zone == "Z"
        || has_shape(&zone[1..], "99:99")
        || has_shape(&zone[1..], "99")
        || has_shape(&zone[1..], "9999");
    is_date(date) && is_time(clock) && zone_fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_recognised() {
        for sound in ["2024-01-31", "2024-01-31T12:00:00Z", "2024-01-31 12:00:00.123+02:00", "2024-01-31T12:00"] {
            assert!(is_date_time(sound), "{sound}");
        }
        for wrong in ["yesterday", "2024-13-01", "2024-01-31T25:00:00Z", "2024-01-31T12:00:00Zx", "", "12:00:00"] {
            assert!(!is_date_time(wrong), "{wrong}");
        }
        assert!(is_time("23:59:59.5") && !is_time("23:59:59.") && !is_time("24:00"));
        assert!(is_decimal("-1.50") && is_decimal("7") && !is_decimal("1.") && !is_decimal("1e5") && !is_decimal(""));
    }
}
