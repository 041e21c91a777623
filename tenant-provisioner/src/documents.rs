//! Documents that a tenant's API knows by id, and whether it runs any others.

use std::collections::BTreeMap;

use freehold_catalog::{CatalogError, DocumentMode, NewDocument, Tenant};
use serde_json::json;

use crate::{ProvisionError, Provisioner};

impl Provisioner {
    /// Those of `documents` that [`Provisioner::add_documents`] would register: new texts, and new ids of known ones.
    ///
    /// # Errors
    /// [`CatalogError::DocumentIdTaken`] when an id leads to another document, of the tenant or of the list itself.
    pub fn unregistered(&self, tenant: &Tenant, documents: Vec<NewDocument>) -> Result<Vec<NewDocument>, ProvisionError> {
        // From every id to the document that has it; a document's own id is one of them.
        let mut known: BTreeMap<String, String> = BTreeMap::new();
        for document in self.catalog().documents(tenant.id)? {
            known.extend(document.aliases.into_iter().map(|id| (id, document.sha256.clone())));
            known.insert(document.sha256.clone(), document.sha256);
        }
        let mut new = Vec::new();
        for document in documents {
            let id = document.alias().unwrap_or(document.sha256());
            match known.get(id) {
                Some(sha256) if sha256 == document.sha256() => {}
                Some(_) => return Err(CatalogError::DocumentIdTaken { id: id.to_owned() }.into()),
                None => {
                    let sha256 = document.sha256().to_owned();
                    known.insert(id.to_owned(), sha256.clone());
                    known.insert(sha256.clone(), sha256);
                    new.push(document);
                }
            }
        }
        Ok(new)
    }

    /// Registers documents, all or none.
    ///
    /// # Errors
    /// As [`Provisioner::unregistered`].
    pub fn add_documents(&self, tenant: &Tenant, documents: &[NewDocument]) -> Result<(), ProvisionError> {
        let ids: Vec<&str> = documents.iter().map(|document| document.alias().unwrap_or(document.sha256())).collect();
        let audit = self.audit("documents.add", Some(tenant.id), json!({ "slug": tenant.slug, "ids": ids }));
        Ok(self.catalog().add_documents(tenant.id, documents, &audit)?)
    }

    /// Removes the document that any of its ids names: engines refuse or forget it about a second later.
    ///
    /// # Errors
    /// [`CatalogError::NoDocument`] when there is none.
    pub fn remove_document(&self, tenant: &Tenant, id: &str) -> Result<(), ProvisionError> {
        let audit = self.audit("documents.remove", Some(tenant.id), json!({ "slug": tenant.slug, "id": id }));
        Ok(self.catalog().remove_document(tenant.id, id, &audit)?)
    }

    /// Says which documents the tenant's API runs. The same again changes nothing.
    ///
    /// # Errors
    /// [`ProvisionError::Catalog`] when the catalogue fails.
    pub fn accept_documents(&self, tenant: &Tenant, mode: DocumentMode) -> Result<(), ProvisionError> {
        if tenant.documents == mode {
            return Ok(());
        }
        let audit = self.audit("tenant.documents", Some(tenant.id), json!({ "slug": tenant.slug, "accept": mode }));
        Ok(self.catalog().set_document_mode(tenant.id, mode, &audit)?)
    }
}
