//! GraphQL documents: lexer, parser, and the tree that validation and collection walk.
//!
//! Why not async-graphql-parser: it keeps no positions inside argument values, drops repeated input fields and the order of definitions, and its recursion has no
//! bound. The API's errors promise graphql-js's texts and locations, and a hostile document must not exhaust the stack.

pub mod ast;
mod block_string;
mod lexer;
pub(crate) mod outline;
mod parser;
mod print;
#[cfg(test)]
mod tests;

pub use parser::parse;
pub(crate) use print::{block, quoted};

/// How large a document may be before it is refused unread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseLimits {
    /// Tokens.
    pub tokens: usize,
    /// Selection sets, lists, objects and list types inside each other.
    pub nesting: usize,
}
