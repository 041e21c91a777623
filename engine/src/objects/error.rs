//! Why a URL was not signed.

use freehold_ids::ObjectKeyError;

/// Why a URL was not signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObjectError {
    /// The key cannot be one of the tenant's.
    #[error("{0}")]
    Key(#[from] ObjectKeyError),
    /// The key is spelled as one of another tenant, or the URL leads elsewhere. Whether there is anything is not looked at.
    #[error("Given object key \"{given}\" does not start with a project prefix \"{prefix}\"")]
    Foreign {
        /// As given.
        given: String,
        /// The tenant's own.
        prefix: String,
    },
    /// No rule allows it.
    #[error("Upload access forbidden for object key {0}")]
    UploadForbidden(String),
    /// The rule has a limit, and the limit cannot be compared with anything.
    #[error("File size must be provided")]
    SizeRequired,
    /// More than the rule allows.
    #[error("Uploaded file is too large")]
    TooLarge,
    /// No rule allows it.
    #[error("Read access forbidden for object key {0}")]
    ReadForbidden(String),
    /// Who may read an object is decided by rules alone.
    #[error("ACL is not supported")]
    Acl,
    /// An argument that cannot be used; says which and why.
    #[error("{0}")]
    Argument(&'static str),
    /// The store's credentials cannot be had.
    #[error("the object storage cannot be used at the moment; try again shortly")]
    Unavailable,
}

impl ObjectError {
    /// Published; ERRORS.md lists them.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Key(_) => "OBJECT_KEY_INVALID",
            Self::Foreign { .. } => "OBJECT_KEY_FOREIGN",
            Self::UploadForbidden(_) => "UPLOAD_FORBIDDEN",
            Self::SizeRequired => "UPLOAD_SIZE_REQUIRED",
            Self::TooLarge => "UPLOAD_TOO_LARGE",
            Self::ReadForbidden(_) => "READ_FORBIDDEN",
            Self::Acl => "ACL_NOT_SUPPORTED",
            Self::Argument(_) => "BAD_USER_INPUT",
            Self::Unavailable => "STORAGE_UNAVAILABLE",
        }
    }

    /// The status for clients that read statuses.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Key(_) | Self::Acl | Self::Argument(_) => 400,
            Self::Foreign { .. } | Self::UploadForbidden(_) | Self::SizeRequired | Self::TooLarge | Self::ReadForbidden(_) => 403,
            Self::Unavailable => 503,
        }
    }
}
