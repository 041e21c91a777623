//! The outer form of a token, taken apart strictly: what we never write is refused, not ignored.

use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;

use crate::TokenError;

pub(crate) const ALGORITHM: &str = "HS256";

/// The only header parameters that we write. `crit`, `jku`, `jwk`, `x5u` and the like are unknown fields and therefore errors.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    pub alg: String,
    pub kid: String,
    typ: Option<String>,
}

/// A token whose signature has not been checked yet.
pub(crate) struct Unverified<'a> {
    pub header: Header,
    /// Header and payload with the dot between them: what is signed.
    pub message: &'a str,
    /// Decoded payload. Do not look inside before the signature was found good.
    pub payload: Vec<u8>,
    pub signature: &'a str,
}

impl<'a> Unverified<'a> {
    pub(crate) fn parse(token: &'a str, max_bytes: usize) -> Result<Self, TokenError> {
        if token.len() > max_bytes {
            return Err(TokenError::TooLarge { max: max_bytes });
        }
        let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, payload) = message.split_once('.').ok_or(TokenError::Malformed)?;
        // The decoder refuses padding, `+` and `/`, and spare bits that are not zero: a token has one spelling.
        let decode = |text: &str| BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| TokenError::Malformed);
        decode(signature)?;
        let header: Header = serde_json::from_slice(&decode(header)?)
            .map_err(|error| if error.is_data() { TokenError::Header } else { TokenError::Malformed })?;
        if header.typ.as_deref().is_some_and(|typ| typ != "JWT") {
            return Err(TokenError::Header);
        }
        // The keyring's keys are all for HMAC-SHA256; the header has to agree, it never decides.
        if header.alg != ALGORITHM {
            return Err(TokenError::Algorithm);
        }
        Ok(Self { header, message, payload: decode(payload)?, signature })
    }
}
