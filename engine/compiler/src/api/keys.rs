//! Unique keys of an entity as the content API counts them (section 6).

use freehold_schema::model::{Entity, FieldKind, RelationKind};
use freehold_schema::names::FieldName;

/// The primary key, every unique, and every relation whose row identifies this one: one-has-one on both sides, and one-has-many, in that order.
#[must_use]
pub fn unique_keys(entity: &Entity) -> Vec<Vec<FieldName>> {
    let mut keys = vec![vec![entity.primary.clone()]];
    let relations = entity.fields.values().filter(|field| match &field.kind {
        FieldKind::Column(_) => false,
        FieldKind::Relation(relation) => match &relation.kind {
            RelationKind::OneHasOneOwning { .. } | RelationKind::OneHasOneInverse { .. } | RelationKind::OneHasMany { .. } => {
                true
            }
            RelationKind::ManyHasOne { .. }
            | RelationKind::ManyHasManyOwning { .. }
            | RelationKind::ManyHasManyInverse { .. } => false,
        },
    });
    let uniques = entity.uniques.iter().map(|unique| unique.fields.clone());
    for key in uniques.chain(relations.map(|field| vec![field.name.clone()])) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}
