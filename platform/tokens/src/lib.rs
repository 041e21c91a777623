//! Signed tokens: who calls the engine ([`caller`]), and which image may be fetched ([`image`]).
//!
//! Both are JWTs signed by HMAC-SHA256. The keyring decides which key and which algorithm verify a token, never the token's header. Each
//! kind of token has keys of its own, derived from the keyring, so that one kind cannot be used as another even where checks of claims
//! would fail. Nothing here does I/O except reading and writing keyring files; time is an argument.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod caller;
mod derive;
mod error;
pub mod image;
mod jwt;
mod keyring;

pub use error::TokenError;
pub use keyring::{Keyring, KeyringError};
