//! Schema releases in the catalogue.

use freehold_ids::ReleaseId;
use freehold_schema::Schema;

use crate::{ProvisionError, Provisioner};

impl Provisioner {
    /// Registers a content schema as a release, named by the SHA-256 of its canonical form. The same schema again, however it is
    /// written down, is the same release.
    ///
    /// # Errors
    /// [`ProvisionError::Catalog`] when the control database fails.
    pub fn register_release(&self, schema: &Schema) -> Result<ReleaseId, ProvisionError> {
        Ok(self.catalog().add_release(&schema.canonical())?)
    }

    /// The content schema of a registered release.
    ///
    /// # Errors
    /// [`ProvisionError::NoRelease`] when it is not registered.
    pub fn schema_of(&self, release: &ReleaseId) -> Result<Schema, ProvisionError> {
        let found = self.catalog().release(release)?.ok_or_else(|| ProvisionError::NoRelease(release.clone()))?;
        Schema::from_json("release", &found.document).map_err(|errors| {
            let message = errors.first().map(ToString::to_string).unwrap_or_default();
            ProvisionError::ReleaseUnreadable { release: release.clone(), message }
        })
    }
}
