//! From what PostgreSQL returns to the JSON of an answer.
//!
//! Lists and objects come as PostgreSQL's binary arrays and records, because making JSON of them there costs more than finding them
//! (tests/bench/README.md). Here their values are copied between names that the plan knows; nothing is parsed.

mod timestamp;

use std::sync::Arc;

pub use timestamp::Fraction;

/// How a value of a statement stands in the answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// JSON text that PostgreSQL wrote.
    Json,
    /// Text in any of its types: a JSON string.
    Text,
    /// A `uuid`: its usual spelling as a JSON string.
    Uuid,
    /// A `timestamp` or `timestamptz`: ISO 8601 in UTC as a JSON string.
    Timestamp(Fraction),
    /// The same in every row, as JSON text: no value is sent for it.
    Constant(String),
    /// A record of one value, which may be NULL where no record may.
    Only(Box<Output>),
    /// A record, with the response keys of its values.
    Object(Vec<(Arc<str>, Output)>),
    /// An array of one dimension.
    List(Box<Output>),
}

/// PostgreSQL sent something else than the plan asked for: a mistake of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a statement returned a value that is not of its plan")]
pub struct Malformed;

/// The bytes of an array's header before its first item: dimensions, flags, type, length, lower bound (PostgreSQL sources, array_send).
const ARRAY_HEADER: usize = 20;

/// Between items. As `json_agg` writes it, so that an answer looks the same wherever it was made.
const SEPARATOR: &[u8] = b", ";

impl Output {
    /// Appends the JSON of a list whose items are values of rows.
    ///
    /// # Errors
    /// [`Malformed`]
    pub fn write_items<'a>(&self, items: impl Iterator<Item = &'a [u8]>, json: &mut Vec<u8>) -> Result<(), Malformed> {
        json.push(b'[');
        for (index, item) in items.enumerate() {
            json.extend_from_slice(if index == 0 { b"" } else { SEPARATOR });
            self.write(Some(item), json)?;
        }
        json.push(b']');
        Ok(())
    }

    /// Appends the JSON of a value in PostgreSQL's binary format; None is NULL.
    ///
    /// # Errors
    /// [`Malformed`]
    pub fn write(&self, value: Option<&[u8]>, json: &mut Vec<u8>) -> Result<(), Malformed> {
        let Some(value) = value else {
            json.extend_from_slice(b"null");
            return Ok(());
        };
        match self {
            Self::Json => json.extend_from_slice(value),
            Self::Text => write_text(value, json),
            Self::Uuid => write_uuid(value, json)?,
            Self::Timestamp(fraction) => timestamp::write(*fraction, value, json)?,
            Self::Constant(constant) => json.extend_from_slice(constant.as_bytes()),
            Self::Only(output) => write_only(output, value, json)?,
            Self::Object(members) => write_object(members, value, json)?,
            Self::List(item) => write_list(item, value, json)?,
        }
        Ok(())
    }
}

/// The values of a root field's record, all of them texts; None is NULL.
///
/// # Errors
/// [`Malformed`]
pub fn texts(record: &[u8]) -> Result<Vec<Option<String>>, Malformed> {
    let mut rest = record;
    let n_values = take_number(&mut rest)?;
    let texts = (0..n_values).map(|_| {
        let _type = take_number(&mut rest)?;
        let value = take_value(&mut rest)?.map(|value| String::from_utf8(value.to_vec()));
        value.transpose().map_err(|_| Malformed)
    });
    texts.collect()
}

fn write_only(output: &Output, record: &[u8], json: &mut Vec<u8>) -> Result<(), Malformed> {
    let mut rest = record;
    let _n_values = take_number(&mut rest)?;
    let _type = take_number(&mut rest)?;
    output.write(take_value(&mut rest)?, json)
}

