//! Which keeper of the master key a service uses.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Deserialize;

use crate::{KeyWrapper, KmsConfig, KmsKeyWrapper, LocalKeyWrapper, VaultError};

/// Section `vault` of a service's configuration. Exactly one of `master_key_file` and `kms_key_id` must be set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct VaultConfig {
    /// File with the local master key, readable by its owner alone.
    pub master_key_file: Option<PathBuf>,
    /// KMS key: id, ARN or alias.
    pub kms_key_id: Option<String>,
    /// Region of the KMS key; the standard AWS chain's when absent.
    pub kms_region: Option<String>,
    /// Another KMS endpoint, such as a VPC endpoint.
    pub kms_endpoint_url: Option<String>,
}

/// The configured keeper of the master key.
///
/// # Errors
/// When none or both are configured, or the master key file cannot be used. KMS is not called yet.
pub async fn open(config: &VaultConfig) -> Result<Arc<dyn KeyWrapper>, VaultError> {
    match (&config.master_key_file, &config.kms_key_id) {
        (Some(path), None) => Ok(Arc::new(LocalKeyWrapper::from_file(path)?)),
        (None, Some(key_id)) => {
            let kms = KmsConfig { region: config.kms_region.clone(), endpoint_url: config.kms_endpoint_url.clone() };
            Ok(Arc::new(KmsKeyWrapper::new(key_id, &kms).await))
        }
        (None, None) => Err(VaultError::Configuration(0)),
        (Some(_), Some(_)) => Err(VaultError::Configuration(2)),
    }
}
