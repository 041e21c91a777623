//! Views, each after those that it reads.

use std::collections::HashSet;

use crate::ddl::{Context, SYSTEM_NAMESPACE, column_of};
use crate::model::{ColumnKind, Entity, FieldKind, View};

impl<'a> Context<'a> {
    pub(super) fn views(&self) -> Vec<String> {
        let mut done = HashSet::new();
        let mut ordered = Vec::new();
        for entity in self.schema.entities.values() {
            self.visit(entity, &mut done, &mut ordered);
        }
        let mut statements = Vec::new();
        if !ordered.is_empty() {
            statements.push(format!("SET LOCAL search_path TO {}", self.namespace));
        }
        for entity in ordered {
            statements.extend(self.view(entity));
        }
        statements
    }

    /// Depth first; a checked schema's views do not read each other.
    fn visit(&self, entity: &'a Entity, done: &mut HashSet<&'a str>, ordered: &mut Vec<&'a Entity>) {
        let Some(view) = &entity.view else { return };
        if !done.insert(entity.name.as_str()) {
            return;
        }
        for dependency in &view.dependencies {
            self.visit(&self.schema.entities[dependency], done, ordered);
        }
        ordered.push(entity);
    }

    fn view(&self, entity: &Entity) -> Vec<String> {
        let Some(view) = &entity.view else { return Vec::new() };
        let sql = view.sql.replace("{{system_schema}}", SYSTEM_NAMESPACE).replace("{{project_slug}}", self.slug);
        let sql = sql.trim().trim_end_matches(';');
        let sql = with_ids(entity, view, sql).unwrap_or_else(|| sql.to_owned());
        let materialized = if view.materialized { " MATERIALIZED" } else { "" };
        let mut statements = vec![format!("CREATE{materialized} VIEW {} AS\n{sql}", self.qualified(&entity.table))];
        if view.materialized {
            statements.extend(entity.uniques.iter().enumerate().map(|(index, unique)| self.unique(entity, index, unique)));
            statements.extend(entity.indexes.iter().enumerate().map(|(place, index)| self.index(entity, place, index)));
        }
        statements
    }
}

/// The query with an id wherever its own is null, made of the `idSource`: the same row always has the same id, so it can be looked up by it
/// (content API, section 2.4). Columns that the entity does not have are lost. None for a view that makes its ids itself.
fn with_ids(entity: &Entity, view: &View, sql: &str) -> Option<String> {
    if view.id_source.is_empty() || entity.primary_column().kind != ColumnKind::Uuid {
        return None;
    }
    // A text of PostgreSQL cannot hold the NUL that stands between the values; bytes can.
    let text = |field| format!("convert_to(coalesce(source.{}::text, ''), 'UTF8')", column_of(entity, field));
    let source = view.id_source.iter().map(text).collect::<Vec<_>>().join(" || '\\x00'::bytea || ");
    // Version 8 of RFC 9562, and its variant.
    let variant = "translate(substr(made.hash, 17, 1), '0123456789abcdef', '89ab89ab89ab89ab')";
    let made = format!("overlay(overlay(made.hash PLACING '8' FROM 13) PLACING {variant} FROM 17)::uuid");
    let columns = entity.fields.values().filter_map(|field| match &field.kind {
        FieldKind::Column(column) if field.name == entity.primary => {
            let id = &column.column;
            // A bare NULL is a text to PostgreSQL.
            Some(format!("coalesce(source.{id}::text::uuid, {made}) AS {id}"))
        }
        FieldKind::Column(column) => Some(format!("source.{}", column.column)),
        FieldKind::Relation(relation) => relation.joining_column().map(|joining| format!("source.{}", joining.column)),
    });
    let columns = columns.collect::<Vec<_>>().join(", ");
    Some(format!("SELECT {columns}\nFROM (\n{sql}\n) AS source CROSS JOIN LATERAL (SELECT md5({source}) AS hash) AS made"))
}
