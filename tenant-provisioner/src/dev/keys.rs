//! The installation's keys and passwords, made by the first start and kept.

use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use freehold_tokens::Keyring;
use freehold_vault::{LocalKeyWrapper, SecretString};

use super::home::{Home, failed, write_private};
use crate::cli::context::{Keyrings, Vault};
use crate::cli::failure::Failure;

/// Where keys are, and the passwords that are used here.
pub(super) struct Keys {
    pub(super) vault: Vault,
    pub(super) keyrings: Keyrings,
    /// Of the control plane's PostgreSQL role.
    pub(super) control_password: SecretString,
    /// Of the S3 server.
    pub(super) s3_secret: SecretString,
}

impl Keys {
    pub(super) fn open(home: &Home) -> Result<Self, Failure> {
        let dir = home.keys();
        let master = dir.join("master.key");
        if !master.exists() {
            LocalKeyWrapper::create_file(&master)?;
        }
        Ok(Self {
            vault: Vault { master_key_file: Some(master), ..Vault::default() },
            keyrings: Keyrings { caller: keyring(&dir, "caller.json")?, image: keyring(&dir, "image.json")? },
            control_password: password(&dir.join("control-password"))?,
            s3_secret: password(&dir.join("s3-secret"))?,
        })
    }
}

fn keyring(dir: &Path, name: &str) -> Result<PathBuf, Failure> {
    let path = dir.join(name);
    if !path.exists() {
        Keyring::create_file(&path)?;
    }
    Ok(path)
}

/// Hexadecimal, so that it needs no quoting in URLs and SQL.
fn password(path: &Path) -> Result<SecretString, Failure> {
    if !path.exists() {
        write_private(path, &HEXLOWER.encode(&rand::random::<[u8; 24]>()))?;
    }
    std::fs::read_to_string(path).map(SecretString::new).map_err(|error| failed("read", path, &error))
}
