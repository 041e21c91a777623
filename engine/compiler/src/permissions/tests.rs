//! Merging, as a table per rule of content API, section 3.2.

use freehold_schema::Schema;
use freehold_schema::acl::{EntityGrants, OperationKind};
use freehold_schema::filter::{Condition, Filter, Operator};
use freehold_schema::names::{EntityName, FieldName, RoleName, VariableName};
use serde_json::{Value, json};

use super::{Access, Operand, Permissions, Predicate, Rule};
use crate::caller::RoleSet;
use crate::testing;

/// One entity `Note { id, title, body, rank }` with a relation `parent`, and these roles.
fn schema(roles: Value) -> Schema {
    let column = |name: &str, ty: &str, pg_type: &str, nullable: bool| json!({"name": name, "columnName": name, "type": ty, "columnType": pg_type, "nullable": nullable});
    let parent = json!({"name": "parent", "type": "ManyHasOne", "target": "Note", "nullable": true,
        "joiningColumn": {"columnName": "parent_id", "onDelete": "restrict"}});
    let note = json!({"name": "Note", "primary": "id", "tableName": "note", "unique": [], "fields": {
        "id": column("id", "Uuid", "uuid", false), "title": column("title", "String", "text", true),
        "body": column("body", "String", "text", true), "rank": column("rank", "Integer", "integer", true), "parent": parent}});
    let mut view = note.clone();
    view["name"] = json!("View");
    view["tableName"] = json!("view");
    view["view"] = json!({"sql": "select 1"});
    let document = json!({"model": {"enums": {}, "entities": {"Note": note, "View": view}}, "acl": {"roles": roles}});
    testing::read(&document.to_string())
}

fn role(operations: Value) -> Value {
    let predicates = json!({"high": {"rank": {"gt": 5}}, "mine": {"id": "own"}, "all": {}, "same": {"rank": {"gt": 5}}, "up": {"parent": "own"}});
    json!({"variables": {"own": {"type": "entity", "entityName": "Note"}},
        "entities": {"Note": {"predicates": predicates, "operations": operations}}})
}

fn permissions(schema: &Schema, roles: &[&str]) -> Permissions {
    Permissions::new(schema, &RoleSet::new(roles.iter().map(|role| RoleName::new(role))))
}

fn high() -> Predicate {
    Filter::Column(FieldName::new("rank"), Condition::Compare(Operator::Gt, Operand::Literal(json!(5))))
}

fn mine(role: &str) -> Predicate {
    let own = Operand::Variable(RoleName::new(role), VariableName::new("own"));
    Filter::Column(FieldName::new("id"), Condition::Compare(Operator::In, own))
}

#[track_caller]
fn assert_rule(rule: &Rule, expected: Option<Predicate>) {
    match (rule, expected) {
        (Rule::When(found), Some(expected)) => assert_eq!(**found, expected),
        (rule, expected) => panic!("expected {expected:?}, found {rule:?}"),
    }
}

#[test]
fn fields_are_merged_one_by_one() {
    let schema = schema(json!({
        "a": role(json!({"read": {"title": "high", "body": true}, "update": {"title": "high"}})),
        "b": role(json!({"read": {"title": "mine", "body": "mine", "rank": "all"}, "delete": "high"})),
    }));
    let both = permissions(&schema, &["b", "a"]);
    let read = |field: &str| both.field(Access::Root, "Note", OperationKind::Read, field).clone();
    assert_rule(&read("title"), Some(Filter::Or(vec![high(), mine("b")])));
    assert!(read("body").is_always() && read("rank").is_always() && read("id").is_always());
    assert!(!read("parent").is_granted());
    assert_rule(both.delete(Access::Root, "Note"), Some(high()));
    assert_rule(both.field(Access::Root, "Note", OperationKind::Update, "title"), Some(high()));
    assert!(!both.field(Access::Root, "Note", OperationKind::Create, "title").is_granted());
    assert!(!both.is_readable("View") && !both.is_readable("Nope"));
    assert!(
        both.allows(Access::Root, "Note", OperationKind::Delete) && !both.allows(Access::Root, "Note", OperationKind::Create)
    );
}

#[test]
fn a_row_is_visible_to_whoever_sees_anything_of_it() {
    let schema = schema(json!({"a": role(json!({"read": {"title": "high", "body": "mine", "rank": "same"}}))}));
    let permissions = permissions(&schema, &["a"]);
    assert_rule(permissions.rows(Access::Root, "Note"), Some(Filter::Or(vec![high(), mine("a")])));
    let title = permissions.field(Access::Root, "Note", OperationKind::Read, "title");
    let rank = permissions.field(Access::Root, "Note", OperationKind::Read, "rank");
    let (Rule::When(title), Rule::When(rank)) = (title, rank) else { panic!("both are conditional") };
    assert!(std::sync::Arc::ptr_eq(title, rank), "equal predicates are one");
}