fn write_object(members: &[(Arc<str>, Output)], record: &[u8], json: &mut Vec<u8>) -> Result<(), Malformed> {
    let mut rest = record;
    // The number of values; then each with its type (PostgreSQL sources, record_send).
    take_number(&mut rest)?;
    json.push(b'{');
    for (index, (key, output)) in members.iter().enumerate() {
        // Response keys are GraphQL names, which JSON does not escape.
        json.extend_from_slice(if index == 0 { b"\"" } else { b",\"" });
        json.extend_from_slice(key.as_bytes());
        json.extend_from_slice(b"\":");
        if let Output::Constant(constant) = output {
            json.extend_from_slice(constant.as_bytes());
        } else {
            take_number(&mut rest)?;
            output.write(take_value(&mut rest)?, json)?;
        }
    }
    json.push(b'}');
    Ok(())
}

fn write_list(item: &Output, array: &[u8], json: &mut Vec<u8>) -> Result<(), Malformed> {
    json.push(b'[');
    let mut rest = array;
    // An empty array has no dimension and ends here.
    if take_number(&mut rest)? > 0 {
        rest = array.get(ARRAY_HEADER..).ok_or(Malformed)?;
        let mut is_first = true;
        while !rest.is_empty() {
            json.extend_from_slice(if is_first { b"" } else { SEPARATOR });
            is_first = false;
            item.write(take_value(&mut rest)?, json)?;
        }
    }
    json.push(b']');
    Ok(())
}

fn take_number(rest: &mut &[u8]) -> Result<i32, Malformed> {
    let (number, after) = rest.split_first_chunk::<4>().ok_or(Malformed)?;
    *rest = after;
    Ok(i32::from_be_bytes(*number))
}

/// A value with its length before it; a negative length is NULL.
fn take_value<'a>(rest: &mut &'a [u8]) -> Result<Option<&'a [u8]>, Malformed> {
    let Ok(length) = usize::try_from(take_number(rest)?) else { return Ok(None) };
    let (value, after) = rest.split_at_checked(length).ok_or(Malformed)?;
    *rest = after;
    Ok(Some(value))
}

/// Bytes looked at together: most texts have nothing to escape, and the compiler makes one comparison of sixteen.
const BLOCK: usize = 16;

fn write_text(text: &[u8], json: &mut Vec<u8>) {
    json.reserve(text.len() + 2);
    json.push(b'"');
    for block in text.chunks(BLOCK) {
        if block.iter().fold(false, |found, byte| found | is_special(*byte)) {
            block.iter().for_each(|byte| write_byte(*byte, json));
        } else {
            json.extend_from_slice(block);
        }
    }
    json.push(b'"');
}

fn is_special(byte: u8) -> bool {
    (byte < b' ') | (byte == b'"') | (byte == b'\\')
}

/// Escaped as PostgreSQL's escape_json does it.
fn write_byte(byte: u8, json: &mut Vec<u8>) {
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\r' => b'r',
        b'\t' => b't',
        0x08 => b'b',
        0x0c => b'f',
        0..b' ' => {
            json.extend_from_slice(b"\\u00");
            return json.extend_from_slice(&hexadecimal(byte));
        }
        _ => return json.push(byte),
    };
    json.extend_from_slice(&[b'\\', short]);
}

fn write_uuid(value: &[u8], json: &mut Vec<u8>) -> Result<(), Malformed> {
    let id = uuid::Uuid::from_slice(value).map_err(|_| Malformed)?;
    json.push(b'"');
    json.extend_from_slice(id.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()).as_bytes());
    json.push(b'"');
    Ok(())
}

