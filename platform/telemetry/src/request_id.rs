//! One id per request, in every response and every log line about it.

use std::fmt;

/// The value of `x-request-id`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestId(String);

impl RequestId {
    /// A new one, ordered by time (UUIDv7).
    #[must_use]
    pub fn generate() -> Self {
        Self(uuid::Uuid::now_v7().simple().to_string())
    }

    /// The caller's own id if it is fit for logs and headers: 8 to 128 characters of `A-Z a-z 0-9 . _ : / + = -`; otherwise a new one.
    #[must_use]
    pub fn accept(inbound: Option<&str>) -> Self {
        inbound.filter(|text| is_sane(text)).map_or_else(Self::generate, |text| Self(text.to_owned()))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_sane(text: &str) -> bool {
    // A token sent by mistake must not reach the logs under another name.
    (8..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._:/+=-".contains(&byte))
        && !text.contains("eyJ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sane_ids_are_kept_and_others_replaced() {
        for good in ["0190163d-8694-739b-aea5-966c26f8ad91", "Root=1-67891233-abcdef012345678912345678", "a.b_c:d/e"] {
            assert_eq!(RequestId::accept(Some(good)).as_str(), good);
        }
        let long = "x".repeat(129);
        for bad in ["", "short", "new\nline-here", "quote\"quote", "ünïcödé-id", "eyJhbGciOiJIUzI1NiJ9.e30.x", long.as_str()]
        {
            assert_ne!(RequestId::accept(Some(bad)).as_str(), bad);
        }
        assert_ne!(RequestId::accept(None), RequestId::accept(None));
        assert_eq!(RequestId::accept(None).as_str().len(), 32);
    }
}