#[test]
fn inherited_roles_use_the_variables_of_the_membership() {
    let schema = schema(json!({
        "base": role(json!({"read": {"title": "mine", "body": "up"}})),
        "middle": {"inherits": ["base"], "entities": {}},
        "top": {"inherits": ["middle", "base"], "entities": {}},
    }));
    let top = permissions(&schema, &["top"]);
    assert_rule(top.field(Access::Root, "Note", OperationKind::Read, "title"), Some(mine("top")));
    let up = Filter::Relation(FieldName::new("parent"), Box::new(mine("top")));
    assert_rule(top.field(Access::Root, "Note", OperationKind::Read, "body"), Some(up));
}

#[test]
fn grants_through_relations_do_not_reach_the_root() {
    let schema = schema(json!({
        "through": role(json!({"noRoot": ["read"], "read": {"title": true, "body": true}, "delete": true})),
        "direct": role(json!({"read": {"title": "high"}})),
    }));
    let alone = permissions(&schema, &["through"]);
    assert!(
        alone.is_forbidden_at_root("Note", OperationKind::Read) && !alone.is_forbidden_at_root("Note", OperationKind::Delete)
    );
    assert!(alone.rows(Access::Root, "Note").is_always(), "nothing else allows it, so nested writes look among these rows");
    let both = permissions(&schema, &["direct", "through"]);
    assert!(!both.is_forbidden_at_root("Note", OperationKind::Read));
    assert_rule(both.rows(Access::Root, "Note"), Some(high()));
    assert!(!both.field(Access::Root, "Note", OperationKind::Read, "body").is_granted());
    assert!(both.rows(Access::Relation, "Note").is_always());
    assert!(both.field(Access::Relation, "Note", OperationKind::Read, "body").is_always());
}

#[test]
fn the_admin_may_do_everything_but_write_views() {
    let permissions = permissions(&schema(json!({})), &["admin"]);
    for field in ["id", "title", "parent"] {
        assert!(permissions.field(Access::Root, "Note", OperationKind::Read, field).is_always());
        assert!(permissions.field(Access::Root, "Note", OperationKind::Create, field).is_always());
    }
    assert!(permissions.delete(Access::Root, "Note").is_always());
    assert!(permissions.rows(Access::Root, "View").is_always());
    assert!(!permissions.delete(Access::Root, "View").is_granted());
    assert!(!permissions.allows(Access::Root, "View", OperationKind::Update));
}

#[test]
fn primary_keys_are_chosen_by_whom_the_schema_allows() {
    let schema = schema(json!({
        "chooser": role(json!({"customPrimary": true, "create": {"title": true}})),
        "other": role(json!({"create": {"title": true}})),
    }));
    assert!(permissions(&schema, &["chooser", "other"]).custom_primary("Note"));
    assert!(!permissions(&schema, &["other"]).custom_primary("Note"));
}

#[test]
fn a_grant_under_an_unknown_condition_grants_nothing() {
    let mut schema = schema(json!({"a": role(json!({"read": {"title": "high"}}))}));
    assert!(permissions(&schema, &["a"]).is_readable("Note"));
    // No checked schema is like this; a mistake of ours must not show rows to anybody.
    let EntityGrants::Listed(entities) = &mut schema.roles[&RoleName::new("a")].entities else { panic!("grants are listed") };
    entities[&EntityName::new("Note")].predicates.clear();
    assert!(!permissions(&schema, &["a"]).is_readable("Note"));
    assert!(!permissions(&schema, &["nobody"]).is_readable("Note"));
}

#[test]
fn who_reads_everything_reads_every_field_of_every_entity_at_root() {
    let all = json!({"id": true, "title": true, "body": true, "rank": true, "parent": true});
    let whole = json!({"entities": {
        "Note": {"predicates": {}, "operations": {"read": all}}, "View": {"predicates": {}, "operations": {"read": all}}}});
    let change = |change: &dyn Fn(&mut Value)| {
        let mut role = whole.clone();
        change(&mut role["entities"]["View"]);
        role
    };
    let schema = schema(json!({
        "whole": whole,
        "cell": change(&|view| view["operations"]["read"]["body"] = json!(false)),
        "row": change(&|view| {
            view["predicates"] = json!({"high": {"rank": {"gt": 5}}});
            view["operations"]["read"]["rank"] = json!("high");
        }),
        "through": change(&|view| view["operations"]["noRoot"] = json!(["read"])),
        "half": {"entities": {"Note": {"predicates": {}, "operations": {"read": all}}}},
    }));
    for (roles, expected) in [
        (&["admin"][..], true),
        (&["content_admin"], true),
        (&["whole"], true),
        (&["half", "whole"], true),
        (&["through", "whole"], true),
        (&["cell"], false),
        (&["row"], false),
        (&["row", "cell"], true),
        (&["through"], false),
        (&["half"], false),
        (&["deployer"], false),
        (&[], false),
    ] {
        assert_eq!(permissions(&schema, roles).read_everything(&schema), expected, "{roles:?}");
    }
}
