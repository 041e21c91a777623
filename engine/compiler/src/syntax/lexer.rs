//! Tokens, with graphql-js's texts for what is none (its `lexer.ts`, version 16).

use std::borrow::Cow;
use std::fmt;

use super::block_string;
use crate::error::{ErrorCode, RequestError};
use crate::selection::Pos;

/// A token's kind and, where it has one, its text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token<'a> {
    Start,
    End,
    Bang,
    Dollar,
    Amp,
    ParenLeft,
    ParenRight,
    Spread,
    Colon,
    Equals,
    At,
    BracketLeft,
    BracketRight,
    BraceLeft,
    Pipe,
    BraceRight,
    Name(&'a str),
    Int(&'a str),
    Float(&'a str),
    String(Cow<'a, str>),
    BlockString(String),
}

impl fmt::Display for Token<'_> {
    /// graphql-js's `getTokenDesc`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(text) => write!(f, "Name \"{text}\""),
            Self::Int(text) => write!(f, "Int \"{text}\""),
            Self::Float(text) => write!(f, "Float \"{text}\""),
            Self::String(text) => write!(f, "String \"{text}\""),
            Self::BlockString(text) => write!(f, "BlockString \"{text}\""),
            Self::Start
            | Self::End
            | Self::Bang
            | Self::Dollar
            | Self::Amp
            | Self::ParenLeft
            | Self::ParenRight
            | Self::Spread
            | Self::Colon
            | Self::Equals
            | Self::At
            | Self::BracketLeft
            | Self::BracketRight
            | Self::BraceLeft
            | Self::Pipe
            | Self::BraceRight => f.write_str(self.kind()),
        }
    }
}

impl Token<'_> {
    /// graphql-js's `getTokenKindDesc`.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Start => "<SOF>",
            Self::End => "<EOF>",
            Self::Bang => "\"!\"",
            Self::Dollar => "\"$\"",
            Self::Amp => "\"&\"",
            Self::ParenLeft => "\"(\"",
            Self::ParenRight => "\")\"",
            Self::Spread => "\"...\"",
            Self::Colon => "\":\"",
            Self::Equals => "\"=\"",
            Self::At => "\"@\"",
            Self::BracketLeft => "\"[\"",
            Self::BracketRight => "\"]\"",
            Self::BraceLeft => "\"{\"",
            Self::Pipe => "\"|\"",
            Self::BraceRight => "\"}\"",
            Self::Name(_) => "Name",
            Self::Int(_) => "Int",
            Self::Float(_) => "Float",
            Self::String(_) => "String",
            Self::BlockString(_) => "BlockString",
        }
    }
}

/// Reads one token after the other.
pub(super) struct Lexer<'a> {
    text: &'a str,
    /// Offset of the next unread byte.
    offset: usize,
    /// Place of `counted`, moved forward as tokens are read: counting from the line's start each time would be quadratic on long lines.
    pos: Pos,
    counted: usize,
}

