//! Registered documents, and the switch that accepts no others.

use super::*;

const NOTES: &str = "query Notes { listNote { title } }";
const TAGS: &str = "query Tags { listTag { name } }";

fn new(text: &str, id: Option<&str>) -> NewDocument {
    NewDocument::new(text.to_owned(), Some("name".to_owned()), id).unwrap()
}

fn sha256(text: &str) -> String {
    new(text, None).sha256().to_owned()
}

fn add(catalog: &Catalog, tenant: TenantId, documents: &[NewDocument]) -> Result<(), CatalogError> {
    catalog.add_documents(tenant, documents, &audit("documents.add"))
}

#[test]
fn a_document_is_found_by_its_hash_and_by_the_id_of_its_client() {
    let (catalog, _) = catalog();
    let (acme, globex) = (reserve(&catalog, "acme").0, reserve(&catalog, "globex").0);
    add(&catalog, acme, &[new(NOTES, Some("3b5d5c3712955042212316173ccf37be")), new(TAGS, None)]).unwrap();
    let hash = sha256(NOTES);
    for id in [hash.clone(), format!("sha256:{hash}"), "3b5d5c3712955042212316173ccf37be".to_owned()] {
        assert_eq!(catalog.document(acme, &id).unwrap().as_deref(), Some(NOTES), "{id}");
        assert_eq!(catalog.document(globex, &id).unwrap(), None, "another tenant has none of it");
    }
    let listed = catalog.documents(acme).unwrap();
    let notes = listed.iter().find(|document| document.sha256 == hash).unwrap();
    assert_eq!((listed.len(), notes.aliases.len(), notes.n_bytes as usize), (2, 1, NOTES.len()));
    assert_eq!(notes.name.as_deref(), Some("name"));
    assert_eq!(catalog.documents(globex).unwrap(), []);
}

#[test]
fn an_id_leads_to_one_document_for_ever() {
    let (catalog, url) = catalog();
    let (acme, _) = reserve(&catalog, "acme");
    add(&catalog, acme, &[new(NOTES, Some("a"))]).unwrap();
    add(&catalog, acme, &[new(NOTES, Some("a")), new(NOTES, Some("b"))]).unwrap();
    assert_eq!(code(add(&catalog, acme, &[new("{ __typename }", None), new(TAGS, Some("a"))])), "DOCUMENT_ID_TAKEN");
    assert_eq!(catalog.documents(acme).unwrap().len(), 1, "all or none");
    assert_eq!(catalog.document(acme, "b").unwrap().as_deref(), Some(NOTES));
    let mut conn = PgConnection::establish(&url).unwrap();
    for sneaky in ["UPDATE document SET name = 'x'", "UPDATE document_alias SET id = 'c'"] {
        assert!(conn.batch_execute(sneaky).is_err(), "{sneaky}");
    }
    let hash = "0".repeat(64);
    let id = acme.as_uuid();
    for sneaky in [
        format!("INSERT INTO document VALUES ('{id}', '{hash}', 'x')"),
        format!("INSERT INTO document_alias VALUES ('{id}', '{hash}', '{}')", sha256(NOTES)),
    ] {
        assert!(conn.batch_execute(&sneaky).is_err(), "{sneaky}");
    }
}

#[test]
fn ids_that_would_mislead_are_refused() {
    let wrong_hash = "0".repeat(64);
    let id = |id: &str| code(NewDocument::new(NOTES.to_owned(), None, Some(id)));
    assert_eq!(id(&sha256(NOTES)), "OK");
    assert_eq!(id(&format!("sha256:{}", sha256(NOTES))), "OK");
    assert_eq!(id("x-ours:1"), "OK");
    for wrong in [wrong_hash.as_str(), &format!("sha256:{wrong_hash}"), "sha256:1", "", &"x".repeat(201)] {
        assert_eq!(id(wrong), "DOCUMENT_ID_INVALID", "{wrong}");
    }
}

#[test]
fn a_removed_document_takes_its_ids_along() {
    let (catalog, _) = catalog();
    let (acme, _) = reserve(&catalog, "acme");
    add(&catalog, acme, &[new(NOTES, Some("a")), new(NOTES, Some("b")), new(TAGS, None)]).unwrap();
    catalog.remove_document(acme, "b", &audit("documents.remove")).unwrap();
    for id in ["a", "b", &sha256(NOTES)] {
        assert_eq!(catalog.document(acme, id).unwrap(), None, "{id}");
        assert_eq!(code(catalog.remove_document(acme, id, &audit("documents.remove"))), "NO_DOCUMENT");
    }
    catalog.remove_document(acme, &format!("sha256:{}", sha256(TAGS)), &audit("documents.remove")).unwrap();
    assert_eq!(catalog.documents(acme).unwrap(), []);
    assert_eq!(catalog.audit_log(10).unwrap().len(), 3, "what did not happen is not in the audit log");
}

#[test]
fn the_route_tells_the_mode_and_every_change_of_the_documents() {
    let (catalog, url) = catalog();
    add_server(&catalog, "one", 10);
    let (acme, _) = reserve(&catalog, "acme");
    furnish(&catalog, acme);
    become_state(&catalog, acme, TenantState::Active);
    let route = || catalog.route("acme").unwrap().unwrap();
    assert_eq!((route().documents, route().documents_version), (DocumentMode::Any, 0));
    let mut last = 0;
    let mut rises = |why: &str| {
        let version = route().documents_version;
        assert!(version > last, "{why}");
        last = version;
    };
    add(&catalog, acme, &[new(NOTES, None)]).unwrap();
    rises("a document");
    add(&catalog, acme, &[new(NOTES, Some("a"))]).unwrap();
    rises("another id of it");
    let before = route();
    add(&catalog, acme, &[new(NOTES, Some("a"))]).unwrap();
    assert_eq!(route(), before, "the same again changes nothing");
    catalog.remove_document(acme, "a", &audit("documents.remove")).unwrap();
    rises("a removal");

    assert_eq!(code(catalog.set_document_mode(TenantId::generate(), DocumentMode::Any, &audit("x"))), "NO_TENANT");
    catalog.set_document_mode(acme, DocumentMode::Trusted, &audit("tenant.documents")).unwrap();
    assert_eq!((route().documents, catalog.tenant(acme).unwrap().documents), (DocumentMode::Trusted, DocumentMode::Trusted));
    let down = include_str!("../../../../migrations/control/2026-11-26-000001_documents/down.sql");
    let mut conn = PgConnection::establish(&url).unwrap();
    assert!(conn.batch_execute(down).is_err(), "the version before would run anything");
    catalog.set_document_mode(acme, DocumentMode::Any, &audit("tenant.documents")).unwrap();
    conn.batch_execute(down).unwrap();
}

#[test]
fn nothing_of_a_deleted_tenants_documents_stays() {
    let (catalog, _) = catalog();
    add_server(&catalog, "one", 10);
    let (undone, _) = reserve(&catalog, "acme");
    add(&catalog, undone, &[new(NOTES, Some("a"))]).unwrap();
    catalog.forget_tenant(undone).unwrap();
    assert_eq!(catalog.documents(undone).unwrap(), []);
    let (id, _) = reserve(&catalog, "acme");
    furnish(&catalog, id);
    add(&catalog, id, &[new(NOTES, Some("a"))]).unwrap();
    become_state(&catalog, id, TenantState::Active);
    become_state(&catalog, id, TenantState::Erasing);
    catalog.bury_tenant(&catalog.tenant(id).unwrap(), &audit("tenant.erase")).unwrap();
    assert_eq!(catalog.documents(id).unwrap(), []);
}
