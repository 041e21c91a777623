//! Recursive descent over tokens, in the shape and with the texts of graphql-js's `parser.ts`, version 16.

use std::sync::Arc;

use super::ParseLimits;
use super::ast::{
    Argument, Directive, Document, Field, Fragment, Inline, Name, Operation, OperationType, Selection, SelectionSet, Spread,
    Type, Value, ValueKind, VariableDefinition,
};
use super::lexer::{Lexer, Token, syntax_error};
use crate::error::{ErrorCode, RequestError};
use crate::selection::Pos;

type Parsed<T> = Result<T, Box<RequestError>>;

/// Parses an executable document.
///
/// # Errors
/// The first place that is not GraphQL, or a limit that was passed.
pub fn parse(text: &str, limits: ParseLimits) -> Result<Document, RequestError> {
    Parser::new(text, limits).and_then(Parser::document).map_err(|error| *error)
}

struct Parser<'a> {
    lexer: Lexer<'a>,
    /// The token to be read next, and its place.
    token: Token<'a>,
    pos: Pos,
    /// Place of the token read last.
    last: Pos,
    limits: ParseLimits,
    tokens: usize,
    nesting: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, limits: ParseLimits) -> Parsed<Self> {
        let start = Pos { line: 1, column: 1 };
        let mut parser =
            Self { lexer: Lexer::new(text), token: Token::Start, pos: start, last: start, limits, tokens: 0, nesting: 0 };
        parser.advance()?;
        Ok(parser)
    }

    fn advance(&mut self) -> Parsed<Token<'a>> {
        self.tokens += 1;
        if self.tokens > self.limits.tokens.saturating_add(1) {
            let message = format!("Document contains more than {} tokens. Parsing aborted.", self.limits.tokens);
            return Err(Box::new(RequestError { code: ErrorCode::TooComplex, ..syntax_error(self.pos, &message) }));
        }
        let (next, pos) = self.lexer.next()?;
        self.last = self.pos;
        self.pos = pos;
        Ok(std::mem::replace(&mut self.token, next))
    }

    fn unexpected<T>(&self) -> Parsed<T> {
        Err(Box::new(syntax_error(self.pos, &format!("Unexpected {}.", self.token))))
    }

    fn expect(&mut self, token: &Token<'_>) -> Parsed<()> {
        if self.token == *token {
            self.advance()?;
            return Ok(());
        }
        Err(Box::new(syntax_error(self.pos, &format!("Expected {}, found {}.", token.kind(), self.token))))
    }

    fn skip(&mut self, token: &Token<'_>) -> Parsed<bool> {
        let found = self.token == *token;
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn keyword(&mut self, keyword: &str) -> Parsed<()> {
        if self.token == Token::Name(keyword) {
            self.advance()?;
            return Ok(());
        }
        Err(Box::new(syntax_error(self.pos, &format!("Expected \"{keyword}\", found {}.", self.token))))
    }

    fn name(&mut self) -> Parsed<Name> {
        let pos = self.pos;
        let Token::Name(text) = self.token else {
            return Err(Box::new(syntax_error(pos, &format!("Expected Name, found {}.", self.token))));
        };
        self.advance()?;
        Ok(Name { text: Arc::from(text), pos })
    }

    /// Runs `parse` one level deeper.
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.nesting >= self.limits.nesting {
            let message = format!("The document is nested deeper than {} levels.", self.limits.nesting);
            return Err(Box::new(RequestError { message, locations: vec![self.pos], code: ErrorCode::TooDeep }));
        }
        self.nesting += 1;
        let parsed = parse(self);
        self.nesting -= 1;
        parsed
    }

    /// Items between two tokens; `min_one` as in graphql-js's `many`, otherwise as in its `any`.
    fn items<T>(
        &mut self,
        open: &Token<'_>,
        close: &Token<'_>,
        min_one: bool,
        mut item: impl FnMut(&mut Self) -> Parsed<T>,
    ) -> Parsed<Vec<T>> {
        self.expect(open)?;
        let mut items = Vec::new();
        if min_one {
            items.push(item(self)?);
        }
        while !self.skip(close)? {
            items.push(item(self)?);
        }
        Ok(items)
    }

    fn document(mut self) -> Parsed<Document> {
        let mut document = Document::default();
        loop {
            self.definition(&mut document)?;
            if self.token == Token::End {
                return Ok(document);
            }
        }
    }

    fn definition(&mut self, document: &mut Document) -> Parsed<()> {
        match self.token {
            Token::BraceLeft | Token::Name("query" | "mutation" | "subscription") => document.operations.push(self.operation()?),
            Token::Name("fragment") => document.fragments.push(self.fragment()?),
            Token::Name("schema" | "scalar" | "type" | "interface" | "union" | "enum" | "input" | "directive" | "extend") => {
                return self.not_executable();
            }
            Token::String(_) | Token::BlockString(_) => {
                let message = "Unexpected description, descriptions are supported only on definitions.";
                return Err(Box::new(syntax_error(self.pos, message)));
            }
            _ => return self.unexpected(),
        }
        Ok(())
    }

    /// graphql-js's rule ExecutableDefinitions, applied at once: definitions of types are never read further.
    fn not_executable(&mut self) -> Parsed<()> {
        let pos = self.pos;
        let mut keyword = self.advance()?;
        if keyword == Token::Name("extend") {
            keyword = self.advance()?;
        }
        let what = match (&keyword, &self.token) {
            (Token::Name("schema"), _) => "schema".to_owned(),
            (_, Token::Name(name)) => format!("\"{name}\""),
            _ => return self.unexpected(),
        };
        let message = format!("The {what} definition is not executable.");
        Err(Box::new(RequestError { message, locations: vec![pos], code: ErrorCode::GraphqlValidationFailed }))
    }

    fn operation(&mut self) -> Parsed<Operation> {
        let pos = self.pos;
        let ty = match self.token {
            Token::Name("mutation") => OperationType::Mutation,
            Token::Name("subscription") => OperationType::Subscription,
            _ => OperationType::Query,
        };
        let (mut name, mut variables, mut directives) = (None, Vec::new(), Vec::new());
        if self.token != Token::BraceLeft {
            self.advance()?;
            if matches!(self.token, Token::Name(_)) {
                name = Some(self.name()?);
            }
            if self.token == Token::ParenLeft {
                variables = self.items(&Token::ParenLeft, &Token::ParenRight, true, Self::variable_definition)?;
            }
            directives = self.directives(false)?;
        }
        let selection = self.selection_set()?;
        Ok(Operation { ty, name, variables, directives, selection, pos, end: self.last })
    }

    fn variable_definition(&mut self) -> Parsed<VariableDefinition> {
        let pos = self.pos;
        self.expect(&Token::Dollar)?;
        let name = Name { pos, ..self.name()? };
        self.expect(&Token::Colon)?;
        let ty = self.ty()?;
        let default = if self.skip(&Token::Equals)? { Some(self.value(true)?) } else { None };
        let directives = self.directives(true)?;
        Ok(VariableDefinition { name, ty, default, directives })
    }

    fn ty(&mut self) -> Parsed<Type> {
        let pos = self.pos;
        let ty = if self.skip(&Token::BracketLeft)? {
            let inner = self.nested(Self::ty)?;
            self.expect(&Token::BracketRight)?;
            Type::List(Box::new(inner), pos)
        } else {
            Type::Named(self.name()?)
        };
        Ok(if self.skip(&Token::Bang)? { Type::NonNull(Box::new(ty), pos) } else { ty })
    }

    fn selection_set(&mut self) -> Parsed<SelectionSet> {
        let pos = self.pos;
        let items = self.nested(|parser| parser.items(&Token::BraceLeft, &Token::BraceRight, true, Self::selection))?;
        Ok(SelectionSet { items, pos })
    }

    fn selection(&mut self) -> Parsed<Selection> {
        if self.token != Token::Spread {
            return Ok(Selection::Field(self.field()?));
        }
        let pos = self.pos;
        self.advance()?;
        let has_condition = self.skip(&Token::Name("on"))?;
        if !has_condition && matches!(self.token, Token::Name(_)) {
            let name = self.name()?;
            return Ok(Selection::Spread(Spread { name, directives: self.directives(false)?, pos }));
        }
        let type_condition = if has_condition { Some(self.name()?) } else { None };
        let directives = self.directives(false)?;
        Ok(Selection::Inline(Inline { type_condition, directives, selection: self.selection_set()?, pos }))
    }

    fn field(&mut self) -> Parsed<Field> {
        let first = self.name()?;
        let pos = first.pos;
        let (alias, name) = if self.skip(&Token::Colon)? { (Some(first), self.name()?) } else { (None, first) };
        let arguments = self.arguments(false)?;
        let directives = self.directives(false)?;
        let selection = if self.token == Token::BraceLeft { Some(self.selection_set()?) } else { None };
        Ok(Field { alias, name, arguments, directives, selection, pos, end: self.last })
    }

    fn fragment(&mut self) -> Parsed<Fragment> {
        let pos = self.pos;
        self.keyword("fragment")?;
        if self.token == Token::Name("on") {
            return self.unexpected();
        }
        let name = self.name()?;
        self.keyword("on")?;
        let type_condition = self.name()?;
        let directives = self.directives(false)?;
        Ok(Fragment { name, type_condition, directives, selection: self.selection_set()?, pos })
    }

    fn arguments(&mut self, constant: bool) -> Parsed<Vec<Argument>> {
        if self.token != Token::ParenLeft {
            return Ok(Vec::new());
        }
        self.items(&Token::ParenLeft, &Token::ParenRight, true, |parser| parser.argument(constant))
    }

    fn argument(&mut self, constant: bool) -> Parsed<Argument> {
        let name = self.name()?;
        self.expect(&Token::Colon)?;
        Ok(Argument { name, value: self.value(constant)? })
    }

    fn directives(&mut self, constant: bool) -> Parsed<Vec<Directive>> {
        let mut directives = Vec::new();
        while self.token == Token::At {
            let pos = self.pos;
            self.advance()?;
            let name = self.name()?;
            let arguments = self.arguments(constant)?;
            directives.push(Directive { name, arguments, pos, end: self.last });
        }
        Ok(directives)
    }

    fn value(&mut self, constant: bool) -> Parsed<Value> {
        let pos = self.pos;
        let kind = match &self.token {
            Token::BracketLeft => ValueKind::List(self.nested(|parser| {
                parser.items(&Token::BracketLeft, &Token::BracketRight, false, |parser| parser.value(constant))
            })?),
            Token::BraceLeft => ValueKind::Object(self.nested(|parser| {
                parser.items(&Token::BraceLeft, &Token::BraceRight, false, |parser| parser.argument(constant))
            })?),
            Token::Dollar => ValueKind::Variable(self.variable(constant)?),
            Token::Int(_) | Token::Float(_) | Token::String(_) | Token::BlockString(_) | Token::Name(_) => {
                match self.advance()? {
                    Token::Int(text) => ValueKind::Int(text.into()),
                    Token::Float(text) => ValueKind::Float(text.into()),
                    Token::String(text) => ValueKind::String { text: text.into(), block: false },
                    Token::BlockString(text) => ValueKind::String { text: text.into(), block: true },
                    Token::Name("true") => ValueKind::Boolean(true),
                    Token::Name("false") => ValueKind::Boolean(false),
                    Token::Name(name) if name != "null" => ValueKind::Enum(name.into()),
                    _ => ValueKind::Null,
                }
            }
            _ => return self.unexpected(),
        };
        Ok(Value { kind, pos })
    }

    fn variable(&mut self, constant: bool) -> Parsed<Arc<str>> {
        let pos = self.pos;
        self.advance()?;
        if !constant {
            return Ok(self.name()?.text);
        }
        let message = match self.token {
            Token::Name(name) => format!("Unexpected variable \"${name}\" in constant value."),
            _ => "Unexpected \"$\".".to_owned(),
        };
        Err(Box::new(syntax_error(pos, &message)))
    }
}
