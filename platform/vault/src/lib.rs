//! Envelope encryption. A data key encrypts a tenant's secrets; a wrapper (a local master key file, or AWS KMS) encrypts the data key,
//! and only the wrapped form is stored. Destroying the wrapped form erases everything that the data key ever encrypted (ARCHITECTURE D9).
//!
//! What this crate promises:
//! - every ciphertext is bound to a context (whose key) and to associated data (which value): moved elsewhere it does not open;
//! - a changed, shortened or moved ciphertext gives one and the same error, which does not tell what was wrong with it;
//! - secrets are overwritten when dropped and print as `[secret]`.
//!
//! What it cannot promise: expanded cipher keys inside `ring` and copies that a parser made before a secret reached [`SecretString`] are
//! not overwritten.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod aead;
mod config;
mod context;
mod data_key;
mod error;
mod kms;
mod local;
mod secret;

use async_trait::async_trait;

pub use config::{VaultConfig, open};
pub use context::EncryptionContext;
pub use data_key::DataKey;
pub use error::VaultError;
pub use kms::{KmsConfig, KmsKeyWrapper};
pub use local::LocalKeyWrapper;
pub use secret::{SecretBytes, SecretString};

/// Encrypts data keys under a key that never leaves its keeper.
#[async_trait]
pub trait KeyWrapper: Send + Sync {
    /// Makes a data key and its wrapped form. Store the wrapped form, and the means to rebuild the same context.
    ///
    /// # Errors
    /// When the keeper of the master key is unreachable or refuses.
    async fn generate(&self, context: &EncryptionContext) -> Result<(DataKey, Vec<u8>), VaultError>;

    /// Recovers a data key from its wrapped form.
    ///
    /// # Errors
    /// [`VaultError::Refused`] when the wrapped form was changed or belongs to another context; others when the keeper is unreachable.
    async fn unwrap(&self, wrapped: &[u8], context: &EncryptionContext) -> Result<DataKey, VaultError>;
}
