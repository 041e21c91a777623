//! From the tree of a JSON file to a draft: the model and the settings.

use std::collections::HashMap;

use crate::codes;
use crate::draft::{
    Draft, EntityDraft, EnumDraft, EnumValueDraft, Form, IndexDraft, IndexFieldDraft, OrderDraft, UniqueDraft, ViewDraft,
};
use crate::json::object::{Object, text, wrong};
use crate::json::{acl, fields, validators};
use crate::model::{DateTimeFormat, Direction, Settings};
use crate::node::{Node, NodeValue};
use crate::sdl::structure;
use crate::source::{At, Errors};

pub(super) fn read(node: &Node, errors: &mut Errors) -> Option<Draft> {
    let mut root = Object::new(node, "a schema", errors)?;
    let mut draft = Draft {
        form: Form::Json,
        enums: Vec::new(),
        entities: Vec::new(),
        roles: Vec::new(),
        allows: Vec::new(),
        settings: Settings::default(),
        custom_primary: false,
    };
    let model = root.need("model", errors);
    if let Some(mut model) = model.and_then(|node| Object::new(node, "`model`", errors)) {
        draft.enums = enums(&mut model, errors);
        let types: HashMap<String, String> =
            draft.enums.iter().map(|item| (pg_type(item).to_owned(), item.name.value.clone())).collect();
        for (name, node) in model.map("entities", errors) {
            draft.entities.extend(entity(name, node, &types, errors));
        }
        model.finish(errors);
    }
    if let Some(acl) = root.object("acl", errors) {
        acl::read(acl, &mut draft, errors);
    }
    for (entity, node) in root.map("validation", errors) {
        validators::read(entity, node, &mut draft.entities, errors);
    }
    // Content is the same with and without webhooks.
    root.ignore(&["actions"]);
    if let Some(settings) = root.object("settings", errors) {
        draft.settings = read_settings(settings, errors);
    }
    root.finish(errors);
    Some(draft)
}

fn read_settings(mut settings: Object<'_>, errors: &mut Errors) -> Settings {
    let mut read = Settings::default();
    if let Some(mut content) = settings.object("content", errors) {
        read.short_date_response = content.flag("shortDateResponse", errors).unwrap_or(false);
        read.full_date_time_response = content.flag("fullDateTimeResponse", errors).unwrap_or(false);
        read.use_exists_in_has_many_filter = content.flag("useExistsInHasManyFilter", errors).unwrap_or(false);
        if let Some(format) = content.text("dateTimeResponseFormat", errors) {
            match format.as_str() {
                "legacy" => {}
                "iso8601" => read.date_time_response_format = DateTimeFormat::Iso8601,
                other => {
                    let error = errors.add(format.at, codes::ARGUMENT_TYPE, format!("`{other}` is not a format of timestamps"));
                    error.suggest(other, ["legacy", "iso8601"]);
                }
            }
        }
        if let Some(node) = content.take("uuidVersion") {
            match node.to_json().as_i64() {
                Some(4) => {}
                Some(7) => read.uuid_v7 = true,
                _ => wrong(node, "uuidVersion", "4 or 7", errors),
            }
        }
        content.finish(errors);
    }
    // What actions answer; there are none.
    settings.ignore(&["actions"]);
    settings.finish(errors);
    read
}

fn pg_type(item: &EnumDraft) -> &str {
    item.pg_type.as_ref().map_or(item.name.as_str(), |name| name.as_str())
}

fn enums(model: &mut Object<'_>, errors: &mut Errors) -> Vec<EnumDraft> {
    let mut enums = Vec::new();
    for (name, node) in model.map("enums", errors) {
        let mut values = Vec::new();
        match &node.value {
            NodeValue::List(items) => values.extend(items.iter().filter_map(|item| text(item, "value of an enum", errors))),
            _ => wrong(node, &name.value, "a list of values", errors),
        }
        if values.is_empty() {
            errors.add(name.at, codes::TYPE_EMPTY, format!("enum `{}` has no values", name.value));
        }
        let values = values.into_iter().map(|name| EnumValueDraft { name, description: None, deprecated: None }).collect();
        enums.push(EnumDraft { name: name.clone(), description: None, pg_type: None, values });
    }
    for (name, node) in model.map("enumDetails", errors) {
        let Some(item) = enums.iter_mut().find(|item| item.name.value == name.value) else {
            errors.add(name.at, codes::UNKNOWN_TYPE, format!("unknown enum `{}`", name.value));
            continue;
        };
        if let Some(details) = Object::new(node, format!("enum `{}`", name.value), errors) {
            enum_details(item, details, errors);
        }
    }
    enums
}

