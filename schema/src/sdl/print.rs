//! Writing canonical SDL: what has its default is left out, permissions stand beside what they protect.

use std::fmt::Write as _;

use serde_json::Value;

use crate::acl::{EntityGrants, Role, Variable};
use crate::check::{JunctionNames, built_in, plain_role, snake};
use crate::encryption::Encryption;
use crate::json::predefined_name;
use crate::model::{
    Column, ColumnKind, DateTimeFormat, Entity, EnumType, Field, FieldKind, Index, OnDelete, OrderBy, Relation, RelationKind,
    Schema, Sequence, Unique, UniqueKind,
};
use crate::node::{is_writable, quote, write};
use crate::sdl::objects;
use crate::sdl::print_allow;
use crate::sdl::print_rules;
use crate::sdl::read::DEFAULT_DEPRECATION;
use crate::sdl::structure::direction_name;
use crate::search::{Language, Search, Weight};

/// A directive under construction.
pub(super) struct Written {
    name: &'static str,
    arguments: Vec<String>,
}

impl Written {
    pub fn new(name: &'static str) -> Self {
        Self { name, arguments: Vec::new() }
    }

    /// An argument in GraphQL's syntax.
    pub fn raw(mut self, argument: &str, value: impl AsRef<str>) -> Self {
        self.arguments.push(format!("{argument}: {}", value.as_ref()));
        self
    }

    pub fn raw_some(self, argument: &str, value: Option<impl AsRef<str>>) -> Self {
        match value {
            Some(value) => self.raw(argument, value),
            None => self,
        }
    }

    pub fn text(self, argument: &str, value: Option<&str>) -> Self {
        self.raw_some(argument, value.map(quote))
    }

    pub fn texts<'a>(self, argument: &str, values: impl IntoIterator<Item = &'a str>) -> Self {
        let values: Vec<String> = values.into_iter().map(quote).collect();
        if values.is_empty() { self } else { self.raw(argument, format!("[{}]", values.join(", "))) }
    }

    pub fn flag(self, argument: &str, value: bool) -> Self {
        if value { self.raw(argument, "true") } else { self }
    }

    pub fn is_bare(&self) -> bool {
        self.arguments.is_empty()
    }

    pub fn done(self) -> String {
        if self.arguments.is_empty() {
            format!("@{}", self.name)
        } else {
            format!("@{}({})", self.name, self.arguments.join(", "))
        }
    }
}

impl Schema {
    /// The schema as canonical SDL; reading it gives the same schema.
    #[must_use]
    pub fn to_sdl(&self) -> String {
        let mut parts = Vec::new();
        parts.extend(extension(self));
        parts.extend(self.enums.values().map(enum_type));
        parts.extend(self.entities.values().map(|entity| print_entity(self, entity)));
        parts.join("\n")
    }
}

/// `extend schema` with settings and roles, if there are any.
fn extension(schema: &Schema) -> Option<String> {
    let settings = &schema.settings;
    let iso = settings.date_time_response_format == DateTimeFormat::Iso8601;
    let written = Written::new("settings")
        .flag("shortDateResponse", settings.short_date_response)
        .flag("fullDateTimeResponse", settings.full_date_time_response)
        .raw_some("dateTimeResponseFormat", iso.then_some("iso8601"))
        .raw_some("uuidVersion", settings.uuid_v7.then_some("7"))
        .flag("useExistsInHasManyFilter", settings.use_exists_in_has_many_filter)
        .flag("customPrimary", schema.custom_primary);
    let mut directives = Vec::new();
    if !written.is_bare() {
        directives.push(written.done());
    }
    directives.extend(schema.roles.values().filter(|role| built_in(role.name.as_str()).as_ref() != Some(*role)).map(role));
    if directives.is_empty() {
        return None;
    }
    Some(format!("extend schema\n  {}\n", directives.join("\n  ")))
}

