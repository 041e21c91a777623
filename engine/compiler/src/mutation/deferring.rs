//! Constraints that a transaction checks at its commit instead of at once (content API, section 12).

use freehold_schema::ddl::{Constraint, Names};
use freehold_schema::ident::Ident;
use freehold_schema::model::{FieldKind, UniqueKind};

use crate::lower::Env;
use crate::plan::Statement;
use crate::sql::SqlWriter;

/// `SET CONSTRAINTS … DEFERRED` for the foreign keys, and for the unique keys that allow it; None when there are none.
pub(super) fn statement(env: &Env<'_>, foreign_keys: bool, uniques: bool) -> Option<Statement> {
    let names = Names::new(env.schema);
    let mut found: Vec<&Ident> = Vec::new();
    for entity in env.schema.entities.values().filter(|entity| entity.view.is_none()) {
        let keys = entity.fields.values().filter(|field| match &field.kind {
            FieldKind::Relation(relation) => foreign_keys && relation.joining_column().is_some(),
            FieldKind::Column(_) => false,
        });
        found.extend(
            keys.map(|field| names.get(&Constraint::ForeignKey { entity: entity.name.clone(), field: field.name.clone() })),
        );
        let deferrable = entity.uniques.iter().enumerate().filter(|(_, unique)| match unique.kind {
            UniqueKind::Deferrable | UniqueKind::Deferred => uniques,
            UniqueKind::Immediate | UniqueKind::Index { .. } => false,
        });
        found.extend(deferrable.map(|(index, _)| names.get(&Constraint::Unique { entity: entity.name.clone(), index })));
    }
    if found.is_empty() {
        return None;
    }
    let mut sql = SqlWriter::default();
    sql.syntax("SET CONSTRAINTS ");
    for (index, name) in found.into_iter().enumerate() {
        sql.syntax(if index == 0 { "" } else { ", " }).content(name);
    }
    sql.syntax(" DEFERRED");
    Some(sql.finish())
}
