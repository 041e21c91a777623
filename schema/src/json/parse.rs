//! JSON text as a tree with places, so that mistakes in the JSON form are found at their line and column too.

use serde_json::{Number, Value};

use crate::codes;
use crate::node::{Node, NodeValue};
use crate::source::{At, Errors};

/// Deeper than any schema; keeps hostile input from exhausting the stack.
const MAX_DEPTH: usize = 200;

/// Parses a file; a mistake in the syntax ends it.
pub(crate) fn parse(text: &str, errors: &mut Errors) -> Option<Node> {
    let mut parser = Parser { text, at: 0 };
    let parsed = parser.value(0).and_then(|node| {
        parser.space();
        if parser.at == text.len() { Ok(node) } else { Err("expected the end of the file".to_owned()) }
    });
    parsed.map_err(|message| errors.add(parser.at, codes::SYNTAX, message)).ok()
}

/// A value all of whose parts stand at one place.
pub(crate) fn plain(value: &Value, at: usize) -> Node {
    let value = match value {
        Value::Null => NodeValue::Null,
        Value::Bool(value) => NodeValue::Bool(*value),
        Value::Number(value) => NodeValue::Number(value.clone()),
        Value::String(value) => NodeValue::String(value.clone()),
        Value::Array(items) => NodeValue::List(items.iter().map(|item| plain(item, at)).collect()),
        Value::Object(members) => {
            NodeValue::Object(members.iter().map(|(name, value)| (At::new(name.clone(), at), plain(value, at))).collect())
        }
    };
    Node { at, value }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn unexpected(&self, expected: &str) -> String {
        match self.text[self.at..].chars().next() {
            Some(found) => format!("expected {expected}, got `{found}`"),
            None => format!("expected {expected}, got the end of the file"),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node, String> {
        self.space();
        if depth > MAX_DEPTH {
            return Err(format!("values are nested more than {MAX_DEPTH} deep"));
        }
        let at = self.at;
        let value = match self.peek() {
            Some(b'{') => NodeValue::Object(self.object(depth)?),
            Some(b'[') => NodeValue::List(self.list(depth)?),
            Some(b'"') => NodeValue::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => NodeValue::Number(self.number()?),
            Some(b'a'..=b'z') => self.word()?,
            _ => return Err(self.unexpected("a value")),
        };
        Ok(Node { at, value })
    }

    fn object(&mut self, depth: usize) -> Result<Vec<(At<String>, Node)>, String> {
        let mut members = Vec::new();
        self.at += 1;
        self.space();
        while self.peek() != Some(b'}') {
            if !members.is_empty() {
                self.comma("`,` or `}`")?;
            }
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("a key in quotes"));
            }
            let at = self.at;
            let name = At::new(self.string()?, at);
            self.space();
            if self.peek() != Some(b':') {
                return Err(self.unexpected("`:`"));
            }
            self.at += 1;
            members.push((name, self.value(depth + 1)?));
            self.space();
        }
        self.at += 1;
        Ok(members)
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, String> {
        let mut items = Vec::new();
        self.at += 1;
        self.space();
        while self.peek() != Some(b']') {
            if !items.is_empty() {
                self.comma("`,` or `]`")?;
            }
            items.push(self.value(depth + 1)?);
            self.space();
        }
        self.at += 1;
        Ok(items)
    }

    fn comma(&mut self, expected: &str) -> Result<(), String> {
        if self.peek() != Some(b',') {
            return Err(self.unexpected(expected));
        }
        self.at += 1;
        self.space();
        Ok(())
    }

    fn string(&mut self) -> Result<String, String> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut end = start + 1;
        while bytes.get(end).is_some_and(|&byte| byte != b'"') {
            end += if bytes[end] == b'\\' { 2 } else { 1 };
        }
        let Some(raw) = self.text.get(start..=end) else {
            return Err("this text has no closing quote".to_owned());
        };
        let text = serde_json::from_str(raw)
            .map_err(|_| "this text has a character or an escape that JSON does not allow".to_owned())?;
        self.at = end + 1;
        Ok(text)
    }

    fn number(&mut self) -> Result<Number, String> {
        let rest = &self.text[self.at..];
        let end = rest.find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E')).unwrap_or(rest.len());
        let number = serde_json::from_str(&rest[..end]).map_err(|_| format!("`{}` is not a number", &rest[..end]))?;
        self.at += end;
        Ok(number)
    }

    fn word(&mut self) -> Result<NodeValue, String> {
        let rest = &self.text[self.at..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let value = match &rest[..end] {
            "true" => NodeValue::Bool(true),
            "false" => NodeValue::Bool(false),
            "null" => NodeValue::Null,
            _ => return Err(self.unexpected("a value")),
        };
        self.at += end;
        Ok(value)
    }
}