fn role(role: &Role) -> String {
    let base = plain_role(role.name.as_str());
    let differs = |value: bool, base: bool| (value != base).then(|| value.to_string());
    let everything = matches!(role.entities, EntityGrants::Everything);
    let variables: Vec<String> = role.variables.iter().map(|(name, item)| variable(name.as_str(), item)).collect();
    let membership = (role.assume_membership != base.assume_membership)
        .then(|| role.assume_membership.as_ref().map_or("false".to_owned(), write));
    Written::new("role")
        .text("name", Some(role.name.as_str()))
        .texts("inherits", role.inherits.iter().map(|name| name.as_str()))
        .raw_some("implicit", differs(role.implicit, base.implicit))
        .raw_some("debug", differs(role.debug, base.debug))
        .raw_some("variables", (!variables.is_empty()).then(|| format!("[{}]", variables.join(", "))))
        .raw_some("everything", differs(everything, matches!(base.entities, EntityGrants::Everything)))
        .raw_some("assumeMembership", membership)
        .raw_some("assumeIdentity", differs(role.assume_identity, base.assume_identity))
        .raw_some("history", differs(role.history, base.history))
        .raw_some("migrate", differs(role.migrate, base.migrate))
        .raw_some("s3", (role.objects != base.objects).then(|| objects::print(&role.objects)))
        .done()
}

fn variable(name: &str, variable: &Variable) -> String {
    let (kind, fallback) = match variable {
        Variable::Entity { entity, fallback } => (format!("entity: {}", quote(entity.as_str())), fallback.as_ref()),
        Variable::Predefined(value) => (format!("caller: {}", predefined_name(*value)), None),
        Variable::Condition { fallback } => ("condition: true".to_owned(), fallback.as_ref()),
    };
    let fallback = fallback.map(|value| format!(", fallback: {}", write(value))).unwrap_or_default();
    format!("{{ name: {}, {kind}{fallback} }}", quote(name))
}

fn description(text: Option<&String>, indent: &str) -> String {
    text.map(|text| format!("{indent}{}\n", string(text, indent))).unwrap_or_default()
}

/// A text, as a block where that is easier to read and says the same (GraphQL October 2021, 2.9.4).
fn string(text: &str, indent: &str) -> String {
    let lines: Vec<&str> = text.split('\n').collect();
    let is_blank = |line: &str| line.chars().all(|c| c == ' ' || c == '\t');
    let is_plain = |c: char| c == '\n' || c == '\t' || !c.is_control();
    // Common indentation and blank lines at the ends would be taken for layout.
    let begins_at_margin = lines.iter().any(|line| !is_blank(line) && !line.starts_with([' ', '\t']));
    let blank_ends = is_blank(lines[0]) || lines.last().is_some_and(|line| is_blank(line));
    if lines.len() == 1
        || blank_ends
        || !begins_at_margin
        || !text.chars().all(is_plain)
        || text.contains("\"\"\"")
        || text.ends_with('\\')
    {
        return quote(text);
    }
    let mut block = "\"\"\"".to_owned();
    for line in lines {
        let line = if is_blank(line) { line.to_owned() } else { format!("{indent}{line}") };
        let _ = write!(block, "\n{line}");
    }
    format!("{block}\n{indent}\"\"\"")
}

fn deprecation(reason: Option<&String>) -> Option<String> {
    let reason = reason?;
    Some(Written::new("deprecated").text("reason", Some(reason.as_str()).filter(|reason| *reason != DEFAULT_DEPRECATION)).done())
}

fn enum_type(item: &EnumType) -> String {
    let mut text = description(item.description.as_ref(), "");
    let _ = write!(text, "enum {}", item.name);
    if item.pg_type.as_str() != item.name.as_str() {
        let _ = write!(text, " @enum(type: {})", quote(item.pg_type.as_str()));
    }
    text.push_str(" {\n");
    for value in &item.values {
        text.push_str(&description(value.description.as_ref(), "  "));
        let deprecated = deprecation(value.deprecated.as_ref()).map(|directive| format!(" {directive}")).unwrap_or_default();
        let _ = writeln!(text, "  {}{deprecated}", value.name);
    }
    text.push_str("}\n");
    text
}

