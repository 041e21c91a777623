//! Names: their form, those the API needs for itself, and that each is given once.

use std::collections::{HashMap, HashSet};

use crate::check::{World, entities};
use crate::codes;
use crate::draft::{Draft, EntityDraft, FieldKindDraft};
use crate::ident::{Ident, IdentError};
use crate::model::{FieldKind, RelationKind};
use crate::names::{MAX_NAME_BYTES, is_name};
use crate::search;
use crate::source::{At, Errors};

/// Types of the API that are not made from entities (content API, sections 4 and 5, and GraphQL's own).
const API_TYPES: [&str; 52] = [
    "Query",
    "Mutation",
    "Subscription",
    "QueryTransaction",
    "MutationTransaction",
    "MutationTransactionOptions",
    "MutationResult",
    "PageInfo",
    "FieldMeta",
    "OrderDirection",
    "Info",
    "StoredImage",
    "RefreshMaterializedViewOptions",
    "RefreshMaterializedViewResponse",
    "_MaterializedView",
    "_MutationError",
    "_MutationErrorType",
    "_PathFragment",
    "_FieldPathFragment",
    "_IndexPathFragment",
    "_ValidationResult",
    "_ValidationError",
    "_ValidationMessage",
    "_Schema",
    "_Enum",
    "_Entity",
    "_UniqueConstraint",
    "_Field",
    "_Column",
    "_Relation",
    "_Rule",
    "_RuleMessage",
    "_Validator",
    "_Argument",
    "_ValidatorArgument",
    "_PathArgument",
    "_LiteralArgument",
    "_OrderBy",
    "_OrderByDirection",
    "_OnDeleteBehaviour",
    "_RelationSide",
    "UUID",
    "String",
    "Int",
    "Float",
    "Decimal",
    "Boolean",
    "DateTime",
    "Date",
    "Time",
    "Json",
    "ID",
];

/// What the API appends to an entity's name (content API, section 4).
const API_SUFFIXES: [&str; 12] = [
    "Meta",
    "Where",
    "UniqueWhere",
    "OrderBy",
    "Connection",
    "Edge",
    "CreateInput",
    "UpdateInput",
    "CreateResult",
    "UpdateResult",
    "UpsertResult",
    "DeleteResult",
];

const RESERVED_FIELDS: [&str; 8] = ["and", "or", "not", "_meta", "_random", "_randomSeeded", "_dummy_field_", "__typename"];

pub(super) fn check(draft: &Draft, errors: &mut Errors) {
    let mut types: HashMap<String, String> = HashMap::new();
    for item in &draft.enums {
        let graphql = capital(&item.name.value);
        type_name(&item.name, "enum", graphql, &mut types, errors);
        let mut values = HashSet::new();
        for value in &item.values {
            let reserved = ["true", "false", "null"].contains(&value.name.as_str());
            if reserved {
                errors.add(value.name.at, codes::NAME_RESERVED, format!("`{}` cannot be a value of an enum", value.name.value));
            } else {
                well_formed(&value.name, "value of an enum", errors);
            }
            if !values.insert(value.name.as_str()) {
                let message = format!("enum `{}` has the value `{}` twice", item.name.value, value.name.value);
                errors.add(value.name.at, codes::NAME_TAKEN, message);
            }
        }
    }
    for entity in &draft.entities {
        type_name(&entity.name, "entity", entity.name.value.clone(), &mut types, errors);
    }
    for entity in &draft.entities {
        generated_names(&entity.name, &types, draft, errors);
        fields(entity, errors);
    }
    aliases(draft, &types, errors);
}

fn type_name(name: &At<String>, what: &str, graphql: String, types: &mut HashMap<String, String>, errors: &mut Errors) {
    let sound = well_formed(name, what, errors);
    if ["and", "or", "not"].contains(&name.as_str()) || API_TYPES.contains(&graphql.as_str()) || name.value.starts_with("__") {
        let error =
            errors.add(name.at, codes::NAME_RESERVED, format!("`{}` is a name that the API needs for itself", name.value));
        error.hint("give it another name");
    } else if let Some(other) = types.insert(graphql, format!("{what} `{}`", name.value))
        && sound
    {
        errors.add(
            name.at,
            codes::NAME_TAKEN,
            format!("{what} `{}` has the name of the {other} that was defined before", name.value),
        );
    }
}

