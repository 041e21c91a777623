//! Constants: `_info`, and `schema`, the content schema as the caller's roles see it (content API, sections 4 and 21).

use freehold_schema::model::{
    Column, ColumnKind, Direction, Entity, EnumType, Field, FieldKind, OnDelete, OrderBy, Relation, RelationKind,
};
use freehold_schema::names::EnumName;
use freehold_schema::validation::Validator;
use serde_json::{Map, Value, json};

use super::Env;
use crate::api::Meaning;
use crate::permissions::Access;
use crate::selection::{Selected, Selections};

/// `_info { description }`: the contract's literal.
pub(crate) fn info(field: &Selected) -> String {
    project(&json!({ "__typename": "Info", "description": "TODO" }), field).to_string()
}

/// `schema { … }`
pub(crate) fn schema(env: &Env<'_>, field: &Selected) -> String {
    let enums = env.schema.enums.values().filter(|it| is_enum_visible(env, &it.name)).map(enumeration);
    let entities = env.schema.entities.values().filter(|entity| env.permissions.is_readable(entity.name.as_str()));
    let schema = json!({
        "__typename": "_Schema",
        "enums": enums.collect::<Vec<_>>(),
        "entities": entities.map(|it| entity(env, it)).collect::<Vec<_>>(),
    });
    project(&schema, field).to_string()
}

/// The selected members of a value.
pub(crate) fn project(value: &Value, field: &Selected) -> Value {
    match (value, &field.selections) {
        // A value of the scalar Json.
        (value, Selections::None) => value.clone(),
        (Value::Array(items), _) => items.iter().map(|item| project(item, field)).collect(),
        (Value::Object(members), selections) => {
            let fields = match selections {
                Selections::Abstract(types) => {
                    let type_name = members.get("__typename").and_then(Value::as_str).unwrap_or_default();
                    types.get(type_name).map(Vec::as_slice).unwrap_or_default()
                }
                other => other.fields(),
            };
            let selected = fields.iter().map(|part| {
                let name = if part.meaning == Meaning::Typename { "__typename" } else { &*part.name };
                (part.key.to_string(), project(members.get(name).unwrap_or(&Value::Null), part))
            });
            Value::Object(selected.collect::<Map<_, _>>())
        }
        (leaf, _) => leaf.clone(),
    }
}

fn is_visible(env: &Env<'_>, entity: &Entity, field: &Field) -> bool {
    match &field.kind {
        FieldKind::Column(_) => env.read_rule(Access::Relation, entity, field.name.as_str()).is_granted(),
        FieldKind::Relation(relation) => env.permissions.is_readable(relation.target.as_str()),
    }
}

/// An enum is hidden when only hidden columns have it.
fn is_enum_visible(env: &Env<'_>, name: &EnumName) -> bool {
    let entities = env.schema.entities.values();
    let mut columns =
        entities.flat_map(|entity| entity.fields.values().map(move |field| (entity, field))).filter(|(_, field)| {
            match &field.kind {
                FieldKind::Column(column) => column.kind == ColumnKind::Enum(name.clone()),
                FieldKind::Relation(_) => false,
            }
        });
    let used = columns.clone().next().is_some();
    !used || columns.any(|(entity, field)| is_visible(env, entity, field))
}

fn enumeration(it: &EnumType) -> Value {
    let values: Vec<&str> = it.values.iter().map(|value| value.name.as_str()).collect();
    json!({ "__typename": "_Enum", "name": it.name.as_str(), "values": values })
}

fn entity(env: &Env<'_>, entity: &Entity) -> Value {
    let visible = |name: &str| entity.fields.get(name).is_some_and(|field| is_visible(env, entity, field));
    let uniques = entity.uniques.iter().filter(|unique| unique.fields.iter().all(|field| visible(field.as_str())));
    let fields = entity.fields.values().filter(|field| is_visible(env, entity, field));
    json!({
        "__typename": "_Entity",
        "name": entity.name.as_str(),
        "customPrimaryAllowed": env.permissions.custom_primary(entity.name.as_str()),
        "fields": fields.map(field).collect::<Vec<_>>(),
        "unique": uniques.map(|unique| {
            let fields: Vec<&str> = unique.fields.iter().map(|field| field.as_str()).collect();
            json!({ "__typename": "_UniqueConstraint", "fields": fields })
        }).collect::<Vec<_>>(),
    })
}

fn field(field: &Field) -> Value {
    let mut value = match &field.kind {
        FieldKind::Column(it) => column(it),
        FieldKind::Relation(it) => relation(it),
    };
    let mut validators = Vec::new();
    let rules: Vec<Value> = field
        .rules
        .iter()
        .map(|rule| {
            let validator = validator(&rule.validator, &mut validators);
            json!({ "__typename": "_Rule", "message": { "__typename": "_RuleMessage", "text": rule.message }, "validator": validator })
        })
        .collect();
    value["name"] = Value::from(field.name.as_str());
    value["rules"] = Value::from(rules);
    value["validators"] = Value::from(validators);
    value
}