fn print_entity(schema: &Schema, entity: &Entity) -> String {
    let mut text = description(entity.description.as_ref(), "");
    let mut directives = Vec::new();
    if entity.table.as_str() != snake(entity.name.as_str()) {
        directives.push(Written::new("table").text("name", Some(entity.table.as_str())).done());
    }
    if let Some(view) = &entity.view {
        let written = Written::new("view")
            .raw("sql", string(&view.sql, "  "))
            .texts("dependencies", view.dependencies.iter().map(|name| name.as_str()))
            .texts("idSource", view.id_source.iter().map(|name| name.as_str()))
            .flag("materialized", view.materialized);
        directives.push(written.done());
    }
    let on_fields = Keys::of(entity);
    directives.extend(entity.uniques[on_fields.uniques..].iter().map(|item| unique(item, true)));
    directives.extend(entity.indexes[on_fields.indexes..].iter().map(|item| index(item, true)));
    if !entity.order_by.is_empty() {
        directives.push(Written::new("orderBy").raw("fields", orders(&entity.order_by)).done());
    }
    if !entity.event_log {
        directives.push(Written::new("eventLog").raw("enabled", "false").done());
    }
    directives.extend(print_allow::allows(schema, entity));
    let _ = write!(text, "type {}", entity.name);
    if directives.is_empty() {
        text.push_str(" {\n");
    } else {
        let _ = write!(text, "\n  {}\n{{\n", directives.join("\n  "));
    }
    for field in entity.fields.values().filter(|field| !is_implied(entity, field)) {
        text.push_str(&print_field(entity, field, &on_fields));
    }
    text.push_str("}\n");
    text
}

/// How many of an entity's keys are written on their fields. The reader finds those first, in the order of the fields, so they must be the first ones.
struct Keys {
    uniques: usize,
    indexes: usize,
}

impl Keys {
    fn of(entity: &Entity) -> Self {
        let place = |fields: &[&crate::names::FieldName]| match fields {
            [field] => entity.fields.get_index_of(*field),
            _ => None,
        };
        let uniques = entity.uniques.iter().map(|unique| place(&unique.fields.iter().collect::<Vec<_>>()));
        let plain =
            |index: &Index| matches!(index.fields.as_slice(), [field] if field.direction.is_none() && field.op_class.is_none());
        let indexes = entity.indexes.iter().map(|index| {
            let fields: Vec<_> = index.fields.iter().map(|field| &field.field).collect();
            place(&fields).filter(|_| plain(index))
        });
        let places = |places: Vec<Option<usize>>| {
            let rising = |index: &usize| match (places[*index], index.checked_sub(1)) {
                (Some(place), Some(before)) => places[before].is_some_and(|before| before <= place),
                (place, None) => place.is_some(),
                (None, _) => false,
            };
            (0..places.len()).take_while(rising).count()
        };
        // `id: UUID!` is not written, so nothing can be written on it.
        let implied = entity.fields.values().next().is_some_and(|first| is_implied(entity, first));
        let visible = |place: Option<usize>| place.filter(|place| !(implied && *place == 0));
        Self { uniques: places(uniques.map(visible).collect()), indexes: places(indexes.map(visible).collect()) }
    }
}

/// The `id: UUID!` that every entity has without saying so.
fn is_implied(entity: &Entity, field: &Field) -> bool {
    let FieldKind::Column(column) = &field.kind else { return false };
    let plain = Column {
        column: column.column.clone(),
        kind: ColumnKind::Uuid,
        pg_type: "uuid".to_owned(),
        list: false,
        nullable: false,
        default: None,
        sequence: None,
        type_alias: None,
        collation: None,
        json_schema: None,
        search: None,
        encryption: None,
    };
    let is_id = field.name.as_str() == "id" && entity.primary == field.name && entity.fields.get_index_of(&field.name) == Some(0);
    let says_nothing = field.description.is_none() && field.deprecated.is_none() && field.rules.is_empty();
    is_id && says_nothing && *column == plain && column.column.as_str() == "id" && entity.fields.len() > 1
}

fn unique(unique: &Unique, on_type: bool) -> String {
    let fields = unique.fields.iter().map(|field| field.as_str()).filter(|_| on_type);
    let written = Written::new("unique").texts("fields", fields).text("name", unique.name.as_ref().map(|name| name.as_str()));
    match &unique.kind {
        UniqueKind::Immediate => written,
        UniqueKind::Deferrable => written.raw("timing", "DEFERRABLE"),
        UniqueKind::Deferred => written.raw("timing", "DEFERRED"),
        UniqueKind::Index { nulls_not_distinct, method } => {
            written.flag("index", true).flag("nullsNotDistinct", *nulls_not_distinct).text("method", method.as_deref())
        }
    }
    .done()
}