/// `XMeta` beside `X`, and its like.
fn generated_names(name: &At<String>, types: &HashMap<String, String>, draft: &Draft, errors: &mut Errors) {
    for suffix in API_SUFFIXES {
        let generated = format!("{}{suffix}", name.value);
        if !types.contains_key(&generated) {
            continue;
        }
        let entity = draft.entities.iter().map(|entity| &entity.name).find(|other| other.value == generated);
        let at = entity.or_else(|| draft.enums.iter().map(|item| &item.name).find(|other| capital(&other.value) == generated));
        if let Some(at) = at {
            let message = format!("`{}` is the name of a type that the API makes for `{}`", at.value, name.value);
            errors.add(at.at, codes::NAME_RESERVED, message).hint("give it another name");
        }
    }
}

fn fields(entity: &EntityDraft, errors: &mut Errors) {
    let mut seen: HashSet<&str> = HashSet::new();
    for field in &entity.fields {
        let name = &field.name;
        if RESERVED_FIELDS.contains(&name.as_str()) || name.value.starts_with("__") {
            let error =
                errors.add(name.at, codes::NAME_RESERVED, format!("`{}` is a name that the API needs for itself", name.value));
            error.hint("give the field another name");
        } else {
            well_formed(name, "field", errors);
        }
        if !seen.insert(name.as_str()) {
            errors.add(name.at, codes::NAME_TAKEN, format!("`{}` has the field `{}` twice", entity.name.value, name.value));
        }
    }
    for field in &entity.fields {
        let page = format!("paginate{}", capital(field.name.as_str()));
        let is_relation = matches!(field.kind, Some(FieldKindDraft::Relation(_)));
        if let Some(clash) = entity.fields.iter().find(|other| is_relation && other.name.value == page) {
            let message = format!("`{page}` is the name of a field that the API makes for `{}`", field.name.value);
            errors.add(clash.name.at, codes::NAME_RESERVED, message).hint("give the field another name");
        }
    }
}

/// A scalar's other name stands for one kind of values everywhere.
fn aliases(draft: &Draft, types: &HashMap<String, String>, errors: &mut Errors) {
    let mut kinds = HashMap::new();
    for field in draft.entities.iter().flat_map(|entity| &entity.fields) {
        let Some(FieldKindDraft::Column(column)) = &field.kind else { continue };
        let Some(alias) = &column.type_alias else { continue };
        if !well_formed(alias, "scalar", errors) {
            continue;
        }
        if API_TYPES.contains(&alias.as_str()) || types.contains_key(alias.as_str()) {
            errors
                .add(alias.at, codes::SCALAR_INVALID, format!("`{}` is another type already", alias.value))
                .hint("give the scalar another name");
        } else if kinds.entry(alias.as_str()).or_insert(&column.kind.value) != &&column.kind.value {
            let message = format!("the scalar `{}` stands for another type of values elsewhere", alias.value);
            errors.add(alias.at, codes::SCALAR_INVALID, message).hint("give one of them another name");
        }
    }
}

pub(super) fn well_formed(name: &At<String>, what: &str, errors: &mut Errors) -> bool {
    if name.value.len() > MAX_NAME_BYTES {
        too_long(name.at, &name.value, errors);
        return false;
    }
    if !is_name(&name.value) {
        let error = errors.add(name.at, codes::NAME_INVALID, format!("`{}` cannot be the name of a {what}", name.value));
        error.hint("names have letters, digits and `_`, and do not begin with a digit");
        return false;
    }
    true
}

/// Names that are neither in the API nor in the database, those of roles and variables, may have dashes as well.
pub(super) fn labelled(name: &At<String>, what: &str, errors: &mut Errors) -> bool {
    let plain = At::new(name.value.replace('-', "_"), name.at);
    is_name(&plain.value) || well_formed(name, what, errors)
}

fn too_long<'e>(at: usize, name: &str, errors: &'e mut Errors) -> &'e mut crate::source::Found {
    let message = format!("`{name}` is longer than {MAX_NAME_BYTES} bytes, the most that PostgreSQL keeps of a name");
    errors.add(at, codes::NAME_TOO_LONG, message)
}

/// A name in the database: the one that was given, or one that follows from other names.
pub(super) fn ident(given: Option<&At<String>>, derived: &str, at: usize, hint: &str, errors: &mut Errors) -> Option<Ident> {
    let (name, at) = given.map_or((derived, at), |given| (given.as_str(), given.at));
    match Ident::new(name) {
        Ok(ident) => Some(ident),
        Err(IdentError::TooLong(_)) => {
            let error = too_long(at, name, errors);
            if given.is_none() {
                error.hint(hint);
            }
            None
        }
        Err(error @ (IdentError::Empty | IdentError::Nul)) => {
            errors.add(at, codes::NAME_INVALID, error.to_string());
            None
        }
    }
}