fn enum_details(item: &mut EnumDraft, mut details: Object<'_>, errors: &mut Errors) {
    item.description = details.text("description", errors).map(|text| text.value);
    item.pg_type = details.text("type", errors);
    for (name, node) in details.map("values", errors) {
        let Some(mut about) = Object::new(node, format!("value `{}`", name.value), errors) else { continue };
        match item.values.iter_mut().find(|value| value.name.value == name.value) {
            Some(value) => {
                value.description = about.text("description", errors).map(|text| text.value);
                value.deprecated = about.text("deprecationReason", errors).map(|text| text.value);
                about.finish(errors);
            }
            None => {
                errors.add(
                    name.at,
                    codes::UNKNOWN_ENUM_VALUE,
                    format!("enum `{}` has no value `{}`", item.name.value, name.value),
                );
            }
        }
    }
    details.finish(errors);
}

/// The name inside an object repeats its key.
pub(super) fn check_name(object: &mut Object<'_>, key: &At<String>, errors: &mut Errors) {
    if let Some(name) = object.text("name", errors).filter(|name| name.value != key.value) {
        errors.add(name.at, codes::ARGUMENT_CONFLICT, format!("`name` is `{}`, but the key is `{}`", name.value, key.value));
    }
}

fn entity(name: &At<String>, node: &Node, enums: &HashMap<String, String>, errors: &mut Errors) -> Option<EntityDraft> {
    let mut object = Object::new(node, format!("entity `{}`", name.value), errors)?;
    check_name(&mut object, name, errors);
    let mut fields = Vec::new();
    for (name, node) in object.map("fields", errors) {
        fields.push(fields::read(name, node, enums, errors));
    }
    let primary = object.text("primary", errors).unwrap_or_else(|| At::new("id".to_owned(), name.at));
    // The column is given by the field itself.
    object.ignore(&["primaryColumn"]);
    let uniques = object.list("unique", errors).iter().filter_map(|node| unique(node, errors)).collect();
    let indexes = object.list("indexes", errors).iter().filter_map(|node| index(node, errors)).collect();
    let mut event_log = true;
    if let Some(mut log) = object.object("eventLog", errors) {
        event_log = log.flag("enabled", errors).unwrap_or(true);
        log.finish(errors);
    }
    let draft = EntityDraft {
        name: name.clone(),
        description: object.text("description", errors).map(|text| text.value),
        table: object.text("tableName", errors),
        primary,
        fields,
        uniques,
        indexes,
        order_by: order_by(&mut object, errors),
        view: object.object("view", errors).and_then(|view| read_view(view, errors)),
        event_log,
        incomplete: false,
    };
    object.finish(errors);
    Some(draft)
}

fn unique(node: &Node, errors: &mut Errors) -> Option<UniqueDraft> {
    let mut object = Object::new(node, "a unique key", errors)?;
    let mut nulls_not_distinct = false;
    if let Some(nulls) = object.text("nulls", errors) {
        nulls_not_distinct = nulls.value == "not distinct";
        if !["distinct", "not distinct"].contains(&nulls.as_str()) {
            let error = errors.add(nulls.at, codes::ARGUMENT_TYPE, "`nulls` is `distinct` or `not distinct`");
            error.suggest(nulls.as_str(), ["distinct", "not distinct"]);
        }
    }
    let deferred = object.text("timing", errors).and_then(|timing| match timing.as_str() {
        "deferrable" => Some(At::new(false, timing.at)),
        "deferred" => Some(At::new(true, timing.at)),
        other => {
            errors
                .add(timing.at, codes::ARGUMENT_TYPE, "`timing` is `deferrable` or `deferred`")
                .suggest(other, ["deferrable", "deferred"]);
            None
        }
    });
    let draft = UniqueDraft {
        at: object.at,
        fields: object.texts("fields", errors),
        name: object.text("name", errors),
        deferred,
        index: object.flag("index", errors).unwrap_or(false),
        nulls_not_distinct,
        method: object.text("method", errors),
    };
    object.finish(errors);
    Some(draft)
}