fn column(column: &Column) -> Value {
    let (kind, enum_name) = match &column.kind {
        ColumnKind::Uuid => ("Uuid", None),
        ColumnKind::String => ("String", None),
        ColumnKind::Integer => ("Integer", None),
        ColumnKind::Double => ("Double", None),
        ColumnKind::Numeric => ("Numeric", None),
        ColumnKind::Bool => ("Bool", None),
        ColumnKind::Enum(name) => ("Enum", Some(name.as_str())),
        ColumnKind::DateTime => ("DateTime", None),
        ColumnKind::Date => ("Date", None),
        ColumnKind::Time => ("Time", None),
        ColumnKind::Json => ("Json", None),
        ColumnKind::StoredImage => ("StoredImage", None),
    };
    json!({ "__typename": "_Column", "type": kind, "enumName": enum_name, "defaultValue": column.default, "nullable": column.nullable })
}

fn relation(relation: &Relation) -> Value {
    let (kind, owning, nullable) = match &relation.kind {
        RelationKind::ManyHasOne { nullable, .. } => ("ManyHasOne", true, Some(*nullable)),
        RelationKind::OneHasMany { .. } => ("OneHasMany", false, None),
        RelationKind::OneHasOneOwning { nullable, .. } => ("OneHasOne", true, Some(*nullable)),
        RelationKind::OneHasOneInverse { nullable, .. } => ("OneHasOne", false, Some(*nullable)),
        RelationKind::ManyHasManyOwning { .. } => ("ManyHasMany", true, None),
        RelationKind::ManyHasManyInverse { .. } => ("ManyHasMany", false, None),
    };
    let order: Option<&[OrderBy]> = match &relation.kind {
        RelationKind::OneHasMany { order_by, .. }
        | RelationKind::ManyHasManyOwning { order_by, .. }
        | RelationKind::ManyHasManyInverse { order_by, .. } => Some(order_by),
        RelationKind::ManyHasOne { .. } | RelationKind::OneHasOneOwning { .. } | RelationKind::OneHasOneInverse { .. } => None,
    };
    let on_delete = relation.joining_column().map(|joining| match joining.on_delete {
        OnDelete::Restrict => "restrict",
        OnDelete::Cascade => "cascade",
        OnDelete::SetNull => "setNull",
    });
    let orphan_removal = match &relation.kind {
        RelationKind::OneHasOneOwning { orphan_removal, .. } => Some(*orphan_removal),
        _ => None,
    };
    let other = relation.other_side().map(|name| name.as_str());
    json!({
        "__typename": "_Relation",
        "type": kind,
        "side": if owning { "owning" } else { "inverse" },
        "targetEntity": relation.target.as_str(),
        "ownedBy": other.filter(|_| !owning),
        "inversedBy": other.filter(|_| owning),
        "nullable": nullable,
        "onDelete": on_delete,
        "orphanRemoval": orphan_removal,
        "orderBy": order.map(|order| order.iter().map(order_by).collect::<Vec<_>>()),
    })
}

fn order_by(order: &OrderBy) -> Value {
    let path: Vec<&str> = order.path.iter().map(|field| field.as_str()).collect();
    // The type knows two directions only.
    let direction = match order.direction {
        Direction::Asc | Direction::AscNullsFirst => "asc",
        Direction::Desc | Direction::DescNullsLast => "desc",
    };
    json!({ "__typename": "_OrderBy", "path": path, "direction": direction })
}

/// Adds a validator, after those it is made of, to the flat list; its place there.
fn validator(it: &Validator, list: &mut Vec<Value>) -> usize {
    let literal = |value: Value| json!({ "__typename": "_LiteralArgument", "value": value });
    let mut nested = |it: &Validator| json!({ "__typename": "_ValidatorArgument", "validator": validator(it, list) });
    let (operation, arguments) = match it {
        Validator::Defined => ("defined", Vec::new()),
        Validator::Empty => ("empty", Vec::new()),
        Validator::Pattern { regex, flags } => ("pattern", vec![literal(json!([regex, flags]))]),
        Validator::LengthRange { min, max } => ("lengthRange", vec![literal(json!(min)), literal(json!(max))]),
        Validator::Range { min, max } => ("range", vec![literal(json!(min)), literal(json!(max))]),
        Validator::Equals(value) => ("equals", vec![literal(value.clone())]),
        Validator::Not(inner) => ("not", vec![nested(inner)]),
        Validator::And(inner) => ("and", inner.iter().map(nested).collect()),
        Validator::Or(inner) => ("or", inner.iter().map(nested).collect()),
        Validator::Conditional(condition, rule) => ("conditional", vec![nested(condition), nested(rule)]),
        Validator::InContext(path, inner) => {
            let path: Vec<&str> = path.iter().map(|field| field.as_str()).collect();
            ("inContext", vec![json!({ "__typename": "_PathArgument", "path": path }), nested(inner)])
        }
        Validator::Every(inner) => ("every", vec![nested(inner)]),
        Validator::Any(inner) => ("any", vec![nested(inner)]),
        Validator::Filter(condition, rule) => ("filter", vec![nested(condition), nested(rule)]),
    };
    list.push(json!({ "__typename": "_Validator", "operation": operation, "arguments": arguments }));
    list.len() - 1
}
