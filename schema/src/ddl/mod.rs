//! PostgreSQL DDL of a schema.
//!
//! [`create`] gives the statements that make an empty database hold a schema. They belong into one transaction (views are made under `SET LOCAL
//! search_path`) and are run by the tenant's owner. Names and layout: content API, section 15.
//!
//! - Defaults are not stored in the database: the engine applies them.
//! - Foreign keys are `DEFERRABLE INITIALLY IMMEDIATE`, with `NO ACTION` for RESTRICT, because RESTRICT cannot be deferred. Those of links are not deferrable.
//! - A view's SQL names tables plainly, because `search_path` is the namespace; `{{system_schema}}` becomes the namespace of the system tables,
//!   `{{project_slug}}` the slug that the tenant has when the view is made.
//! - Unique keys of plain views are promises of their queries; PostgreSQL has nothing to enforce them with.
//! - Searchable columns give their table one more column, which PostgreSQL fills, with a GIN index: see [`crate::search`].
//! - Every table has functions of its own in the namespaces `freehold_log_insert`, `freehold_log_update` and `freehold_log_delete`, which it calls for each row that is
//!   changed and which write the event log; one whose schema wants no log calls `freehold.count_change()` for each statement (`migrations/tenant`).
//! - Extensions are not the owner's to create: `similar` and `wordSimilar` need `pg_trgm`, which belongs into the template.

mod names;
mod recording;
mod tables;
mod triggers;
mod views;

use crate::Schema;
use crate::ident::Ident;
use crate::model::{Entity, Field, FieldKind, RelationKind};

pub use names::{Constraint, Names};
use recording::Change;

/// The PostgreSQL namespace of the system tables; `{{system_schema}}` in views.
pub const SYSTEM_NAMESPACE: &str = "freehold";

/// Statements that make an empty database of the tenant `slug` hold `schema` in `namespace`, in order, to be run by the owner in one transaction. A slug is letters,
/// digits and dashes: views have it in their SQL as it is.
#[must_use]
pub fn create(schema: &Schema, namespace: &Ident, slug: &str) -> Vec<String> {
    let context = Context { schema, namespace, slug, names: Names::new(schema) };
    let mut statements = vec![format!("CREATE SCHEMA IF NOT EXISTS {namespace}")];
    statements.extend(schema.enums.values().map(|item| context.enum_type(item)));
    statements.extend(context.stored_entities().map(|entity| context.table(entity)));
    statements.extend(context.junctions().map(|(entity, field)| context.junction(entity, field)));
    statements.extend(context.stored_entities().flat_map(|entity| context.foreign_keys(entity)));
    statements.extend(context.stored_entities().flat_map(|entity| context.uniques(entity)));
    statements.extend(context.stored_entities().flat_map(|entity| context.indexes(entity)));
    statements.extend(context.junctions().map(|(entity, field)| context.junction_index(entity, field)));
    statements.extend(Change::ALL.map(|change| format!("CREATE SCHEMA IF NOT EXISTS {}", change.namespace())));
    statements.extend(context.stored_entities().flat_map(|entity| context.watched(entity)));
    statements.extend(context.junctions().flat_map(|(_, field)| context.watched_links(field)));
    statements.extend(context.views());
    statements
}

/// What all statements need.
struct Context<'a> {
    schema: &'a Schema,
    namespace: &'a Ident,
    slug: &'a str,
    names: Names,
}

impl<'a> Context<'a> {
    fn stored_entities(&self) -> impl Iterator<Item = &'a Entity> + use<'a> {
        self.schema.entities.values().filter(|entity| entity.view.is_none())
    }

    fn junctions(&self) -> impl Iterator<Item = (&'a Entity, &'a Field)> + use<'a> {
        let owning = |field: &&Field| match &field.kind {
            FieldKind::Relation(relation) => matches!(relation.kind, RelationKind::ManyHasManyOwning { .. }),
            FieldKind::Column(_) => false,
        };
        self.stored_entities().flat_map(move |entity| entity.fields.values().filter(owning).map(move |field| (entity, field)))
    }

    fn target(&self, field: &Field) -> &'a Entity {
        match &field.kind {
            FieldKind::Relation(relation) => &self.schema.entities[&relation.target],
            FieldKind::Column(_) => unreachable!("only relations have targets"),
        }
    }
}

/// A text literal. `standard_conforming_strings` is on, so only quotes are special (PostgreSQL manual, 4.1.2.1).
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The column that a column or an owning has-one relation has in its entity's table.
fn column_of<'a>(entity: &'a Entity, field: &crate::names::FieldName) -> &'a Ident {
    match &entity.fields[field].kind {
        FieldKind::Column(column) => &column.column,
        FieldKind::Relation(relation) => &relation.joining_column().expect("a checked key has columns only").column,
    }
}

fn columns_of<'a>(entity: &'a Entity, fields: impl IntoIterator<Item = &'a crate::names::FieldName>) -> String {
    fields.into_iter().map(|field| column_of(entity, field).to_string()).collect::<Vec<_>>().join(", ")
}
