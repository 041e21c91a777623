//! Schemas for tests: the recorded models of tests/golden.

use freehold_schema::Schema;
use freehold_schema::names::RoleName;

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

/// Reads the JSON form.
#[track_caller]
pub(crate) fn read(text: &str) -> Schema {
    Schema::from_json("test.json", text).unwrap_or_else(|errors| {
        let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
        panic!("{}", errors.join("\n"))
    })
}
