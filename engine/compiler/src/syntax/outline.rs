//! A document without its literals: what texts have in common that differ in the values written into them only.
//!
//! Clients that write values into the text instead of using variables send another text each time. The outline of all of them is one text, found by reading the
//! tokens once, and with it the plan that was made for the first of them.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::ast::{Value, ValueKind};
use super::lexer::{Lexer, Token};
use crate::selection::Pos;

/// Arguments whose value stands in SQL text, so that it stays in the outline: the planner needs to know how few rows are wanted.
pub(crate) const WRITTEN_ARGUMENTS: [&str; 3] = ["limit", "first", "last"];

/// A document's text with holes, and what was in them.
#[derive(Debug, Clone)]
pub struct Outline {
    /// The tokens, with a mark for each literal. Equal literals have equal marks: whether two fields can be merged depends on it.
    pub text: String,
    /// The literals in document order: numbers, texts, and lists of them.
    pub(crate) literals: Vec<Value>,
}

/// The outline of a document; None when its text is not made of tokens, or of more than `most_tokens`.
#[must_use]
pub fn outline(text: &str, most_tokens: usize) -> Option<Outline> {
    let mut reader = Reader::default();
    let mut lexer = Lexer::new(text);
    for _ in 0..=most_tokens {
        let (token, pos) = lexer.next().ok()?;
        match token {
            Token::End => return Some(write(reader.parts)),
            Token::Name(name) => reader.parts.push(Part::Name(name)),
            Token::Int(digits) => reader.literal(Value { kind: ValueKind::Int(digits.into()), pos }),
            Token::Float(digits) => reader.literal(Value { kind: ValueKind::Float(digits.into()), pos }),
            Token::String(text) => reader.literal(Value { kind: ValueKind::String { text: text.into(), block: false }, pos }),
            Token::BlockString(text) => reader.literal(Value { kind: ValueKind::String { text: text.into(), block: true }, pos }),
            Token::BracketLeft => reader.parts.push(Part::ListStart(pos)),
            Token::BracketRight => reader.close_list(),
            punctuator => reader.punctuator(punctuator),
        }
    }
    None
}

/// Whether a value may be a hole, as far as the value itself tells. A negative number is refused in some places while the plan is made.
pub(crate) fn is_hole(value: &Value) -> bool {
    match &value.kind {
        ValueKind::Int(digits) => !digits.starts_with('-'),
        ValueKind::Float(_) | ValueKind::String { .. } => true,
        ValueKind::Variable(_)
        | ValueKind::Boolean(_)
        | ValueKind::Null
        | ValueKind::Enum(_)
        | ValueKind::List(_)
        | ValueKind::Object(_) => false,
    }
}

/// Whether a list is a hole as a whole: it holds literals of one kind and nothing else.
pub(crate) fn is_list_hole(items: &[Value]) -> bool {
    items.first().is_some_and(|first| items.iter().all(|item| is_hole(item) && mark(item) == mark(first)))
}

enum Part<'a> {
    Name(&'a str),
    Punctuator(Token<'a>),
    ListStart(Pos),
    ListEnd,
    /// Kept in the outline.
    Literal(Value),
    Hole(Value),
}

/// What was read, and where in the document that is.
#[derive(Default)]
struct Reader<'a> {
    parts: Vec<Part<'a>>,
    braces: usize,
    /// Between the parentheses before an operation's braces: variables have their defaults there.
    in_head: bool,
}

impl<'a> Reader<'a> {
    fn punctuator(&mut self, token: Token<'a>) {
        match token {
            Token::ParenLeft if self.braces == 0 => self.in_head = true,
            Token::ParenRight => self.in_head = false,
            Token::BraceLeft if !self.in_head => self.braces += 1,
            Token::BraceRight if !self.in_head => self.braces = self.braces.saturating_sub(1),
            _ => {}
        }
        self.parts.push(Part::Punctuator(token));
    }

    fn literal(&mut self, literal: Value) {
        let is_written = match self.parts.as_slice() {
            [.., Part::Name(name), Part::Punctuator(Token::Colon)] => WRITTEN_ARGUMENTS.contains(name),
            _ => false,
        };
        let is_hole = is_hole(&literal) && !is_written && !self.in_head;
        self.parts.push(if is_hole { Part::Hole(literal) } else { Part::Literal(literal) });
    }

    /// Makes one hole of a list of holes.
    fn close_list(&mut self) {
        let start = self.parts.iter().rposition(|part| !matches!(part, Part::Hole(_)));
        if let Some(start) = start
            && let Part::ListStart(pos) = self.parts[start]
        {
            let items = self.parts[start + 1..].iter().filter_map(|part| match part {
                Part::Hole(literal) => Some(literal.clone()),
                Part::Name(_) | Part::Punctuator(_) | Part::ListStart(_) | Part::ListEnd | Part::Literal(_) => None,
            });
            let items: Vec<Value> = items.collect();
            if is_list_hole(&items) {
                self.parts.truncate(start);
                return self.parts.push(Part::Hole(Value { kind: ValueKind::List(items), pos }));
            }
        }
        self.parts.push(Part::ListEnd);
    }
}

fn write(parts: Vec<Part<'_>>) -> Outline {
    let mut outline = Outline { text: String::new(), literals: Vec::new() };
    let mut seen: HashMap<String, usize> = HashMap::new();
    for part in parts {
        let text = &mut outline.text;
        // Writing to a String cannot fail. A space keeps names and literals apart.
        let _infallible = match part {
            Part::Name(name) => write!(text, " {name}"),
            Part::Punctuator(token) => write!(text, "{}", token.kind().trim_matches('"')),
            Part::ListStart(_) => write!(text, "["),
            Part::ListEnd => write!(text, "]"),
            Part::Literal(value) => write!(text, " {value}"),
            Part::Hole(value) => {
                let n_seen = seen.len();
                let number = *seen.entry(value.to_string()).or_insert(n_seen);
                // No token begins with `%`.
                let written = write!(text, "%{}{number}", mark(&value));
                outline.literals.push(value);
                written
            }
        };
    }
    outline
}

fn mark(value: &Value) -> char {
    match &value.kind {
        ValueKind::Int(_) => 'i',
        ValueKind::Float(_) => 'f',
        ValueKind::List(items) => items.first().map_or('l', |first| mark(first).to_ascii_uppercase()),
        ValueKind::String { .. }
        | ValueKind::Variable(_)
        | ValueKind::Boolean(_)
        | ValueKind::Null
        | ValueKind::Enum(_)
        | ValueKind::Object(_) => 's',
    }
}
