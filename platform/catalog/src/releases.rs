//! Schema releases: immutable, named by the SHA-256 of their canonical document.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use freehold_ids::ReleaseId;
use ring::digest::{SHA256, digest};

use crate::schema::schema_release;
use crate::{Catalog, CatalogError};

/// One version of a content schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// SHA-256 of the document.
    pub id: ReleaseId,
    /// `Schema::canonical`: compact JSON.
    pub document: String,
    /// When it was first registered.
    pub created_at: DateTime<Utc>,
}

impl Release {
    /// The id that `document` has or will have.
    #[must_use]
    pub fn id_of(document: &str) -> ReleaseId {
        let hash = digest(&SHA256, document.as_bytes());
        let hash: &[u8; 32] = hash.as_ref().try_into().expect("SHA-256 has 32 bytes");
        ReleaseId::from_digest(hash)
    }
}

impl Catalog {
    /// Registers a schema release. The same document again changes nothing.
    ///
    /// # Errors
    /// [`CatalogError`] when the control database fails.
    pub fn add_release(&self, document: &str) -> Result<ReleaseId, CatalogError> {
        let id = Release::id_of(document);
        self.transaction(|conn| {
            diesel::insert_into(schema_release::table)
                .values((schema_release::id.eq(id.as_str()), schema_release::document.eq(document)))
                .on_conflict_do_nothing()
                .execute(conn)?;
            Ok(())
        })?;
        Ok(id)
    }

    /// A release by its id.
    ///
    /// # Errors
    /// [`CatalogError`] when the control database fails.
    pub fn release(&self, id: &ReleaseId) -> Result<Option<Release>, CatalogError> {
        let row = self.read(|conn| {
            Ok(schema_release::table
                .find(id.as_str())
                .select((schema_release::document, schema_release::created_at))
                .first::<(String, DateTime<Utc>)>(conn)
                .optional()?)
        })?;
        Ok(row.map(|(document, created_at)| Release { id: id.clone(), document, created_at }))
    }
}

/// A release id from its column.
pub(crate) fn parse_release(text: &str) -> Result<ReleaseId, CatalogError> {
    text.parse().map_err(|_| CatalogError::Corrupt { column: "release_id", value: text.to_owned() })
}