fn hexadecimal(byte: u8) -> [u8; 2] {
    let digit = |value: u8| b"0123456789abcdef"[usize::from(value & 15)];
    [digit(byte >> 4), digit(byte)]
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A record as PostgreSQL sends it, of values that are all said to be texts.
    pub(crate) fn record(values: &[Option<&[u8]>]) -> Vec<u8> {
        let mut bytes = i32::try_from(values.len()).unwrap().to_be_bytes().to_vec();
        for value in values {
            bytes.extend_from_slice(&25_i32.to_be_bytes());
            append(value.as_deref(), &mut bytes);
        }
        bytes
    }

    fn array(items: &[Option<&[u8]>]) -> Vec<u8> {
        let n_items = i32::try_from(items.len()).unwrap();
        if items.is_empty() {
            return [0, 0, 25].map(i32::to_be_bytes).concat();
        }
        let mut bytes = [1, 0, 25, n_items, 1].map(i32::to_be_bytes).concat();
        items.iter().for_each(|item| append(item.as_deref(), &mut bytes));
        bytes
    }

    fn append(value: Option<&[u8]>, bytes: &mut Vec<u8>) {
        let length = value.map_or(-1, |value| i32::try_from(value.len()).unwrap());
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(value.unwrap_or_default());
    }

    fn written(output: &Output, value: Option<&[u8]>) -> String {
        let mut json = Vec::new();
        output.write(value, &mut json).unwrap();
        String::from_utf8(json).unwrap()
    }

    #[test]
    fn records_and_arrays_become_objects_and_lists() {
        let tags = Output::List(Box::new(Output::Object(vec![("name".into(), Output::Text)])));
        let output = Output::Object(vec![
            ("id".into(), Output::Uuid),
            ("__typename".into(), Output::Constant("\"Article\"".into())),
            ("rank".into(), Output::Json),
            ("gone".into(), Output::Text),
            ("tags".into(), tags.clone()),
            ("none".into(), tags),
        ]);
        let id = uuid::Uuid::from_u128(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);
        let tags = array(&[Some(&record(&[Some(b"a")])), Some(&record(&[None])), None]);
        let row = record(&[Some(id.as_bytes()), Some(b"7"), None, Some(&tags), Some(&array(&[]))]);
        assert_eq!(
            written(&output, Some(&row)),
            r#"{"id":"01234567-89ab-cdef-0123-456789abcdef","__typename":"Article","rank":7,"gone":null,"tags":[{"name":"a"}, {"name":null}, null],"none":[]}"#
        );
        assert_eq!(written(&output, None), "null");
        let only = Output::Only(Box::new(output));
        assert!(written(&only, Some(&record(&[Some(&row)]))).starts_with(r#"{"id":"01234567-"#));
        assert_eq!(written(&only, Some(&record(&[None]))), "null");
    }

    #[test]
    fn a_record_of_texts_gives_them() {
        let row = record(&[Some(b"null"), None, Some(b"\"\xC4\x8D\"")]);
        assert_eq!(texts(&row).unwrap(), [Some("null".to_owned()), None, Some("\"č\"".to_owned())]);
        assert_eq!(texts(&row[..row.len() - 1]), Err(Malformed));
        assert_eq!(texts(&record(&[Some(b"\xFF")])), Err(Malformed));
    }

    #[test]
    fn texts_are_escaped_as_json_asks() {
        let mut text: String = (0..0x80_u8).map(char::from).collect();
        text.push_str("žluťoučký 🦊 and what is not special at all");
        let json = written(&Output::Text, Some(text.as_bytes()));
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
        assert!(json.starts_with(r#""\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000b\f\r\u000e\u000f"#), "{json}");
        assert_eq!(written(&Output::Text, Some(b"")), "\"\"");
    }

    #[test]
    fn what_is_cut_short_is_refused() {
        let output = Output::List(Box::new(Output::Object(vec![("id".into(), Output::Uuid)])));
        let whole = array(&[Some(&record(&[Some(&[7; 16])]))]);
        assert!(output.write(Some(&whole), &mut Vec::new()).is_ok());
        for length in 0..whole.len() {
            // Right behind the header a list without items is indistinguishable from a whole one.
            let is_whole = length == ARRAY_HEADER;
            assert_eq!(output.write(Some(&whole[..length]), &mut Vec::new()).is_ok(), is_whole, "{length}");
        }
    }
}