pub(super) fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// camelCase to snake_case: each run of capitals gets a `_` before it and becomes lower case (content API, section 2.2).
pub(crate) fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    let mut in_run = true;
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            if !in_run {
                snake.push('_');
            }
            snake.push(letter.to_ascii_lowercase());
        } else {
            snake.push(letter);
        }
        in_run = letter.is_ascii_uppercase();
    }
    snake
}

/// Each name in the database is given once: tables, views, links and types in the namespace, columns in their table, keys by name.
pub(super) fn check_database(drafts: &[EntityDraft], world: &World, errors: &mut Errors) {
    let mut tables: HashMap<&str, String> = HashMap::new();
    for item in world.enums.values() {
        tables.insert(item.pg_type.as_str(), format!("the enum `{}`", item.name));
    }
    let mut seen = HashSet::new();
    for draft in drafts.iter().filter(|draft| seen.insert(draft.name.as_str())) {
        let Some(entity) = world.entities.get(draft.name.as_str()) else { continue };
        let at = draft.table.as_ref().map_or(draft.name.at, |table| table.at);
        take_table(&mut tables, entity.table.as_str(), format!("`{}`", entity.name), at, errors);
        let mut columns: HashMap<&str, &str> = HashMap::new();
        let generated = entity.searchable().next().map(|_| search::column());
        for field in entity.fields.values() {
            let at = draft
                .fields
                .iter()
                .find(|draft| draft.name.value == field.name.as_str())
                .map_or(draft.name.at, |field| field.name.at);
            let column = match &field.kind {
                FieldKind::Column(column) => Some(&column.column),
                FieldKind::Relation(relation) => relation.joining_column().map(|joining| &joining.column),
            };
            if let Some(other) = column.and_then(|column| columns.insert(column.as_str(), field.name.as_str())) {
                let column = column.map_or("", Ident::as_str);
                let message = format!("`{}` and `{other}` of `{}` both have the column `{column}`", field.name, entity.name);
                errors
                    .add(at, codes::COLUMN_TAKEN, message)
                    .hint("name one of them with `@column(name: …)` or `@relation(column: …)`");
            }
            if generated.is_some() && column == generated.as_ref() {
                let message = format!("the column of `{}` has the name of the one that holds what is searched", field.name);
                errors.add(at, codes::COLUMN_TAKEN, message).hint("name it with `@column(name: …)` or `@relation(column: …)`");
            }
            if let FieldKind::Relation(relation) = &field.kind
                && let RelationKind::ManyHasManyOwning { joining_table, .. } = &relation.kind
            {
                let what = format!("the links of `{}.{}`", entity.name, field.name);
                take_table(&mut tables, joining_table.table.as_str(), what, at, errors);
            }
        }
    }
    named_keys(drafts, tables, errors);
}

fn take_table<'a>(tables: &mut HashMap<&'a str, String>, table: &'a str, what: String, at: usize, errors: &mut Errors) {
    if table == entities::placeholder().as_str() {
        return;
    }
    if let Some(other) = tables.get(table) {
        let message = format!("{what} would be stored as `{table}`, like {other}");
        errors.add(at, codes::TABLE_TAKEN, message).hint("name one of them with `@table(name: …)` or `@relation(table: …)`");
        return;
    }
    tables.insert(table, what);
}

/// Names that the schema gives to unique keys and indexes share PostgreSQL's namespace with tables.
fn named_keys<'a>(drafts: &'a [EntityDraft], mut taken: HashMap<&'a str, String>, errors: &mut Errors) {
    for draft in drafts {
        let uniques = draft.uniques.iter().filter_map(|unique| unique.name.as_ref());
        for name in uniques.chain(draft.indexes.iter().filter_map(|index| index.name.as_ref())) {
            if let Some(other) = taken.get(name.as_str()) {
                errors.add(name.at, codes::CONSTRAINT_TAKEN, format!("`{}` is the name of {other} already", name.value));
            }
            taken.insert(name.as_str(), "another key".to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snake_case_follows_runs_of_capitals() {
        let cases = [
            ("publishedAt", "published_at"),
            ("SiteSetting", "site_setting"),
            ("HTMLPage", "htmlpage"),
            ("aBC", "a_bc"),
            ("x1Y", "x1_y"),
        ];
        for (name, expected) in cases {
            assert_eq!(snake(name), expected);
        }
    }
}
