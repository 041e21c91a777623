//! Documents that tenants registered: run by their id, and the only ones for a tenant that accepts no others.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use data_encoding::HEXLOWER;
use diesel::prelude::*;
use diesel::sql_types::Text;
use freehold_ids::TenantId;
use ring::digest::{SHA256, digest};

use crate::audit::append;
use crate::schema::{document, document_alias, tenant};
use crate::{Catalog, CatalogError, DocumentMode, NewAuditEntry};

/// Longest id that a document may have besides the SHA-256 of its text.
pub const LONGEST_DOCUMENT_ID: usize = 200;

/// What the draft of GraphQL over HTTP writes before a SHA-256 (appendix A, persisted documents).
const SHA256_PREFIX: &str = "sha256:";

/// Rows of one INSERT: PostgreSQL takes 65,535 binds in a statement.
const ROWS_PER_INSERT: usize = 1000;

diesel::define_sql_function! {
    /// Bytes of a text.
    fn octet_length(text: Text) -> Integer;
}

/// A document to be registered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDocument {
    sha256: String,
    text: String,
    name: Option<String>,
    alias: Option<String>,
}

/// A registered document, without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// SHA-256 of its text, in lower-case hexadecimal digits: its id.
    pub sha256: String,
    /// For people.
    pub name: Option<String>,
    /// Other ids that lead to it.
    pub aliases: Vec<String>,
    /// Length of its text.
    pub n_bytes: u32,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
}

impl NewDocument {
    /// A document with the id that its client gave it, if any.
    ///
    /// # Errors
    /// [`CatalogError::DocumentIdInvalid`] when the id is too long, or looks like a SHA-256 and is not the text's.
    pub fn new(text: String, name: Option<String>, id: Option<&str>) -> Result<Self, CatalogError> {
        let sha256 = Document::id_of(&text);
        let alias = match id.map(Document::key) {
            Some(id) if id == sha256 => None,
            Some(id) if is_sha256(id) || id.starts_with(SHA256_PREFIX) => {
                return Err(CatalogError::DocumentIdInvalid { id: id.to_owned(), problem: "is not the SHA-256 of its text" });
            }
            Some(id) if id.is_empty() || id.chars().count() > LONGEST_DOCUMENT_ID => {
                return Err(CatalogError::DocumentIdInvalid { id: id.to_owned(), problem: "must have 1 to 200 characters" });
            }
            alias => alias.map(str::to_owned),
        };
        Ok(Self { sha256, text, name, alias })
    }

    /// SHA-256 of its text.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The id that its client gave it, when it is another one.
    #[must_use]
    pub fn alias(&self) -> Option<&str> {
        self.alias.as_deref()
    }

    /// For people.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

impl Document {
    /// The id that `text` has or will have: its SHA-256.
    #[must_use]
    pub fn id_of(text: &str) -> String {
        HEXLOWER.encode(digest(&SHA256, text.as_bytes()).as_ref())
    }

