//! Writing the JSON form. Canonical: the same schema always gives the same text, and what has its default is left out where other tools allow it.

use serde_json::{Map, Value, json};

use crate::json::write_acl;
use crate::model::{
    Column, ColumnKind, DateTimeFormat, Direction, Entity, EnumType, Field, FieldKind, Index, JoiningColumn, OnDelete, OrderBy,
    Relation, RelationKind, Schema, Settings, Unique, UniqueKind,
};
use crate::names::{EntityName, FieldName};
use crate::sdl::structure::direction_name;
use crate::validation::{Rule, Validator};

/// An object under construction.
pub(super) struct Members(Map<String, Value>);

impl Members {
    pub fn new() -> Self {
        Self(Map::new())
    }

    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.insert(key.to_owned(), value.into());
        self
    }

    pub fn with_some<T: Into<Value>>(self, key: &str, value: Option<T>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    /// Only when the flag is set.
    pub fn with_flag(self, key: &str, value: bool) -> Self {
        if value { self.with(key, true) } else { self }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn done(self) -> Value {
        Value::Object(self.0)
    }
}

pub(super) fn schema(schema: &Schema) -> Value {
    let enums = schema.enums.values().map(|item| {
        let values: Vec<Value> = item.values.iter().map(|value| Value::from(value.name.as_str())).collect();
        (item.name.as_str().to_owned(), Value::Array(values))
    });
    let details: Map<String, Value> = schema.enums.values().filter_map(enum_details).collect();
    let entities = schema.entities.values().map(|item| (item.name.as_str().to_owned(), entity(item, schema)));
    let model = Members::new()
        .with("enums", Value::Object(enums.collect()))
        .with_some("enumDetails", Some(details).filter(|details| !details.is_empty()))
        .with("entities", Value::Object(entities.collect()));
    Members::new()
        .with("model", model.done())
        .with("acl", write_acl::acl(schema))
        .with("validation", validation(schema))
        .with("actions", json!({ "triggers": {}, "targets": {} }))
        .with("settings", settings(&schema.settings))
        .done()
}

fn settings(settings: &Settings) -> Value {
    let iso = settings.date_time_response_format == DateTimeFormat::Iso8601;
    let content = Members::new()
        .with_flag("shortDateResponse", settings.short_date_response)
        .with_flag("fullDateTimeResponse", settings.full_date_time_response)
        .with_some("dateTimeResponseFormat", iso.then_some("iso8601"))
        .with_flag("useExistsInHasManyFilter", settings.use_exists_in_has_many_filter)
        .with_some("uuidVersion", settings.uuid_v7.then_some(7));
    if content.is_empty() { json!({}) } else { json!({ "content": content.done() }) }
}

/// What the list of an enum's values cannot say.
fn enum_details(item: &EnumType) -> Option<(String, Value)> {
    let value = |value: &crate::model::EnumValue| {
        let about = Members::new()
            .with_some("description", value.description.clone())
            .with_some("deprecationReason", value.deprecated.clone());
        (!about.is_empty()).then(|| (value.name.clone(), about.done()))
    };
    let values: Map<String, Value> = item.values.iter().filter_map(value).collect();
    let own_type = Some(item.pg_type.as_str()).filter(|name| *name != item.name.as_str());
    let details = Members::new()
        .with_some("description", item.description.clone())
        .with_some("type", own_type)
        .with_some("values", Some(values).filter(|values| !values.is_empty()));
    (!details.is_empty()).then(|| (item.name.as_str().to_owned(), details.done()))
}

fn entity(entity: &Entity, schema: &Schema) -> Value {
    let fields = entity.fields.values().map(|item| (item.name.as_str().to_owned(), field(item, schema)));
    let view = entity.view.as_ref().map(|view| {
        Members::new()
            .with("sql", view.sql.as_str())
            .with_some("dependencies", texts(view.dependencies.iter().map(EntityName::as_str)))
            .with_some("idSource", texts(view.id_source.iter().map(FieldName::as_str)))
            .with_flag("materialized", view.materialized)
            .done()
    });
    Members::new()
        .with("name", entity.name.as_str())
        .with_some("description", entity.description.clone())
        .with("primary", entity.primary.as_str())
        .with("primaryColumn", entity.primary_column().column.as_str())
        .with("unique", entity.uniques.iter().map(unique).collect::<Vec<_>>())
        .with("indexes", entity.indexes.iter().map(index).collect::<Vec<_>>())
        .with("fields", Value::Object(fields.collect()))
        .with("tableName", entity.table.as_str())
        .with("eventLog", json!({ "enabled": entity.event_log }))
        .with_some("orderBy", orders(&entity.order_by))
        .with_some("view", view)
        .done()
}

/// A list of names, unless it is empty.
pub(super) fn texts<'a>(names: impl Iterator<Item = &'a str>) -> Option<Value> {
    let names: Vec<Value> = names.map(Value::from).collect();
    (!names.is_empty()).then_some(Value::Array(names))
}

