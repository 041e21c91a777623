//! A master key in a file: for development, tests and single machines whose disk is trusted.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use async_trait::async_trait;
use data_encoding::BASE64;
use zeroize::Zeroizing;

use crate::{DataKey, EncryptionContext, KeyWrapper, VaultError};

/// First byte of a data key wrapped here, so that one wrapped by KMS is told apart before it is tried.
pub(crate) const MARK: u8 = b'L';
/// Keeps wrapped keys apart from anything else ever sealed under the master key.
const PURPOSE: &[u8] = b"freehold/wrap/v1";
/// A key file holds 45 bytes; a huge file is a mistake in a path and is not read into memory.
const MAX_FILE_BYTES: u64 = 1024;

/// Wraps data keys under 32 bytes that stand, in base64, in a file which only its owner can read.
pub struct LocalKeyWrapper {
    master: DataKey,
}

impl LocalKeyWrapper {
    /// Reads the master key.
    ///
    /// # Errors
    /// When the file is missing, readable by others, or holds something else.
    pub fn from_file(path: &Path) -> Result<Self, VaultError> {
        let failed = |source| VaultError::KeyFile { path: path.to_owned(), source };
        let file = File::open(path).map_err(failed)?;
        // Asked of the opened file, not of the path: nobody can swap it in between.
        let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o7777;
        if mode & 0o077 != 0 {
            return Err(VaultError::KeyFileMode { path: path.to_owned(), mode });
        }
        let mut text = Zeroizing::new(String::new());
        file.take(MAX_FILE_BYTES).read_to_string(&mut text).map_err(failed)?;
        let bytes = BASE64.decode(text.trim_ascii_end().as_bytes()).map(Zeroizing::new).ok();
        let master = bytes.and_then(|bytes| DataKey::from_slice(&bytes));
        master.map(|master| Self { master }).ok_or_else(|| VaultError::KeyFileContent { path: path.to_owned() })
    }

    /// Makes a master key file with mode 0600. An existing file is never overwritten: all data keys under it would be lost.
    ///
    /// # Errors
    /// When the file exists or cannot be written.
    pub fn create_file(path: &Path) -> Result<Self, VaultError> {
        let failed = |source: io::Error| VaultError::KeyFile { path: path.to_owned(), source };
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
        let master = DataKey::generate();
        let mut text = Zeroizing::new(BASE64.encode(master.bytes()));
        text.push('\n');
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        Ok(Self { master })
    }
}

#[async_trait]
impl KeyWrapper for LocalKeyWrapper {
    async fn generate(&self, context: &EncryptionContext) -> Result<(DataKey, Vec<u8>), VaultError> {
        let data_key = DataKey::generate();
        let mut wrapped = vec![MARK];
        wrapped.extend(self.master.seal(data_key.bytes(), &associated(context)));
        Ok((data_key, wrapped))
    }

    async fn unwrap(&self, wrapped: &[u8], context: &EncryptionContext) -> Result<DataKey, VaultError> {
        let sealed = match wrapped.split_first() {
            Some((&MARK, sealed)) => sealed,
            Some((&crate::kms::MARK, _)) => {
                return Err(VaultError::OtherWrapper { found: "kms", configured: "a master key file" });
            }
            Some((&found, _)) => return Err(VaultError::Format { found, expected: MARK }),
            None => return Err(VaultError::Refused),
        };
        let opened = self.master.open(sealed, &associated(context))?;
        DataKey::from_slice(opened.expose()).ok_or(VaultError::Refused)
    }
}

fn associated(context: &EncryptionContext) -> Vec<u8> {
    [PURPOSE, &context.canonical_bytes()].concat()
}

#[cfg(test)]
#[path = "local_tests.rs"]
mod tests;