fn index(node: &Node, errors: &mut Errors) -> Option<IndexDraft> {
    let mut object = Object::new(node, "an index", errors)?;
    let op_class = object.text("opClass", errors);
    let names = object.texts("fields", errors);
    let mut fields: Vec<IndexFieldDraft> =
        names.into_iter().map(|field| IndexFieldDraft { field, direction: None, op_class: op_class.clone() }).collect();
    for (name, node) in object.map("columnOptions", errors) {
        let Some(mut options) = Object::new(node, "options of a column", errors) else { continue };
        let direction = direction(&mut options, errors);
        let op_class = options.text("opClass", errors);
        options.finish(errors);
        match fields.iter_mut().find(|field| field.field.value == name.value) {
            Some(field) => {
                field.direction = direction;
                field.op_class = op_class.or(field.op_class.take());
            }
            None => {
                let error = errors.add(name.at, codes::UNKNOWN_FIELD, format!("`{}` is not a field of this index", name.value));
                error.suggest(&name.value, fields.iter().map(|field| field.field.as_str()));
            }
        }
    }
    let draft = IndexDraft {
        at: object.at,
        fields,
        name: object.text("name", errors),
        method: object.text("method", errors),
        predicate: object.text("where", errors),
        include: object.texts("include", errors),
    };
    object.finish(errors);
    Some(draft)
}

/// `order` and `nulls`, each optional; PostgreSQL puts nulls last when ascending and first when descending.
fn direction(options: &mut Object<'_>, errors: &mut Errors) -> Option<Direction> {
    let mut word = |key: &'static str, known: [&'static str; 2]| {
        let text = options.text(key, errors)?;
        let found = known.iter().find(|known| **known == text.value);
        if found.is_none() {
            errors
                .add(text.at, codes::ARGUMENT_TYPE, format!("`{key}` is `{}` or `{}`", known[0], known[1]))
                .suggest(text.as_str(), known);
        }
        found.copied()
    };
    let order = word("order", ["asc", "desc"]);
    let nulls = word("nulls", ["first", "last"]);
    match (order, nulls) {
        (None, None) => None,
        (Some("desc"), Some("last")) => Some(Direction::DescNullsLast),
        (Some("desc"), _) => Some(Direction::Desc),
        (_, Some("first")) => Some(Direction::AscNullsFirst),
        _ => Some(Direction::Asc),
    }
}

/// `orderBy` of an entity or a relation.
pub(super) fn order_by(object: &mut Object<'_>, errors: &mut Errors) -> Vec<OrderDraft> {
    let mut orders = Vec::new();
    for node in object.list("orderBy", errors) {
        let Some(mut order) = Object::new(node, "an order", errors) else { continue };
        let path = order.texts("path", errors);
        let word = order.text("direction", errors);
        let direction = word.map_or(Some(Direction::Asc), |word| structure::direction(&word.value, word.at, errors));
        if path.is_empty() {
            errors.add(order.at, codes::MISSING_ARGUMENT, "an order needs a `path`");
        } else if let Some(direction) = direction {
            orders.push(OrderDraft { path, direction });
        }
        order.finish(errors);
    }
    orders
}

fn read_view(mut view: Object<'_>, errors: &mut Errors) -> Option<ViewDraft> {
    let sql = view.need_text("sql", errors);
    let dependencies = view.texts("dependencies", errors);
    let id_source = view.texts("idSource", errors);
    let materialized = view.flag("materialized", errors).unwrap_or(false);
    view.finish(errors);
    sql.map(|sql| ViewDraft { sql, dependencies, id_source, materialized })
}
