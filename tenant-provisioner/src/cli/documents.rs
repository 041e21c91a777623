//! `freehold documents …`, and `freehold tenant documents`

use std::path::{Path, PathBuf};

use freehold_catalog::{CatalogError, Document, DocumentMode, NewDocument};
use freehold_ids::Slug;
use freehold_provisioner::ProvisionError;
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::args::{Accept, DocumentsCommand};
use super::context::{Context, tenant_named};
use super::failure::{Exit, Failure};
use super::manifest;
use super::output::{Output, table};

pub(super) fn run(command: DocumentsCommand, context: Option<&Path>, runtime: &Handle, output: Output) -> Result<Exit, Failure> {
    match command {
        DocumentsCommand::Add { tenant, files, dry_run } => add(&tenant, &files, dry_run, context, runtime, output),
        DocumentsCommand::List { tenant } => list(&tenant, context, output),
        DocumentsCommand::Remove { tenant, id, dry_run } => remove(&tenant, &id, dry_run, context, runtime, output),
    }
}

fn add(
    slug: &Slug,
    files: &[PathBuf],
    dry_run: bool,
    context: Option<&Path>,
    runtime: &Handle,
    output: Output,
) -> Result<Exit, Failure> {
    // Every mistake in the files is found before anything is asked or changed.
    let documents = manifest::read(files)?;
    let n_given = documents.len();
    let provisioner = Context::find(context)?.provisioner(runtime)?;
    let tenant = provisioner.tenant(slug)?;
    let new = provisioner.unregistered(&tenant, documents)?;
    if !dry_run && !new.is_empty() {
        provisioner.add_documents(&tenant, &new)?;
    }
    let n_known = n_given - new.len();
    let added: Vec<Value> = new.iter().map(new_json).collect();
    output.answer(&json!({ "slug": slug, "dry_run": dry_run, "added": added, "unchanged": n_known }), || {
        let rows: Vec<Vec<String>> =
            new.iter().map(|new| vec![new.name().unwrap_or("-").to_owned(), id_of(new).to_owned()]).collect();
        let verb = if dry_run { "would be added" } else { "added" };
        let listed = if rows.is_empty() { String::new() } else { format!("{}\n", table(&["NAME", "ID"], &rows)) };
        format!("{listed}{} {verb} to `{slug}`, {n_known} there already", new.len())
    });
    Ok(Exit::Done)
}

/// The id that its client will send.
fn id_of(new: &NewDocument) -> &str {
    new.alias().unwrap_or(new.sha256())
}

fn new_json(new: &NewDocument) -> Value {
    json!({ "id": id_of(new), "sha256": new.sha256(), "name": new.name() })
}

fn list(slug: &Slug, context: Option<&Path>, output: Output) -> Result<Exit, Failure> {
    let catalog = Context::find(context)?.catalog()?;
    let tenant = tenant_named(&catalog, slug)?;
    let documents = catalog.documents(tenant.id)?;
    let answer = documents.iter().map(document_json).collect::<Vec<_>>();
    output.answer(&json!({ "slug": slug, "accept": tenant.documents, "documents": answer }), || {
        if documents.is_empty() {
            return format!("no documents; `freehold documents add --tenant {slug} FILE` registers some");
        }
        let rows: Vec<Vec<String>> = documents
            .iter()
            .map(|document| {
                let name = document.name.clone().unwrap_or_else(|| "-".to_owned());
                let created = document.created_at.format("%Y-%m-%d %H:%M").to_string();
                vec![name, document.sha256.clone(), document.aliases.join(" "), document.n_bytes.to_string(), created]
            })
            .collect();
        table(&["NAME", "ID", "OTHER IDS", "BYTES", "ADDED (UTC)"], &rows)
    });
    Ok(Exit::Done)
}

fn document_json(document: &Document) -> Value {
    json!({
        "sha256": document.sha256,
        "name": document.name,
        "aliases": document.aliases,
        "bytes": document.n_bytes,
        "created_at": document.created_at,
    })
}

fn remove(
    slug: &Slug,
    id: &str,
    dry_run: bool,
    context: Option<&Path>,
    runtime: &Handle,
    output: Output,
) -> Result<Exit, Failure> {
    let provisioner = Context::find(context)?.provisioner(runtime)?;
    let tenant = provisioner.tenant(slug)?;
    if !dry_run {
        provisioner.remove_document(&tenant, id)?;
    } else if provisioner.catalog().document(tenant.id, id)?.is_none() {
        return Err(ProvisionError::from(CatalogError::NoDocument { id: id.to_owned() }).into());
    }
    output.answer(&json!({ "slug": slug, "dry_run": dry_run, "removed": id }), || {
        let verb = if dry_run { "would be removed" } else { "is removed" };
        format!("document `{id}` of `{slug}` {verb}, with all its ids")
    });
    Ok(Exit::Done)
}

pub(super) fn accept(
    slug: &Slug,
    accept: Accept,
    dry_run: bool,
    context: Option<&Path>,
    runtime: &Handle,
    output: Output,
) -> Result<Exit, Failure> {
    let mode = match accept {
        Accept::Any => DocumentMode::Any,
        Accept::Trusted => DocumentMode::Trusted,
    };
    let provisioner = Context::find(context)?.provisioner(runtime)?;
    let tenant = provisioner.tenant(slug)?;
    let n_documents = provisioner.catalog().documents(tenant.id)?.len();
    if !dry_run {
        provisioner.accept_documents(&tenant, mode)?;
    }
    let changed = tenant.documents != mode;
    output.answer(
        &json!({ "slug": slug, "dry_run": dry_run, "accept": mode, "changed": changed, "documents": n_documents }),
        || {
            let verb = if dry_run { "would accept" } else { "accepts" };
            match mode {
                DocumentMode::Any => format!("tenant `{slug}` {verb} any document"),
                DocumentMode::Trusted => format!("tenant `{slug}` {verb} its {n_documents} registered documents and no others"),
            }
        },
    );
    if mode == DocumentMode::Trusted && n_documents == 0 {
        output.note(&format!("every request is refused until there are some: freehold documents add --tenant {slug} FILE"));
    }
    Ok(Exit::Done)
}
