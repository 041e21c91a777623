//! Why a token is refused.

/// Every variant is the bearer's fault. Messages hold no part of the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Longer than any token of ours.
    #[error("the token is longer than {max} bytes")]
    TooLarge {
        /// The limit.
        max: usize,
    },
    /// Not three parts of unpadded base64url, or not JSON inside.
    #[error("the token is not a signed token (three parts of base64url)")]
    Malformed,
    /// The header names a key that the keyring does not have, or no longer.
    #[error("the token's signing key is unknown or withdrawn")]
    UnknownKey,
    /// The header's algorithm is not the key's.
    #[error("the token's algorithm is not accepted")]
    Algorithm,
    /// The header has a parameter that we never write, such as `crit`, `jku`, `jwk`, `x5u`.
    #[error("the token's header has a parameter that is not accepted")]
    Header,
    /// Changed, or signed by another key, or another kind of token, or another tenant's.
    #[error("the token's signature is wrong")]
    Signature,
    /// A claim is missing, repeated, unknown or of the wrong type.
    #[error("the token's claims are not accepted")]
    Claims,
    /// Made for another audience.
    #[error("the token was made for another audience")]
    Audience,
    /// No longer valid.
    #[error("the token has expired")]
    Expired,
    /// The token belongs to another path.
    #[error("the token was made for another address")]
    Path,
}

impl TokenError {
    /// Published in `extensions.code`; changing one is a breaking change.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "TOKEN_TOO_LARGE",
            Self::Malformed => "TOKEN_MALFORMED",
            Self::UnknownKey => "TOKEN_UNKNOWN_KEY",
            Self::Algorithm => "TOKEN_ALGORITHM",
            Self::Header => "TOKEN_HEADER",
            Self::Signature => "TOKEN_SIGNATURE",
            Self::Claims => "TOKEN_CLAIMS",
            Self::Audience => "TOKEN_AUDIENCE",
            Self::Expired => "TOKEN_EXPIRED",
            Self::Path => "TOKEN_PATH",
        }
    }
}
