//! Schemas for tests: the recorded models of tests/golden, read with no more care than they need.

use freehold_schema::Schema;
use freehold_schema::acl::{EntityGrants, EntityPermissions, Grant, OperationKind, PredefinedVariable, Role, Variable};
use freehold_schema::filter::{Condition, Filter, Operator};
use freehold_schema::ident::Ident;
use freehold_schema::model::{
    Column, ColumnKind, Entity, EnumType, EnumValue, Field, FieldKind, JoiningColumn, JoiningTable, OnDelete, Relation,
    RelationKind, Settings, Unique, UniqueKind, View,
};
use freehold_schema::names::{EntityName, EnumName, FieldName, PredicateName, RoleName, VariableName};
use indexmap::IndexMap;
use serde_json::{Map, Value};

use crate::api::Api;
use crate::caller::RoleSet;
use crate::permissions::Permissions;

/// The model of the recorded blog.
pub(crate) fn blog() -> Schema {
    read(include_str!("../tests/golden/blog.schema.json"))
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
pub(crate) fn read(text: &str) -> Schema {
    let json: Value = serde_json::from_str(text).unwrap();
    let model = &json["model"];
    let enums = members(&model["enums"]).map(|(name, values)| {
        let values = values.as_array().unwrap().iter().map(|value| EnumValue {
            name: text_of(value),
            description: None,
            deprecated: None,
        });
        let name = EnumName::new(name);
        let pg_type = Ident::new(name.as_str()).unwrap();
        (name.clone(), EnumType { name, pg_type, description: None, values: values.collect() })
    });
    let entities: IndexMap<EntityName, Entity> =
        members(&model["entities"]).map(|(name, value)| (EntityName::new(name), entity(name, value))).collect();
    let mut schema = Schema {
        enums: enums.collect(),
        entities,
        roles: IndexMap::new(),
        custom_primary: json["acl"]["customPrimary"] == true,
        settings: Settings::default(),
    };
    for (name, value) in members(&json["acl"]["roles"]) {
        let role = role(&schema, name, value);
        schema.roles.insert(role.name.clone(), role);
    }
    schema.roles.entry(RoleName::new("admin")).or_insert_with(|| Role {
        name: RoleName::new("admin"),
        inherits: Vec::new(),
        implicit: false,
        debug: true,
        variables: IndexMap::new(),
        entities: EntityGrants::Everything,
        assume_membership: None,
        history: true,
        assume_identity: true,
        migrate: true,
    });
    schema
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    static EMPTY: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    value.as_object().unwrap_or(&EMPTY).iter().map(|(key, value)| (key.as_str(), value))
}

fn text_of(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn ident(value: &Value) -> Ident {
    Ident::new(value.as_str().unwrap()).unwrap()
}

fn entity(name: &str, value: &Value) -> Entity {
    let uniques = value["unique"].as_array().into_iter().flatten().map(|unique| Unique {
        fields: unique["fields"].as_array().unwrap().iter().map(|field| FieldName::new(field.as_str().unwrap())).collect(),
        name: None,
        kind: UniqueKind::Immediate,
    });
    Entity {
        name: EntityName::new(name),
        description: None,
        table: ident(&value["tableName"]),
        primary: FieldName::new(value["primary"].as_str().unwrap()),
        fields: members(&value["fields"]).map(|(name, value)| (FieldName::new(name), field(name, value))).collect(),
        uniques: uniques.collect(),
        indexes: Vec::new(),
        order_by: Vec::new(),
        view: value["view"]["sql"].as_str().map(|sql| View {
            sql: sql.to_owned(),
            dependencies: Vec::new(),
            id_source: Vec::new(),
            materialized: false,
        }),
        event_log: true,
    }
}

fn field(name: &str, value: &Value) -> Field {
    let kind = match value["target"].as_str() {
        Some(target) => FieldKind::Relation(Relation { target: EntityName::new(target), kind: relation_kind(value) }),
        None => FieldKind::Column(column(value)),
    };
    Field { name: FieldName::new(name), description: None, deprecated: None, rules: Vec::new(), kind }
}

fn relation_kind(value: &Value) -> RelationKind {
    let name = |key: &str| value[key].as_str().map(FieldName::new);
    let nullable = value["nullable"] != false;
    match (value["type"].as_str().unwrap(), name("ownedBy")) {
        ("ManyHasOne", _) => {
            RelationKind::ManyHasOne { inversed_by: name("inversedBy"), nullable, joining: joining(&value["joiningColumn"]) }
        }
        ("OneHasMany", Some(owned_by)) => RelationKind::OneHasMany { owned_by, order_by: Vec::new() },
        ("OneHasOne", Some(owned_by)) => RelationKind::OneHasOneInverse { owned_by, nullable },
        ("OneHasOne", None) => RelationKind::OneHasOneOwning {
            inversed_by: name("inversedBy"),
            nullable,
            joining: joining(&value["joiningColumn"]),
            orphan_removal: value["orphanRemoval"] == true,
        },
        ("ManyHasMany", Some(owned_by)) => RelationKind::ManyHasManyInverse { owned_by, order_by: Vec::new() },
        (_, _) => {
            let table = &value["joiningTable"];
            RelationKind::ManyHasManyOwning {
                inversed_by: name("inversedBy"),
                joining_table: JoiningTable {
                    table: ident(&table["tableName"]),
                    owner: joining(&table["joiningColumn"]),
                    target: joining(&table["inverseJoiningColumn"]),
                    event_log: true,
                },
                order_by: Vec::new(),
            }
        }
    }
}

fn joining(value: &Value) -> JoiningColumn {
    let on_delete = match value["onDelete"].as_str() {
        Some("cascade") => OnDelete::Cascade,
        Some("set null") => OnDelete::SetNull,
        _ => OnDelete::Restrict,
    };
    JoiningColumn { column: ident(&value["columnName"]), on_delete }
}

fn column(value: &Value) -> Column {
    let kind = match value["type"].as_str().unwrap() {
        "Uuid" => ColumnKind::Uuid,
        "String" => ColumnKind::String,
        "Integer" => ColumnKind::Integer,
        "Double" => ColumnKind::Double,
        "Numeric" => ColumnKind::Numeric,
        "Bool" => ColumnKind::Bool,
        "Enum" => ColumnKind::Enum(EnumName::new(value["columnType"].as_str().unwrap())),
        "DateTime" => ColumnKind::DateTime,
        "Date" => ColumnKind::Date,
        "Time" => ColumnKind::Time,
        "StoredImage" => ColumnKind::StoredImage,
        _ => ColumnKind::Json,
    };
    Column {
        column: ident(&value["columnName"]),
        kind,
        pg_type: text_of(&value["columnType"]),
        list: value["list"] == true,
        nullable: value["nullable"] != false,
        default: value.get("default").cloned(),
        sequence: None,
        type_alias: value["typeAlias"].as_str().map(str::to_owned),
        collation: None,
        json_schema: None,
    }
}

fn role(schema: &Schema, name: &str, value: &Value) -> Role {
    let variables = members(&value["variables"]).map(|(name, value)| {
        let fallback = value.get("fallback").cloned();
        let variable = match value["type"].as_str().unwrap() {
            "entity" => Variable::Entity { entity: EntityName::new(value["entityName"].as_str().unwrap()), fallback },
            "condition" => Variable::Condition { fallback },
            _ if value["value"] == "personID" => Variable::Predefined(PredefinedVariable::PersonId),
            _ => Variable::Predefined(PredefinedVariable::IdentityId),
        };
        (VariableName::new(name), variable)
    });
    let entities = members(&value["entities"]).map(|(name, value)| (EntityName::new(name), permissions(schema, name, value)));
    let entities = if value["entities"] == "*" { EntityGrants::Everything } else { EntityGrants::Listed(entities.collect()) };
    Role {
        name: RoleName::new(name),
        inherits: value["inherits"].as_array().into_iter().flatten().map(|name| RoleName::new(name.as_str().unwrap())).collect(),
        implicit: value["implicit"] == true,
        debug: false,
        variables: variables.collect(),
        entities,
        assume_membership: None,
        history: false,
        assume_identity: false,
        migrate: false,
    }
}

fn permissions(schema: &Schema, entity: &str, value: &Value) -> EntityPermissions {
    let operations = &value["operations"];
    let fields = |operation: &str| {
        let grants = members(&operations[operation]).filter_map(|(name, value)| Some((FieldName::new(name), grant(value)?)));
        grants.collect::<IndexMap<_, _>>()
    };
    let kind = |value: &Value| match value.as_str().unwrap() {
        "read" => OperationKind::Read,
        "create" => OperationKind::Create,
        "update" => OperationKind::Update,
        _ => OperationKind::Delete,
    };
    let predicates = members(&value["predicates"])
        .map(|(name, value)| (PredicateName::new(name), filter(schema, &schema.entities[entity], value)));
    EntityPermissions {
        predicates: predicates.collect(),
        read: fields("read"),
        create: fields("create"),
        update: fields("update"),
        delete: operations.get("delete").and_then(grant),
        no_root: operations["noRoot"].as_array().into_iter().flatten().map(kind).collect(),
        custom_primary: operations["customPrimary"] == true,
    }
}

fn grant(value: &Value) -> Option<Grant> {
    match value {
        Value::Bool(true) => Some(Grant::Always),
        Value::String(name) => Some(Grant::When(PredicateName::new(name))),
        _ => None,
    }
}

fn filter(schema: &Schema, entity: &Entity, value: &Value) -> Filter<Value> {
    let list = |value: &Value| value.as_array().unwrap().iter().map(|item| filter(schema, entity, item)).collect();
    let mut all: Vec<Filter<Value>> = members(value)
        .map(|(key, value)| match key {
            "and" => Filter::And(list(value)),
            "or" => Filter::Or(list(value)),
            "not" => Filter::Not(Box::new(filter(schema, entity, value))),
            _ => match &entity.fields[key].kind {
                FieldKind::Column(_) => Filter::Column(FieldName::new(key), condition(value)),
                FieldKind::Relation(relation) => {
                    let target = &schema.entities[&relation.target];
                    let inner = match value {
                        Value::String(_) => Filter::Column(target.primary.clone(), condition(value)),
                        _ => filter(schema, target, value),
                    };
                    Filter::Relation(FieldName::new(key), Box::new(inner))
                }
            },
        })
        .collect();
    if all.len() == 1 { all.remove(0) } else { Filter::And(all) }
}

fn condition(value: &Value) -> Condition<Value> {
    if let Some(name) = value.as_str() {
        return Condition::Variable(VariableName::new(name));
    }
    let mut all: Vec<Condition<Value>> = members(value)
        .map(|(key, value)| match key {
            "isNull" => Condition::IsNull(value.as_bool().unwrap()),
            _ => Condition::Compare(Operator::from_name(key).unwrap(), value.clone()),
        })
        .collect();
    if all.len() == 1 { all.remove(0) } else { Condition::And(all) }
}