fn unique(unique: &Unique) -> Value {
    let fields: Vec<&str> = unique.fields.iter().map(|field| field.as_str()).collect();
    let members = Members::new().with("fields", fields).with_some("name", unique.name.as_ref().map(|name| name.as_str()));
    match &unique.kind {
        UniqueKind::Immediate => members,
        UniqueKind::Deferrable => members.with("timing", "deferrable"),
        UniqueKind::Deferred => members.with("timing", "deferred"),
        UniqueKind::Index { nulls_not_distinct, method } => members
            .with("index", true)
            .with_some("nulls", nulls_not_distinct.then_some("not distinct"))
            .with_some("method", method.clone()),
    }
    .done()
}

fn index(index: &Index) -> Value {
    let fields: Vec<&str> = index.fields.iter().map(|field| field.field.as_str()).collect();
    let mut options = Map::new();
    for field in &index.fields {
        let (order, nulls) = match field.direction {
            None => (None, None),
            Some(Direction::Asc) => (Some("asc"), None),
            Some(Direction::Desc) => (Some("desc"), None),
            Some(Direction::AscNullsFirst) => (Some("asc"), Some("first")),
            Some(Direction::DescNullsLast) => (Some("desc"), Some("last")),
        };
        let about =
            Members::new().with_some("order", order).with_some("nulls", nulls).with_some("opClass", field.op_class.clone());
        if !about.is_empty() {
            options.insert(field.field.as_str().to_owned(), about.done());
        }
    }
    Members::new()
        .with("fields", fields)
        .with_some("name", index.name.as_ref().map(|name| name.as_str()))
        .with_some("method", index.method.clone())
        .with_some("where", index.predicate.clone())
        .with_some("include", texts(index.include.iter().map(FieldName::as_str)))
        .with_some("columnOptions", Some(options).filter(|options| !options.is_empty()))
        .done()
}

fn orders(orders: &[OrderBy]) -> Option<Vec<Value>> {
    let order = |order: &OrderBy| {
        let path: Vec<&str> = order.path.iter().map(|step| step.as_str()).collect();
        json!({ "path": path, "direction": direction_name(order.direction) })
    };
    (!orders.is_empty()).then(|| orders.iter().map(order).collect())
}

fn field(field: &Field, schema: &Schema) -> Value {
    let members = Members::new()
        .with("name", field.name.as_str())
        .with_some("description", field.description.clone())
        .with_some("deprecationReason", field.deprecated.clone());
    match &field.kind {
        FieldKind::Column(column) => self::column(members, column, schema),
        FieldKind::Relation(relation) => self::relation(members, relation),
    }
}

fn column(members: Members, column: &Column, schema: &Schema) -> Value {
    let (ty, pg_type) = match &column.kind {
        ColumnKind::Uuid => ("Uuid", column.pg_type.as_str()),
        ColumnKind::String => ("String", column.pg_type.as_str()),
        ColumnKind::Integer => ("Integer", column.pg_type.as_str()),
        ColumnKind::Double => ("Double", column.pg_type.as_str()),
        ColumnKind::Numeric => ("Numeric", column.pg_type.as_str()),
        ColumnKind::Bool => ("Bool", column.pg_type.as_str()),
        ColumnKind::Enum(name) => ("Enum", schema.enums[name].pg_type.as_str()),
        ColumnKind::DateTime => ("DateTime", column.pg_type.as_str()),
        ColumnKind::Date => ("Date", column.pg_type.as_str()),
        ColumnKind::Time => ("Time", column.pg_type.as_str()),
        ColumnKind::Json => ("Json", column.pg_type.as_str()),
        ColumnKind::StoredImage => ("StoredImage", column.pg_type.as_str()),
    };
    let sequence = column.sequence.as_ref().map(|sequence| {
        let precedence = if sequence.always { "ALWAYS" } else { "BY DEFAULT" };
        Members::new().with("precedence", precedence).with_some("start", sequence.start).done()
    });
    let search = column.search.map(|search| json!({ "language": search.language.name(), "weight": search.weight.name() }));
    members
        .with("columnName", column.column.as_str())
        .with("nullable", column.nullable)
        .with_flag("list", column.list)
        .with_some("default", column.default.clone())
        .with_some("sequence", sequence)
        .with("type", ty)
        .with("columnType", pg_type)
        .with_some("typeAlias", column.type_alias.clone())
        .with_some("collation", column.collation.as_ref().map(|name| name.as_str()))
        .with_some("schema", column.json_schema.clone())
        .with_some("search", search)
        .with_some("encryption", column.encryption.map(|encryption| json!({ "lookup": encryption.lookup })))
        .done()
}

