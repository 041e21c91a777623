//! The JSON form as other tools write it, with what Freehold does not have.

use serde_json::{Value, json};

use crate::Schema;
use crate::acl::{EntityGrants, ObjectGrant, UploadGrant, Variable};

fn read(acl: Value, rest: Value) -> Schema {
    let mut schema = json!({
        "model": {
            "enums": {},
            "entities": {
                "A": {
                    "name": "A", "primary": "id", "primaryColumn": "id", "tableName": "a", "unique": [], "indexes": [], "eventLog": { "enabled": true },
                    "fields": {
                        "id": { "name": "id", "columnName": "id", "type": "Uuid", "columnType": "uuid", "nullable": false },
                        "n": { "name": "n", "columnName": "n", "type": "Integer", "columnType": "integer", "nullable": true },
                        "s": { "name": "s", "columnName": "s", "type": "String", "columnType": "text", "nullable": true },
                        "b": { "name": "b", "type": "ManyHasOne", "target": "A", "nullable": true, "joiningColumn": { "columnName": "b_id", "onDelete": "set null" } },
                    },
                },
            },
        },
        "acl": acl,
    });
    schema.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    Schema::from_json("schema.json", &schema.to_string()).unwrap_or_else(|errors| panic!("{errors:?}"))
}

#[test]
fn actions_and_keys_of_later_versions_are_left_out() {
    let action = json!({
        "triggers": { "changed": { "type": "basic", "name": "changed", "entity": "A", "create": true, "update": ["n"], "delete": false, "target": "hook" } },
        "targets": { "hook": { "type": "webhook", "name": "hook", "url": "https://x.test", "headers": { "a": "b" }, "maxAttempts": 3 } },
    });
    let settings = json!({
        "content": { "shortDateResponse": true, "fullDateTimeResponse": true, "dateTimeResponseFormat": "iso8601", "useExistsInHasManyFilter": true, "uuidVersion": 7, "somethingNew": 1 },
        "actions": { "returnTriggeredActions": true },
        "tenant": { "inviteExpirationMinutes": 60 },
    });
    let read = read(json!({ "roles": {} }), json!({ "actions": action, "settings": settings, "extra": [1] }));
    assert!(read.settings.short_date_response && read.settings.uuid_v7);
}

#[test]
fn every_part_of_a_role_is_understood() {
    let acl = json!({
        "customPrimary": true,
        "roles": {
            "all": {
                "stages": "*", "inherits": ["base"], "implicit": false, "debug": true,
                "variables": {
                    "a": { "type": "entity", "entityName": "A", "fallback": { "isNull": true } },
                    "me": { "type": "predefined", "value": "identityID" },
                    "person": { "type": "predefined", "value": "personID" },
                    "level": { "type": "condition", "fallback": { "or": [{ "gte": 1 }, { "always": true }] } },
                },
                "entities": { "A": {
                    "predicates": {
                        "p": { "and": [{ "b": "a" }, { "b": { "b": { "id": "a", "n": "level" } } }, { "not": { "id": "me" } }, { "or": [{ "n": { "null": true } }, { "n": { "never": true } }] }] },
                        "q": { "id": "person", "s": "me" },
                    },
                    "operations": {
                        "read": { "id": "p", "n": true, "b": "q" }, "create": { "n": true, "b": false }, "update": { "n": "p" }, "delete": "q",
                        "noRoot": ["read", "create", "update", "delete"], "customPrimary": true, "refreshMaterializedView": true,
                    },
                } },
                "content": { "assumeMembership": { "base": true, "all": { "variables": { "a": true, "level": "level" } } }, "export": true, "import": true, "refreshMaterializedView": true },
                "system": { "history": true, "migrate": false, "assumeIdentity": true, "export": true, "import": true },
                "tenant": { "invite": true, "manage": { "base": { "variables": true } } },
                "s3": { "**": { "upload": { "maxSize": 5 }, "read": true }, "public/**": { "read": true }, "none/**": { "read": false } },
            },
            "base": { "stages": ["live", "preview"], "variables": {}, "entities": {} },
        },
    });
    let schema = read(acl, json!({}));
    let role = &schema.roles["all"];
    assert!(role.debug && role.history && role.assume_identity && !role.migrate && schema.custom_primary);
    assert!(matches!(&role.variables["a"], Variable::Entity { fallback: Some(_), .. }));
    let EntityGrants::Listed(listed) = &role.entities else { panic!("they are listed") };
    assert_eq!(listed["A"].no_root.len(), 4);
    let objects: Vec<_> = role.objects.iter().map(|(keys, grant)| (keys.as_str(), *grant)).collect();
    let limited = ObjectGrant { read: true, upload: Some(UploadGrant::UpTo(5)) };
    assert_eq!(objects, [("**", limited), ("public/**", ObjectGrant { read: true, upload: None })]);
}

#[test]
fn a_role_of_other_stages_has_no_rights() {
    let role = |stages: Value| {
        let grants = json!({ "A": { "predicates": {}, "operations": { "read": { "n": true } } } });
        let objects = json!({ "**": { "read": true } });
        let role = json!({ "stages": stages, "inherits": ["other"], "variables": {}, "entities": grants, "s3": objects });
        let schema =
            read(json!({ "roles": { "r": role, "other": { "stages": "*", "variables": {}, "entities": {} } } }), json!({}));
        schema.roles["r"].clone()
    };
    for stages in [json!("*"), json!(["*"]), json!(["^li"]), json!(["preview", "live"])] {
        assert_ne!(role(stages.clone()).entities, EntityGrants::Listed(indexmap::IndexMap::new()), "{stages}");
    }
    for stages in [json!([]), json!(["^preview-"]), json!("preview")] {
        let role = role(stages.clone());
        assert_eq!(role.entities, EntityGrants::Listed(indexmap::IndexMap::new()), "{stages}");
        assert!(role.inherits.is_empty() && role.objects.is_empty());
    }
}

#[test]
fn names_of_roles_and_predicates_need_not_be_names_of_the_api() {
    let acl = json!({ "roles": { "site-editor": {
        "stages": "*",
        "variables": { "own-row": { "type": "entity", "entityName": "A" } },
        "entities": { "A": { "predicates": { "own row, 1": { "b": "own-row" } }, "operations": { "read": { "n": "own row, 1" } } } },
    } } });
    let schema = read(acl, json!({}));
    assert!(schema.roles.contains_key("site-editor"));
    assert_eq!(Schema::from_sdl("schema.graphql", &schema.to_sdl()).unwrap(), schema);
}