fn index(index: &Index, on_type: bool) -> String {
    let key = |field: &crate::model::IndexField| {
        let direction = field.direction.map(direction_name);
        match &field.op_class {
            Some(class) => {
                let direction = direction.map(|word| format!(", direction: {}", quote(word))).unwrap_or_default();
                format!("{{ field: {}{direction}, opClass: {} }}", quote(field.field.as_str()), quote(class))
            }
            None => quote(&direction.map_or_else(|| field.field.as_str().to_owned(), |word| format!("{} {word}", field.field))),
        }
    };
    let keys: Vec<String> = index.fields.iter().map(key).collect();
    Written::new("index")
        .raw_some("fields", on_type.then(|| format!("[{}]", keys.join(", "))))
        .text("name", index.name.as_ref().map(|name| name.as_str()))
        .text("method", index.method.as_deref())
        .text("where", index.predicate.as_deref())
        .texts("include", index.include.iter().map(|field| field.as_str()))
        .done()
}

fn orders(orders: &[OrderBy]) -> String {
    let order = |order: &OrderBy| {
        let path: Vec<&str> = order.path.iter().map(|step| step.as_str()).collect();
        let direction = match order.direction {
            crate::model::Direction::Asc => String::new(),
            other => format!(" {}", direction_name(other)),
        };
        quote(&format!("{}{direction}", path.join(".")))
    };
    format!("[{}]", orders.iter().map(order).collect::<Vec<_>>().join(", "))
}

fn orders_some(items: &[OrderBy]) -> Option<String> {
    (!items.is_empty()).then(|| orders(items))
}

fn print_field(entity: &Entity, field: &Field, keys: &Keys) -> String {
    let mut directives: Vec<String> = Vec::new();
    let ty = match &field.kind {
        FieldKind::Column(column) => {
            if entity.primary == field.name && field.name.as_str() != "id" {
                directives.push("@primary".to_owned());
            }
            column_directives(field, column, &mut directives);
            wrap(graphql_name(&column.kind), column.list, column.nullable)
        }
        FieldKind::Relation(relation) => {
            directives.extend(relation_directives(entity, field, relation));
            relation_type(relation)
        }
    };
    let is_here = |fields: &[crate::names::FieldName]| fields == std::slice::from_ref(&field.name);
    directives.extend(entity.uniques[..keys.uniques].iter().filter(|item| is_here(&item.fields)).map(|item| unique(item, false)));
    directives.extend(
        entity.indexes[..keys.indexes].iter().filter(|item| item.fields[0].field == field.name).map(|item| index(item, false)),
    );
    directives.extend(field.rules.iter().map(print_rules::rule));
    directives.extend(deprecation(field.deprecated.as_ref()));
    let directives: String = directives.iter().map(|directive| format!(" {directive}")).collect();
    format!("{}  {}: {ty}{directives}\n", description(field.description.as_ref(), "  "), field.name)
}

fn wrap(name: &str, list: bool, nullable: bool) -> String {
    let inner = if list { format!("[{name}!]") } else { name.to_owned() };
    if nullable { inner } else { format!("{inner}!") }
}

fn graphql_name(kind: &ColumnKind) -> &str {
    match kind {
        ColumnKind::Uuid => "UUID",
        ColumnKind::String => "String",
        ColumnKind::Integer => "Int",
        ColumnKind::Double => "Float",
        ColumnKind::Numeric => "Decimal",
        ColumnKind::Bool => "Boolean",
        ColumnKind::Enum(name) => name.as_str(),
        ColumnKind::DateTime => "DateTime",
        ColumnKind::Date => "Date",
        ColumnKind::Time => "Time",
        ColumnKind::Json => "Json",
        ColumnKind::StoredImage => "StoredImage",
    }
}

fn column_directives(field: &Field, column: &Column, directives: &mut Vec<String>) {
    let name = Some(column.column.as_str()).filter(|name| *name != snake(field.name.as_str()));
    let own_type = column.default_pg_type().filter(|default| *default != column.pg_type).map(|_| column.pg_type.as_str());
    let collation = column.collation.as_ref().map(|name| name.as_str());
    let storage = Written::new("column").text("name", name).text("type", own_type).text("collation", collation);
    if !storage.is_bare() {
        directives.push(storage.done());
    }
    if let Some(Sequence { always, start }) = &column.sequence {
        directives.push(
            Written::new("sequence").flag("always", *always).raw_some("start", start.map(|start| start.to_string())).done(),
        );
    }
    directives.extend(column.default.as_ref().map(|value| default(value, &column.kind)));
    if let Some(alias) = &column.type_alias {
        directives.push(Written::new("scalar").text("name", Some(alias)).done());
    }
    if let Some(schema) = &column.json_schema {
        directives.push(Written::new("jsonSchema").text("schema", Some(&schema.to_string())).done());
    }
    if let Some(Search { language, weight }) = column.search {
        let language = Some(language.name()).filter(|_| language != Language::SIMPLE);
        let weight = Some(weight.name()).filter(|_| weight != Weight::default());
        directives.push(Written::new("searchable").text("language", language).raw_some("weight", weight).done());
    }
    if let Some(Encryption { lookup }) = column.encryption {
        directives.push(Written::new("encrypted").flag("lookup", lookup).done());
    }
}