fn on_delete(on_delete: OnDelete) -> &'static str {
    match on_delete {
        OnDelete::Restrict => "restrict",
        OnDelete::Cascade => "cascade",
        OnDelete::SetNull => "set null",
    }
}

fn joining(joining: &JoiningColumn) -> Value {
    json!({ "columnName": joining.column.as_str(), "onDelete": on_delete(joining.on_delete) })
}

fn relation(members: Members, relation: &Relation) -> Value {
    let target = relation.target.as_str();
    let inverse = |members: Members, inversed_by: &Option<FieldName>| {
        members.with_some("inversedBy", inversed_by.as_ref().map(|field| field.as_str()))
    };
    match &relation.kind {
        RelationKind::ManyHasOne { inversed_by, nullable, joining: column } => inverse(members, inversed_by)
            .with("nullable", *nullable)
            .with("type", "ManyHasOne")
            .with("target", target)
            .with("joiningColumn", joining(column)),
        RelationKind::OneHasMany { owned_by, order_by } => members
            .with("ownedBy", owned_by.as_str())
            .with("type", "OneHasMany")
            .with("target", target)
            .with_some("orderBy", orders(order_by)),
        RelationKind::OneHasOneOwning { inversed_by, nullable, joining: column, orphan_removal } => inverse(members, inversed_by)
            .with("nullable", *nullable)
            .with("type", "OneHasOne")
            .with("target", target)
            .with("joiningColumn", joining(column))
            .with_flag("orphanRemoval", *orphan_removal),
        RelationKind::OneHasOneInverse { owned_by, nullable } => members
            .with("ownedBy", owned_by.as_str())
            .with("target", target)
            .with("type", "OneHasOne")
            .with("nullable", *nullable),
        RelationKind::ManyHasManyOwning { inversed_by, joining_table, order_by } => {
            let table = json!({
                "tableName": joining_table.table.as_str(),
                "joiningColumn": joining(&joining_table.owner),
                "inverseJoiningColumn": joining(&joining_table.target),
                "eventLog": { "enabled": joining_table.event_log },
            });
            inverse(members, inversed_by)
                .with("type", "ManyHasMany")
                .with("target", target)
                .with("joiningTable", table)
                .with_some("orderBy", orders(order_by))
        }
        RelationKind::ManyHasManyInverse { owned_by, order_by } => members
            .with("ownedBy", owned_by.as_str())
            .with("target", target)
            .with("type", "ManyHasMany")
            .with_some("orderBy", orders(order_by)),
    }
    .done()
}

fn validation(schema: &Schema) -> Value {
    let mut entities = Map::new();
    for entity in schema.entities.values() {
        let mut fields = Map::new();
        for field in entity.fields.values().filter(|field| !field.rules.is_empty()) {
            let rule = |rule: &Rule| json!({ "validator": validator(&rule.validator), "message": { "text": rule.message } });
            fields.insert(field.name.as_str().to_owned(), Value::Array(field.rules.iter().map(rule).collect()));
        }
        if !fields.is_empty() {
            entities.insert(entity.name.as_str().to_owned(), Value::Object(fields));
        }
    }
    Value::Object(entities)
}

fn validator(rule: &Validator) -> Value {
    let literal = |value: Value| json!({ "type": "literal", "value": value });
    let nested = |rule: &Validator| json!({ "type": "validator", "validator": validator(rule) });
    let all = |rules: &[Validator]| rules.iter().map(nested).collect::<Vec<_>>();
    let (operation, args) = match rule {
        Validator::Defined => ("defined", vec![]),
        Validator::Empty => ("empty", vec![]),
        Validator::Pattern { regex, flags } => ("pattern", vec![literal(json!([regex, flags]))]),
        Validator::LengthRange { min, max } => ("lengthRange", vec![literal(json!([min, max]))]),
        Validator::Range { min, max } => ("range", vec![literal(json!([min, max]))]),
        Validator::Equals(value) => ("equals", vec![literal(value.clone())]),
        Validator::Not(inner) => ("not", vec![nested(inner)]),
        Validator::And(inner) => ("and", all(inner)),
        Validator::Or(inner) => ("or", all(inner)),
        Validator::Conditional(test, then) => ("conditional", vec![nested(test), nested(then)]),
        Validator::InContext(path, inner) => {
            let path: Vec<&str> = path.iter().map(|step| step.as_str()).collect();
            ("inContext", vec![json!({ "type": "path", "path": path }), nested(inner)])
        }
        Validator::Every(inner) => ("every", vec![nested(inner)]),
        Validator::Any(inner) => ("any", vec![nested(inner)]),
        Validator::Filter(which, inner) => ("filter", vec![nested(which), nested(inner)]),
    };
    json!({ "operation": operation, "args": args })
}
