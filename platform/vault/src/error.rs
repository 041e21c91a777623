//! Why a secret could not be sealed, opened or recovered.

use std::path::PathBuf;

/// Facts for operators. None of the messages holds a secret or says *how* a ciphertext failed to open.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// Changed, shortened, of another key, another context or other associated data: deliberately not told apart.
    #[error("the ciphertext does not open with this key, context and associated data")]
    Refused,
    /// Made by a later release, or not made by this crate at all.
    #[error("the ciphertext has format {found}, this release reads format {expected}")]
    Format {
        /// First byte of the ciphertext.
        found: u8,
        /// First byte that was expected.
        expected: u8,
    },
    /// Wrapped by KMS and read with a master key file, or the reverse.
    #[error("the data key was wrapped by {found}, but the vault is configured for {configured}")]
    OtherWrapper {
        /// Who wrapped it.
        found: &'static str,
        /// Who was asked to open it.
        configured: &'static str,
    },
    /// The configuration names no keeper of the master key, or two.
    #[error("set exactly one of `master_key_file` and `kms_key_id` in the vault's configuration, {0} are set")]
    Configuration(usize),
    /// The master key file cannot be read or written.
    #[error("cannot use the master key file `{}`", .path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Other users of the machine could read the master key.
    #[error("the master key file `{}` has mode {mode:04o}; make it readable by its owner alone (chmod 600)", .path.display())]
    KeyFileMode {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file does not hold 32 bytes in base64.
    #[error("the master key file `{}` does not hold 32 bytes in base64", .path.display())]
    KeyFileContent {
        /// The file.
        path: PathBuf,
    },
    /// KMS answered with an error, such as `AccessDeniedException` or `DisabledException`.
    #[error("kms refused the request: {code}")]
    Kms {
        /// The error code KMS gave.
        code: String,
        /// Worth repeating: throttling and KMS's own faults.
        retryable: bool,
    },
    /// KMS did not answer in time, or not at all.
    #[error("kms is unreachable: {0}")]
    KmsUnreachable(String),
    /// KMS answered with something that is no 256-bit data key.
    #[error("kms answered with a data key of {0} bytes instead of 32")]
    KmsAnswer(usize),
}

impl VaultError {
    /// Stable name for logs and programs; changing one is a breaking change.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused => "VAULT_REFUSED",
            Self::Format { .. } => "VAULT_FORMAT",
            Self::OtherWrapper { .. } => "VAULT_OTHER_WRAPPER",
            Self::Configuration(_) => "VAULT_CONFIGURATION",
            Self::KeyFile { .. } => "VAULT_KEY_FILE",
            Self::KeyFileMode { .. } => "VAULT_KEY_FILE_MODE",
            Self::KeyFileContent { .. } => "VAULT_KEY_FILE_CONTENT",
            Self::Kms { .. } => "VAULT_KMS_REFUSED",
            Self::KmsUnreachable(_) => "VAULT_KMS_UNREACHABLE",
            Self::KmsAnswer(_) => "VAULT_KMS_ANSWER",
        }
    }

    /// Whether the same call may succeed later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Kms { retryable, .. } => *retryable,
            Self::KmsUnreachable(_) => true,
            Self::Refused
            | Self::Format { .. }
            | Self::OtherWrapper { .. }
            | Self::Configuration(_)
            | Self::KeyFile { .. }
            | Self::KeyFileMode { .. }
            | Self::KeyFileContent { .. }
            | Self::KmsAnswer(_) => false,
        }
    }
}
