//! From the tree of an SDL file to a draft: which type each field has and what its directives say.

use std::collections::HashSet;

use crate::codes;
use crate::draft::{Draft, EntityDraft, EnumDraft, EnumValueDraft, Form, ViewDraft};
use crate::model::{DateTimeFormat, Settings};
use crate::sdl::definitions::{Checked, check};
use crate::sdl::syntax::{Definition, Directive, Document, EnumDef, ObjectDef, SchemaDef};
use crate::sdl::{fields, permissions, structure};
use crate::source::{At, Errors};

/// Scalars of the schema language by name.
pub(crate) const SCALARS: [&str; 12] =
    ["UUID", "String", "Int", "Float", "Decimal", "Boolean", "DateTime", "Date", "Time", "Json", "StoredImage", "ID"];

/// Names that a field's type can have.
pub(crate) struct TypeNames<'a> {
    pub entities: HashSet<&'a str>,
    pub enums: HashSet<&'a str>,
}

pub(crate) fn read(document: &Document, errors: &mut Errors) -> Draft {
    let names = TypeNames {
        entities: document.definitions.iter().filter_map(entity_name).collect(),
        enums: document.definitions.iter().filter_map(enum_name).collect(),
    };
    let mut draft = Draft {
        form: Form::Sdl,
        enums: Vec::new(),
        entities: Vec::new(),
        roles: Vec::new(),
        allows: Vec::new(),
        settings: Settings::default(),
        custom_primary: false,
    };
    let mut has_settings = false;
    for definition in &document.definitions {
        match definition {
            Definition::Schema(schema) => read_schema(schema, &mut draft, &mut has_settings, errors),
            Definition::Object(object) => {
                let entity = read_entity(object, &names, &mut draft, errors);
                draft.entities.push(entity);
            }
            Definition::Enum(item) => draft.enums.push(read_enum(item, errors)),
            Definition::Directive(directive) => unsupported(directive.name.at, "directives of its own", errors),
            Definition::Input(input) => unsupported(input.name.at, "input types", errors),
            Definition::Other { at, what } => unsupported(*at, what, errors),
        }
    }
    draft
}

fn entity_name(definition: &Definition) -> Option<&str> {
    match definition {
        Definition::Object(object) => Some(object.name.as_str()),
        _ => None,
    }
}

fn enum_name(definition: &Definition) -> Option<&str> {
    match definition {
        Definition::Enum(item) => Some(item.name.as_str()),
        _ => None,
    }
}

fn unsupported(at: usize, what: &str, errors: &mut Errors) {
    let hint = match what {
        "scalars" => {
            "give a field another scalar's name with `@scalar(name: …)`; the scalars of the schema language need no definition"
        }
        "operations and fragments" => "a schema file has types, enums and `extend schema`",
        "extensions of types" => "write all fields in one `type`",
        _ => "a schema file has types, enums and `extend schema` only",
    };
    errors.add(at, codes::DEFINITION_UNSUPPORTED, format!("a schema has no {what}")).hint(hint);
}

fn read_schema(schema: &SchemaDef, draft: &mut Draft, has_settings: &mut bool, errors: &mut Errors) {
    if schema.has_roots {
        let error = errors.add(schema.at, codes::DEFINITION_UNSUPPORTED, "the API's root types are made by the server");
        error.hint("write `extend schema @role(…)` without braces");
    }
    for directive in check(&schema.directives, "SCHEMA", errors) {
        match directive.name() {
            "role" => draft.roles.extend(permissions::role(directive, errors)),
            _ if *has_settings => {
                errors.add(directive.at(), codes::DIRECTIVE_REPEATED, "`@settings` is given twice");
            }
            _ => {
                *has_settings = true;
                read_settings(directive, draft, errors);
            }
        }
    }
}