type Lexed<T> = Result<T, Box<RequestError>>;

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, offset: 0, pos: Pos { line: 1, column: 1 }, counted: 0 }
    }

    /// The next token and its place.
    pub(super) fn next(&mut self) -> Lexed<(Token<'a>, Pos)> {
        self.skip_ignored();
        let start = self.offset;
        let pos = self.position(start);
        let Some(first) = self.peek(0) else { return Ok((Token::End, pos)) };
        let punctuator = match first {
            b'!' => Token::Bang,
            b'$' => Token::Dollar,
            b'&' => Token::Amp,
            b'(' => Token::ParenLeft,
            b')' => Token::ParenRight,
            b':' => Token::Colon,
            b'=' => Token::Equals,
            b'@' => Token::At,
            b'[' => Token::BracketLeft,
            b']' => Token::BracketRight,
            b'{' => Token::BraceLeft,
            b'|' => Token::Pipe,
            b'}' => Token::BraceRight,
            b'.' if self.text[start..].starts_with("...") => {
                self.offset += 3;
                return Ok((Token::Spread, pos));
            }
            b'"' if self.text[start..].starts_with("\"\"\"") => return Ok((self.block_string()?, pos)),
            b'"' => return Ok((self.string()?, pos)),
            b'-' | b'0'..=b'9' => return Ok((self.number()?, pos)),
            b'_' | b'a'..=b'z' | b'A'..=b'Z' => return Ok((self.name(), pos)),
            b'\'' => {
                return self.fail(start, "Unexpected single quote character ('), did you mean to use a double quote (\")?");
            }
            _ => return self.fail(start, &format!("Unexpected character: {}.", self.describe(start))),
        };
        self.offset += 1;
        Ok((punctuator, pos))
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.offset + ahead).copied()
    }

    fn skip_ignored(&mut self) {
        while let Some(byte) = self.peek(0) {
            match byte {
                b' ' | b'\t' | b',' | b'\n' | b'\r' => self.offset += 1,
                b'#' => {
                    while !matches!(self.peek(0), None | Some(b'\n' | b'\r')) {
                        self.offset += 1;
                    }
                }
                _ if self.text[self.offset..].starts_with('\u{feff}') => self.offset += '\u{feff}'.len_utf8(),
                _ => return,
            }
        }
    }

    /// The place of `offset`, which never lies before an offset asked for earlier.
    fn position(&mut self, offset: usize) -> Pos {
        let bytes = self.text.as_bytes();
        for (index, character) in self.text[self.counted..offset].char_indices() {
            let at = self.counted + index;
            let ends_line = character == '\n' || (character == '\r' && bytes.get(at + 1) != Some(&b'\n'));
            if ends_line {
                self.pos = Pos { line: self.pos.line + 1, column: 1 };
            } else {
                self.pos.column += 1;
            }
        }
        self.counted = offset;
        self.pos
    }

    fn fail<T>(&mut self, offset: usize, message: &str) -> Lexed<T> {
        let pos = self.position(offset.min(self.text.len()).max(self.counted));
        Err(Box::new(syntax_error(pos, message)))
    }

    /// graphql-js's `printCodePointAt`.
    fn describe(&self, offset: usize) -> String {
        match self.text[offset..].chars().next() {
            None => "<EOF>".to_owned(),
            Some('"') => "'\"'".to_owned(),
            Some(character @ ' '..='~') => format!("\"{character}\""),
            Some(character) => format!("U+{:04X}", u32::from(character)),
        }
    }

    fn name(&mut self) -> Token<'a> {
        let start = self.offset;
        while matches!(self.peek(0), Some(b'_' | b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9')) {
            self.offset += 1;
        }
        Token::Name(&self.text[start..self.offset])
    }

    fn number(&mut self) -> Lexed<Token<'a>> {
        let start = self.offset;
        let mut is_float = false;
        if self.peek(0) == Some(b'-') {
            self.offset += 1;
        }
        if self.peek(0) == Some(b'0') {
            self.offset += 1;
            if matches!(self.peek(0), Some(b'0'..=b'9')) {
                let found = self.describe(self.offset);
                return self.fail(self.offset, &format!("Invalid number, unexpected digit after 0: {found}."));
            }
        } else {
            self.digits()?;
        }
        if self.peek(0) == Some(b'.') {
            is_float = true;
            self.offset += 1;
            self.digits()?;
        }
        if matches!(self.peek(0), Some(b'e' | b'E')) {
            is_float = true;
            self.offset += 1;
            if matches!(self.peek(0), Some(b'+' | b'-')) {
                self.offset += 1;
            }
            self.digits()?;
        }
        // Numbers cannot be followed by `.` or a name's start (GraphQL October 2021, 2.9.1).
        if matches!(self.peek(0), Some(b'.' | b'_' | b'a'..=b'z' | b'A'..=b'Z')) {
            return self.expected_digit();
        }
        let text = &self.text[start..self.offset];
        Ok(if is_float { Token::Float(text) } else { Token::Int(text) })
    }

    fn digits(&mut self) -> Lexed<()> {
        if !matches!(self.peek(0), Some(b'0'..=b'9')) {
            return self.expected_digit();
        }
        while matches!(self.peek(0), Some(b'0'..=b'9')) {
            self.offset += 1;
        }
        Ok(())
    }

    fn expected_digit<T>(&mut self) -> Lexed<T> {
        let found = self.describe(self.offset);
        self.fail(self.offset, &format!("Invalid number, expected digit but got: {found}."))
    }

    fn string(&mut self) -> Lexed<Token<'a>> {
        self.offset += 1;
        let start = self.offset;
        let mut owned: Option<String> = None;
        let mut chunk = start;
        loop {
            match self.peek(0) {
                Some(b'"') => {
                    let rest = &self.text[chunk..self.offset];
                    self.offset += 1;
                    return Ok(Token::String(match owned {
                        None => Cow::Borrowed(rest),
                        Some(text) => Cow::Owned(text + rest),
                    }));
                }
                Some(b'\\') => {
                    let text = owned.get_or_insert_with(String::new);
                    text.push_str(&self.text[chunk..self.offset]);
                    let character = self.escape()?;
                    owned.get_or_insert_with(String::new).push(character);
                    chunk = self.offset;
                }
                None | Some(b'\n' | b'\r') => return self.fail(self.offset, "Unterminated string."),
                Some(_) => self.offset += 1,
            }
        }
    }

    fn escape(&mut self) -> Lexed<char> {
        let start = self.offset;
        let simple = match self.peek(1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => {
                let found: String = self.text[start..].chars().take(2).collect();
                return self.fail(start, &format!("Invalid character escape sequence: \"{found}\"."));
            }
        };
        self.offset += 2;
        Ok(simple)
    }

    /// `\u00e9`, `\u{1F600}`, or a pair of surrogates.
    fn unicode_escape(&mut self) -> Lexed<char> {
        let start = self.offset;
        if self.peek(2) == Some(b'{') {
            let digits = self.text[start + 3..].bytes().take(9).take_while(u8::is_ascii_hexdigit).count();
            let character = u32::from_str_radix(&self.text[start + 3..start + 3 + digits], 16).ok().and_then(char::from_u32);
            if let (Some(character), Some(b'}')) = (character, self.peek(3 + digits)) {
                self.offset += digits + 4;
                return Ok(character);
            }
            return self.bad_escape(start, digits + 4);
        }
        let Some(first) = self.four_hex_digits(start + 2) else { return self.bad_escape(start, 6) };
        if let Some(character) = char::from_u32(first) {
            self.offset += 6;
            return Ok(character);
        }
        // A leading surrogate needs its trailing one; only together are they a character.
        if (0xD800..0xDC00).contains(&first)
            && self.text[start + 6..].starts_with("\\u")
            && let Some(second) = self.four_hex_digits(start + 8)
            && (0xDC00..0xE000).contains(&second)
            && let Some(character) = char::from_u32(0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00))
        {
            self.offset += 12;
            return Ok(character);
        }
        self.bad_escape(start, 6)
    }

    fn four_hex_digits(&self, at: usize) -> Option<u32> {
        let digits = self.text.get(at..at + 4)?;
        digits.bytes().all(|byte| byte.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
    }

    fn bad_escape<T>(&mut self, start: usize, length: usize) -> Lexed<T> {
        let found: String = self.text[start..].chars().take(length).collect();
        self.fail(start, &format!("Invalid Unicode escape sequence: \"{found}\"."))
    }

    fn block_string(&mut self) -> Lexed<Token<'a>> {
        self.offset += 3;
        let mut raw = String::new();
        let mut chunk = self.offset;
        loop {
            let rest = &self.text[self.offset..];
            if rest.starts_with("\"\"\"") {
                raw.push_str(&self.text[chunk..self.offset]);
                self.offset += 3;
                return Ok(Token::BlockString(block_string::dedent(&raw)));
            }
            if rest.starts_with("\\\"\"\"") {
                raw.push_str(&self.text[chunk..self.offset]);
                raw.push_str("\"\"\"");
                self.offset += 4;
                chunk = self.offset;
                continue;
            }
            match rest.chars().next() {
                None => return self.fail(self.offset, "Unterminated string."),
                Some(character) => self.offset += character.len_utf8(),
            }
        }
    }
}

/// An error of the document's grammar.
pub(super) fn syntax_error(pos: Pos, message: &str) -> RequestError {
    RequestError { message: format!("Syntax Error: {message}"), locations: vec![pos], code: ErrorCode::GraphqlParseFailed }
}
