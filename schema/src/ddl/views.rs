//! Views, each after those that it reads.

use std::collections::HashSet;

use crate::ddl::{Context, SYSTEM_NAMESPACE};
use crate::model::Entity;

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
        let sql = view.sql.replace("{{system_schema}}", SYSTEM_NAMESPACE);
        let sql = sql.trim().trim_end_matches(';');
        let materialized = if view.materialized { " MATERIALIZED" } else { "" };
        let mut statements = vec![format!("CREATE{materialized} VIEW {} AS\n{sql}", self.qualified(&entity.table))];
        if view.materialized {
            statements.extend(entity.uniques.iter().enumerate().map(|(index, unique)| self.unique(entity, index, unique)));
            statements.extend(entity.indexes.iter().enumerate().map(|(place, index)| self.index(entity, place, index)));
        }
        statements
    }
}