fn read_settings(directive: Checked<'_>, draft: &mut Draft, errors: &mut Errors) {
    let flag = |name| directive.flag(name).unwrap_or(false);
    let iso = directive.word("dateTimeResponseFormat").is_some_and(|word| word.value == "iso8601");
    let version = directive.int("uuidVersion");
    if let Some(version) = version.filter(|version| ![4, 7].contains(version)) {
        let at = directive.node("uuidVersion").map_or(directive.at(), |node| node.at);
        errors.add(at, codes::ARGUMENT_TYPE, format!("`uuidVersion` is 4 or 7, not {version}"));
    }
    draft.custom_primary = flag("customPrimary");
    draft.settings = Settings {
        short_date_response: flag("shortDateResponse"),
        full_date_time_response: flag("fullDateTimeResponse"),
        date_time_response_format: if iso { DateTimeFormat::Iso8601 } else { DateTimeFormat::Legacy },
        uuid_v7: version == Some(7),
        use_exists_in_has_many_filter: flag("useExistsInHasManyFilter"),
    };
}

fn read_enum(item: &EnumDef, errors: &mut Errors) -> EnumDraft {
    let pg_type = check(&item.directives, "ENUM", errors).first().and_then(|directive| directive.text("type"));
    let mut values = Vec::new();
    for value in &item.values {
        let deprecated = deprecation(&check(&value.directives, "ENUM_VALUE", errors));
        values.push(EnumValueDraft { name: value.name.clone(), description: value.description.clone(), deprecated });
    }
    if item.values.is_empty() && !item.incomplete {
        errors.add(item.name.at, codes::TYPE_EMPTY, format!("enum `{}` has no values", item.name.value));
    }
    EnumDraft { name: item.name.clone(), description: item.description.clone(), pg_type, values }
}

/// The reason of `@deprecated`, if it is there.
pub(crate) fn deprecation(directives: &[Checked<'_>]) -> Option<String> {
    let directive = directives.iter().find(|directive| directive.name() == "deprecated")?;
    Some(directive.text("reason").map_or_else(|| DEFAULT_DEPRECATION.to_owned(), |reason| reason.value))
}

/// GraphQL October 2021, 3.13.3.
pub(crate) const DEFAULT_DEPRECATION: &str = "No longer supported";

fn read_entity(object: &ObjectDef, names: &TypeNames<'_>, draft: &mut Draft, errors: &mut Errors) -> EntityDraft {
    let name = &object.name;
    if object.has_interfaces {
        let error = errors.add(name.at, codes::DEFINITION_UNSUPPORTED, format!("`{}` cannot implement interfaces", name.value));
        error.hint("write the fields in the type itself");
    }
    if object.fields.is_empty() && !object.incomplete {
        errors.add(name.at, codes::TYPE_EMPTY, format!("type `{}` has no fields", name.value));
    }
    let mut entity = EntityDraft {
        name: name.clone(),
        description: object.description.clone(),
        table: None,
        primary: At::new("id".to_owned(), name.at),
        fields: Vec::new(),
        uniques: Vec::new(),
        indexes: Vec::new(),
        order_by: Vec::new(),
        view: None,
        event_log: true,
        incomplete: object.incomplete,
    };
    for field in &object.fields {
        fields::read(field, names, &mut entity, errors);
    }
    fields::add_primary(&mut entity);
    read_entity_directives(&object.directives, &mut entity, draft, errors);
    entity
}

fn read_entity_directives(directives: &[Directive], entity: &mut EntityDraft, draft: &mut Draft, errors: &mut Errors) {
    for directive in check(directives, "OBJECT", errors) {
        match directive.name() {
            "allow" => draft.allows.extend(permissions::allow(directive, &entity.name, errors)),
            "unique" => entity.uniques.extend(structure::unique(directive, None, errors)),
            "index" => entity.indexes.extend(structure::index(directive, None, errors)),
            "orderBy" => entity.order_by = structure::order_by(directive.node("fields"), errors),
            "table" => entity.table = directive.text("name"),
            "eventLog" => entity.event_log = directive.flag("enabled").unwrap_or(true),
            "view" => {
                entity.view = directive.text("sql").map(|sql| ViewDraft {
                    sql,
                    dependencies: directive.texts("dependencies"),
                    id_source: directive.texts("idSource"),
                    materialized: directive.flag("materialized").unwrap_or(false),
                });
            }
            other => unreachable!("`@{other}` stands on types in directives.graphql and is not read"),
        }
    }
}