    /// The id as it is stored: `sha256:` before a SHA-256 says nothing that the digits do not.
    #[must_use]
    pub fn key(id: &str) -> &str {
        id.strip_prefix(SHA256_PREFIX).filter(|digits| is_sha256(digits)).unwrap_or(id)
    }
}

fn is_sha256(id: &str) -> bool {
    id.len() == 64 && id.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

impl Catalog {
    /// The text of a tenant's document by any of its ids.
    ///
    /// # Errors
    /// [`CatalogError`] when the control database fails.
    pub fn document(&self, tenant: TenantId, id: &str) -> Result<Option<String>, CatalogError> {
        let (tenant, id) = (tenant.as_uuid(), Document::key(id));
        self.read(|conn| {
            let found = if is_sha256(id) {
                document::table.find((tenant, id)).select(document::text).first(conn)
            } else {
                let same = document::tenant_id.eq(document_alias::tenant_id).and(document::sha256.eq(document_alias::sha256));
                document_alias::table
                    .inner_join(document::table.on(same))
                    .filter(document_alias::tenant_id.eq(tenant))
                    .filter(document_alias::id.eq(id))
                    .select(document::text)
                    .first(conn)
            };
            Ok(found.optional()?)
        })
    }

    /// A tenant's documents, by name.
    ///
    /// # Errors
    /// [`CatalogError`] when the control database fails.
    pub fn documents(&self, tenant: TenantId) -> Result<Vec<Document>, CatalogError> {
        let tenant = tenant.as_uuid();
        let (rows, aliases) = self.read(|conn| {
            let columns = (document::sha256, document::name, octet_length(document::text), document::created_at);
            let rows = document::table
                .filter(document::tenant_id.eq(tenant))
                .order((document::name.asc().nulls_last(), document::sha256))
                .select(columns)
                .load::<(String, Option<String>, i32, DateTime<Utc>)>(conn)?;
            let aliases = document_alias::table
                .filter(document_alias::tenant_id.eq(tenant))
                .order(document_alias::id)
                .select((document_alias::sha256, document_alias::id))
                .load::<(String, String)>(conn)?;
            Ok((rows, aliases))
        })?;
        let mut by_document: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (sha256, id) in aliases {
            by_document.entry(sha256).or_default().push(id);
        }
        let document = |(sha256, name, n_bytes, created_at)| {
            let aliases = by_document.remove(&sha256).unwrap_or_default();
            Ok(Document { sha256, name, aliases, n_bytes: crate::routes::positive("document.text", n_bytes)?, created_at })
        };
        rows.into_iter().map(document).collect()
    }

    /// Registers documents, all or none. What is registered already stays as it is.
    ///
    /// # Errors
    /// [`CatalogError::DocumentIdTaken`] when an id leads to another document.
    pub fn add_documents(&self, tenant: TenantId, new: &[NewDocument], audit: &NewAuditEntry) -> Result<(), CatalogError> {
        self.transaction(|conn| {
            for some in new.chunks(ROWS_PER_INSERT) {
                insert(conn, tenant, some)?;
                check_aliases(conn, tenant, some)?;
            }
            append(conn, audit)
        })
    }

    /// Removes the document that any of its ids names, and with it its other ids.
    ///
    /// # Errors
    /// [`CatalogError::NoDocument`] when there is none.
    pub fn remove_document(&self, tenant: TenantId, id: &str, audit: &NewAuditEntry) -> Result<(), CatalogError> {
        let key = Document::key(id);
        self.transaction(|conn| {
            let of_alias = document_alias::table
                .filter(document_alias::tenant_id.eq(tenant.as_uuid()))
                .filter(document_alias::id.eq(key))
                .select(document_alias::sha256);
            let named = document::sha256.eq(key).or(document::sha256.eq_any(of_alias));
            let removed = diesel::delete(document::table.filter(document::tenant_id.eq(tenant.as_uuid())).filter(named));
            if removed.execute(conn)? == 0 {
                return Err(CatalogError::NoDocument { id: id.to_owned() });
            }
            append(conn, audit)
        })
    }

    /// Says which documents the tenant's API runs from now on.
    ///
    /// # Errors
    /// [`CatalogError::NoTenant`] when there is none.
    pub fn set_document_mode(&self, id: TenantId, mode: DocumentMode, audit: &NewAuditEntry) -> Result<(), CatalogError> {
        self.transaction(|conn| {
            let changed = diesel::update(tenant::table.find(id.as_uuid())).set(tenant::documents.eq(mode.as_str()));
            if changed.execute(conn)? == 0 {
                return Err(CatalogError::NoTenant(id));
            }
            append(conn, audit)
        })
    }
}

fn insert(conn: &mut PgConnection, tenant: TenantId, new: &[NewDocument]) -> Result<(), CatalogError> {
    let tenant = tenant.as_uuid();
    let document = |new: &NewDocument| {
        let name = document::name.eq(new.name.clone());
        (document::tenant_id.eq(tenant), document::sha256.eq(new.sha256.clone()), document::text.eq(new.text.clone()), name)
    };
    let documents: Vec<_> = new.iter().map(document).collect();
    diesel::insert_into(document::table).values(documents).on_conflict_do_nothing().execute(conn)?;
    let alias = |(sha256, id): (String, String)| {
        (document_alias::tenant_id.eq(tenant), document_alias::id.eq(id), document_alias::sha256.eq(sha256))
    };
    let aliases: Vec<_> = new.iter().filter_map(|new| new.alias.clone().map(|id| alias((new.sha256.clone(), id)))).collect();
    diesel::insert_into(document_alias::table).values(aliases).on_conflict_do_nothing().execute(conn)?;
    Ok(())
}

/// Whether the ids lead to the documents that were to have them: an id that another document had before stayed where it was.
fn check_aliases(conn: &mut PgConnection, tenant: TenantId, new: &[NewDocument]) -> Result<(), CatalogError> {
    let ids: Vec<&str> = new.iter().filter_map(NewDocument::alias).collect();
    let rows = document_alias::table
        .filter(document_alias::tenant_id.eq(tenant.as_uuid()))
        .filter(document_alias::id.eq_any(ids))
        .select((document_alias::id, document_alias::sha256))
        .load::<(String, String)>(conn)?;
    let known: BTreeMap<String, String> = rows.into_iter().collect();
    let is_taken = |new: &&NewDocument| new.alias().is_some_and(|id| known.get(id).is_none_or(|sha256| *sha256 != new.sha256));
    match new.iter().find(is_taken) {
        Some(taken) => Err(CatalogError::DocumentIdTaken { id: taken.alias.clone().unwrap_or_default() }),
        None => Ok(()),
    }
}
