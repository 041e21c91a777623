//! Values and types as graphql-js prints them in its messages.

use std::fmt;

use super::ast::{Argument, Type, Value, ValueKind};

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => f.write_str(&name.text),
            Self::List(inner, _) => write!(f, "[{inner}]"),
            Self::NonNull(inner, _) => write!(f, "{inner}!"),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            ValueKind::Variable(name) => write!(f, "${name}"),
            ValueKind::Int(text) | ValueKind::Float(text) | ValueKind::Enum(text) => f.write_str(text),
            ValueKind::String { text, block: false } => quoted(f, text),
            ValueKind::String { text, block: true } => block(f, text),
            ValueKind::Boolean(value) => write!(f, "{value}"),
            ValueKind::Null => f.write_str("null"),
            ValueKind::List(items) => {
                f.write_str("[")?;
                joined(f, items, |f, item| write!(f, "{item}"))?;
                f.write_str("]")
            }
            ValueKind::Object(fields) => {
                f.write_str("{")?;
                joined(f, fields, |f, Argument { name, value }| write!(f, "{}: {value}", name.text))?;
                f.write_str("}")
            }
        }
    }
}

fn joined<T>(
    f: &mut fmt::Formatter<'_>,
    items: &[T],
    mut print: impl FnMut(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        print(f, item)?;
    }
    Ok(())
}

/// A string literal with graphql-js's escapes.
pub(crate) fn quoted(f: &mut impl fmt::Write, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for character in text.chars() {
        match character {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\u{8}' => f.write_str("\\b")?,
            '\t' => f.write_str("\\t")?,
            '\n' => f.write_str("\\n")?,
            '\u{c}' => f.write_str("\\f")?,
            '\r' => f.write_str("\\r")?,
            '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' => write!(f, "\\u{:04X}", u32::from(character))?,
            _ => f.write_char(character)?,
        }
    }
    f.write_char('"')
}

/// graphql-js's `printBlockString`: on one line when it fits there.
pub(crate) fn block(f: &mut impl fmt::Write, text: &str) -> fmt::Result {
    let escaped = text.replace("\"\"\"", "\\\"\"\"");
    let lines: Vec<&str> = escaped.split('\n').collect();
    let is_single = lines.len() == 1;
    let starts_with_blank = |line: &str| line.starts_with([' ', '\t']);
    let force_leading = lines.len() > 1 && lines.iter().skip(1).all(|line| line.is_empty() || starts_with_blank(line));
    let trailing_triple = escaped.ends_with("\\\"\"\"");
    let trailing_quote = text.ends_with('"') && !trailing_triple;
    let force_trailing = trailing_quote || text.ends_with('\\');
    let as_multiple = !is_single || text.chars().count() > 70 || force_trailing || force_leading || trailing_triple;
    let skip_leading = is_single && starts_with_blank(text);
    f.write_str("\"\"\"")?;
    if (as_multiple && !skip_leading) || force_leading {
        f.write_str("\n")?;
    }
    f.write_str(&escaped)?;
    if as_multiple || force_trailing {
        f.write_str("\n")?;
    }
    f.write_str("\"\"\"")
}
