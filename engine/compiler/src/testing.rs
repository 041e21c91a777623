//! Schemas for tests: the recorded models of tests/golden.

use freehold_schema::Schema;
use freehold_schema::model::{FieldKind, RelationKind};
use freehold_schema::names::{EntityName, FieldName, RoleName};

use crate::api::Api;
use crate::caller::RoleSet;
use crate::permissions::Permissions;

/// The model of the recorded blog.
pub(crate) fn blog() -> Schema {
    read(include_str!("../tests/golden/blog.schema.json"))
}

/// The recorded blog with one more role.
pub(crate) fn blog_with(role: &str, entities: serde_json::Value) -> Schema {
    let mut schema: serde_json::Value = serde_json::from_str(include_str!("../tests/golden/blog.schema.json")).unwrap();
    schema["acl"]["roles"][role] = serde_json::json!({ "stages": "*", "variables": {}, "entities": entities });
    read(&schema.to_string())
}

/// The three entities of content API, section 21.
pub(crate) fn tiny() -> Schema {
    read(include_str!("../tests/golden/tiny.schema.json"))
}

/// The API of these roles.
pub(crate) fn api(schema: &Schema, roles: &[&str]) -> Api {
    let roles = RoleSet::new(roles.iter().map(|role| RoleName::new(role)));
    Api::build(schema, &Permissions::new(schema, &roles))
}

/// The order in which the recorded peer holds a model that came to it by migrations: columns, then relations in the order of their owning sides.
pub(crate) fn as_migrated(mut schema: Schema) -> Schema {
    let before = schema.clone();
    let mut owning: Vec<(EntityName, FieldName)> = Vec::new();
    for entity in before.entities.values().filter(|entity| entity.view.is_none()) {
        for field in entity.fields.values() {
            if let FieldKind::Relation(relation) = &field.kind
                && matches!(
                    relation.kind,
                    RelationKind::ManyHasOne { .. }
                        | RelationKind::OneHasOneOwning { .. }
                        | RelationKind::ManyHasManyOwning { .. }
                )
            {
                owning.push((entity.name.clone(), field.name.clone()));
            }
        }
    }
    for entity in schema.entities.values_mut().filter(|entity| entity.view.is_none()) {
        entity.fields.retain(|_, field| matches!(field.kind, FieldKind::Column(_)));
    }
    for (entity, field) in owning {
        let source = before.entities[&entity].fields[&field].clone();
        if let FieldKind::Relation(relation) = &source.kind
            && let Some(other) = relation.other_side()
        {
            let inverse = before.entities[&relation.target].fields[other].clone();
            schema.entities[&relation.target].fields.insert(other.clone(), inverse);
        }
        schema.entities[&entity].fields.insert(field, source);
    }
    schema
}

/// Reads the JSON form.
#[track_caller]
pub(crate) fn read(text: &str) -> Schema {
    Schema::from_json("test.json", text).unwrap_or_else(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        panic!("{}", errors.join("\n"))
    })
}