fn default(value: &Value, kind: &ColumnKind) -> String {
    let written = Written::new("default");
    match value {
        // A bare name reads better where the type is an enum.
        Value::String(name) if matches!(kind, ColumnKind::Enum(_)) => written.raw("value", name),
        Value::Null => written.text("json", Some("null")),
        _ if is_writable(value) => written.raw("value", write(value)),
        _ => written.text("json", Some(&value.to_string())),
    }
    .done()
}

fn relation_type(relation: &Relation) -> String {
    let nullable = match &relation.kind {
        RelationKind::ManyHasOne { nullable, .. }
        | RelationKind::OneHasOneOwning { nullable, .. }
        | RelationKind::OneHasOneInverse { nullable, .. } => *nullable,
        RelationKind::OneHasMany { .. } | RelationKind::ManyHasManyOwning { .. } | RelationKind::ManyHasManyInverse { .. } => {
            true
        }
    };
    wrap(relation.target.as_str(), relation.is_has_many(), nullable)
}

fn on_delete(on_delete: OnDelete, default: OnDelete) -> Option<&'static str> {
    (on_delete != default).then_some(match on_delete {
        OnDelete::Restrict => "RESTRICT",
        OnDelete::Cascade => "CASCADE",
        OnDelete::SetNull => "SET_NULL",
    })
}

fn relation_directives(entity: &Entity, field: &Field, relation: &Relation) -> Vec<String> {
    let own_column =
        |column: &str| Some(column.to_owned()).filter(|column| *column != format!("{}_id", snake(field.name.as_str())));
    let written = match &relation.kind {
        RelationKind::ManyHasOne { joining, .. } => Written::new("relation")
            .raw_some("onDelete", on_delete(joining.on_delete, OnDelete::Restrict))
            .text("column", own_column(joining.column.as_str()).as_deref()),
        RelationKind::OneHasOneOwning { joining, orphan_removal, .. } => {
            let written = Written::new("oneToOne")
                .raw_some("onDelete", on_delete(joining.on_delete, OnDelete::Restrict))
                .text("column", own_column(joining.column.as_str()).as_deref())
                .flag("removeOrphan", *orphan_removal);
            return vec![written.done()];
        }
        RelationKind::ManyHasManyOwning { joining_table, order_by, .. } => {
            let default = JunctionNames::of(entity.name.as_str(), field.name.as_str(), relation.target.as_str());
            let own = |name: &crate::ident::Ident, default: &str| Some(name.as_str().to_owned()).filter(|name| name != default);
            let written = Written::new("relation")
                .raw_some("onDelete", on_delete(joining_table.owner.on_delete, OnDelete::Cascade))
                .raw_some("orderBy", orders_some(order_by))
                .text("column", own(&joining_table.owner.column, &default.owner).as_deref())
                .text("table", own(&joining_table.table, &default.table).as_deref())
                .text("targetColumn", own(&joining_table.target.column, &default.target).as_deref())
                .raw_some("targetOnDelete", on_delete(joining_table.target.on_delete, OnDelete::Cascade));
            let log = (!joining_table.event_log).then(|| Written::new("eventLog").raw("enabled", "false").done());
            return Some(written).filter(|written| !written.is_bare()).map(Written::done).into_iter().chain(log).collect();
        }
        RelationKind::OneHasMany { owned_by, order_by } | RelationKind::ManyHasManyInverse { owned_by, order_by } => {
            Written::new("inverse").text("of", Some(owned_by.as_str())).raw_some("orderBy", orders_some(order_by))
        }
        RelationKind::OneHasOneInverse { owned_by, .. } => Written::new("inverse").text("of", Some(owned_by.as_str())),
    };
    Some(written).filter(|written| !written.is_bare()).map(Written::done).into_iter().collect()
}
