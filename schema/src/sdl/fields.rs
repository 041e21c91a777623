//! Fields in SDL: columns and relations.

use crate::codes;
use crate::draft::{
    ColumnDraft, EntityDraft, FieldDraft, FieldKindDraft, JoiningDraft, JunctionDraft, RelationDraft, SearchDraft, SideDraft,
};
use crate::encryption::Encryption;
use crate::model::{ColumnKind, OnDelete, Sequence};
use crate::names::EnumName;
use crate::node::Node;
use crate::sdl::definitions::{Checked, check};
use crate::sdl::read::{SCALARS, TypeNames, deprecation};
use crate::sdl::syntax::{FieldDef, TypeRef};
use crate::sdl::{structure, validators};
use crate::search::Weight;
use crate::source::{At, Errors};

/// A field's type without its wrappers.
struct Shape {
    name: At<String>,
    list: bool,
    nullable: bool,
}

/// Reads a field and what its directives say of the entity's keys.
pub(crate) fn read(field: &FieldDef, names: &TypeNames<'_>, entity: &mut EntityDraft, errors: &mut Errors) {
    if field.has_arguments {
        let error = errors.add(
            field.name.at,
            codes::DEFINITION_UNSUPPORTED,
            format!("field `{}` cannot have arguments", field.name.value),
        );
        error.hint("arguments such as `filter` and `orderBy` are made by the server");
    }
    let directives = check(&field.directives, "FIELD_DEFINITION", errors);
    let kind = shape(&field.ty, &field.name.value, errors).and_then(|shape| {
        let name = shape.name.as_str();
        if names.entities.contains(name) {
            Some(FieldKindDraft::Relation(relation(shape, &directives, errors)?))
        } else {
            Some(FieldKindDraft::Column(column(field, shape, names, &directives, errors)?))
        }
    });
    let mut rules = Vec::new();
    for directive in &directives {
        match directive.name() {
            "primary" => entity.primary = field.name.clone(),
            "unique" => entity.uniques.extend(structure::unique(*directive, Some(field.name.clone()), errors)),
            "index" => entity.indexes.extend(structure::index(*directive, Some(field.name.clone()), errors)),
            "required" | "pattern" | "length" | "range" | "rule" => rules.extend(validators::rule(*directive, errors)),
            // Read with the column or the relation.
            "column" | "default" | "sequence" | "scalar" | "jsonSchema" | "searchable" | "encrypted" | "relation"
            | "oneToOne" | "inverse" | "eventLog" | "deprecated" => {}
            other => unreachable!("`@{other}` stands on fields in directives.graphql and is not read"),
        }
    }
    entity.fields.push(FieldDraft {
        name: field.name.clone(),
        description: field.description.clone(),
        deprecated: deprecation(&directives),
        rules,
        kind,
    });
}

/// `id: UUID!`, when the type has no primary of its own.
pub(crate) fn add_primary(entity: &mut EntityDraft) {
    if entity.primary.value == "id" && !entity.fields.iter().any(|field| field.name.value == "id") {
        let column = ColumnDraft {
            column: None,
            kind: At::new(ColumnKind::Uuid, entity.name.at),
            pg_type: None,
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
        let id = FieldDraft {
            name: At::new("id".to_owned(), entity.name.at),
            description: None,
            deprecated: None,
            rules: Vec::new(),
            kind: Some(FieldKindDraft::Column(column)),
        };
        entity.fields.insert(0, id);
    }
}

fn shape(ty: &TypeRef, field: &str, errors: &mut Errors) -> Option<Shape> {
    let (outer, nullable) = match ty {
        TypeRef::NonNull(inner) => (&**inner, false),
        other => (other, true),
    };
    match outer {
        TypeRef::Named(name) => Some(Shape { name: name.clone(), list: false, nullable }),
        TypeRef::NonNull(_) => None,
        TypeRef::List(item) => match &**item {
            TypeRef::NonNull(inner) => match &**inner {
                TypeRef::Named(name) => Some(Shape { name: name.clone(), list: true, nullable }),
                TypeRef::List(_) | TypeRef::NonNull(_) => nested(inner, field, errors),
            },
            TypeRef::Named(name) => {
                let error = errors.add(name.at, codes::LIST_ITEM_NULLABLE, format!("items of `{field}` cannot be null"));
                error.hint(format!("write `[{}!]`", name.value));
                Some(Shape { name: name.clone(), list: true, nullable })
            }
            TypeRef::List(_) => nested(item, field, errors),
        },
    }
}

fn nested(ty: &TypeRef, field: &str, errors: &mut Errors) -> Option<Shape> {
    match ty {
        TypeRef::Named(name) => {
            errors.add(name.at, codes::DEFINITION_UNSUPPORTED, format!("`{field}` cannot be a list of lists")).hint("use `Json`");
            None
        }
        TypeRef::List(inner) | TypeRef::NonNull(inner) => nested(inner, field, errors),
    }
}

fn scalar(name: &str) -> Option<ColumnKind> {
    Some(match name {
        "UUID" => ColumnKind::Uuid,
        "String" => ColumnKind::String,
        "Int" => ColumnKind::Integer,
        "Float" => ColumnKind::Double,
        "Decimal" => ColumnKind::Numeric,
        "Boolean" => ColumnKind::Bool,
        "DateTime" => ColumnKind::DateTime,
        "Date" => ColumnKind::Date,
        "Time" => ColumnKind::Time,
        "Json" => ColumnKind::Json,
        "StoredImage" => ColumnKind::StoredImage,
        _ => return None,
    })
}

fn unknown_type(name: &At<String>, names: &TypeNames<'_>, errors: &mut Errors) {
    let error = errors.add(name.at, codes::UNKNOWN_TYPE, format!("unknown type `{}`", name.value));
    let near = match name.as_str() {
        "ID" | "Uuid" => Some("UUID"),
        "JSON" => Some("Json"),
        "Integer" | "BigInt" => Some("Int"),
        "Bool" => Some("Boolean"),
        "Number" | "Double" => Some("Float"),
        "Text" => Some("String"),
        "Timestamp" => Some("DateTime"),
        "Numeric" => Some("Decimal"),
        _ => None,
    };
    match near {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None => {
            let mut known: Vec<&str> = names.entities.iter().chain(&names.enums).copied().collect();
            known.extend(SCALARS.iter().filter(|scalar| **scalar != "ID"));
            known.sort_unstable();
            error.suggest(name.as_str(), known);
        }
    }
}

/// Reports directives that do not fit the kind of field.
fn refuse(directives: &[Checked<'_>], unfit: &[&str], what: &str, hint: &str, errors: &mut Errors) {
    for directive in directives.iter().filter(|directive| unfit.contains(&directive.name())) {
        let error =
            errors.add(directive.at(), codes::DIRECTIVE_MISPLACED, format!("`@{}` does not fit {what}", directive.name()));
        if !hint.is_empty() {
            error.hint(hint);
        }
    }
}

fn find<'a>(directives: &[Checked<'a>], name: &str) -> Option<Checked<'a>> {
    directives.iter().find(|directive| directive.name() == name).copied()
}

fn column(
    field: &FieldDef,
    shape: Shape,
    names: &TypeNames<'_>,
    directives: &[Checked<'_>],
    errors: &mut Errors,
) -> Option<ColumnDraft> {
    let name = &shape.name;
    let kind = match scalar(name.as_str()) {
        Some(kind) => kind,
        None if names.enums.contains(name.as_str()) => ColumnKind::Enum(EnumName::new(name.as_str())),
        None => {
            unknown_type(name, names, errors);
            return None;
        }
    };
    let unfit = ["relation", "oneToOne", "inverse", "eventLog"];
    refuse(directives, &unfit, &format!("`{}`, which is not a relation", field.name.value), "", errors);
    let storage = find(directives, "column");
    let sequence = find(directives, "sequence").map(|directive| {
        At::new(Sequence { always: directive.flag("always").unwrap_or(false), start: directive.int("start") }, directive.at())
    });
    Some(ColumnDraft {
        column: storage.and_then(|storage| storage.text("name")),
        kind: At::new(kind, name.at),
        pg_type: storage.and_then(|storage| storage.text("type")),
        list: shape.list,
        nullable: shape.nullable,
        default: find(directives, "default").and_then(|directive| default(directive, errors)),
        sequence,
        type_alias: find(directives, "scalar").and_then(|directive| directive.text("name")),
        collation: storage.and_then(|storage| storage.text("collation")),
        json_schema: find(directives, "jsonSchema").and_then(|directive| json_text(directive, "schema", errors)),
        search: find(directives, "searchable").map(search),
        encryption: find(directives, "encrypted").map(encryption),
    })
}

fn search(directive: Checked<'_>) -> At<SearchDraft> {
    let weight = directive.word("weight").and_then(|word| Weight::from_name(&word.value)).unwrap_or_default();
    At::new(SearchDraft { language: directive.text("language"), weight }, directive.at())
}

fn encryption(directive: Checked<'_>) -> At<Encryption> {
    At::new(Encryption { lookup: directive.flag("lookup").unwrap_or(false) }, directive.at())
}

fn default(directive: Checked<'_>, errors: &mut Errors) -> Option<Node> {
    match (directive.node("value"), directive.has("json")) {
        (Some(node), false) => Some(node.clone()),
        (None, true) => {
            let value = json_text(directive, "json", errors)?;
            Some(crate::json::parse::plain(&value.value, value.at))
        }
        (Some(_), true) => {
            errors.add(directive.argument_at("json"), codes::ARGUMENT_CONFLICT, "`@default` has either `value` or `json`");
            None
        }
        (None, false) => {
            let error = errors.add(directive.at(), codes::MISSING_ARGUMENT, "`@default` needs the argument `value`");
            error.hint("a field without a default is null when it is not given: leave `@default` out");
            None
        }
    }
}

/// An argument that holds JSON as text.
fn json_text(directive: Checked<'_>, argument: &str, errors: &mut Errors) -> Option<At<serde_json::Value>> {
    let text = directive.text(argument)?;
    match serde_json::from_str(&text.value) {
        Ok(value) => Some(At::new(value, text.at)),
        Err(error) => {
            errors.add(text.at, codes::ARGUMENT_TYPE, format!("`{argument}` is not JSON: {error}"));
            None
        }
    }
}

fn relation(shape: Shape, directives: &[Checked<'_>], errors: &mut Errors) -> Option<RelationDraft> {
    let unfit = ["column", "default", "sequence", "scalar", "jsonSchema", "searchable", "encrypted", "primary"];
    let what = format!("a relation to `{}`", shape.name.value);
    let hint = "a relation's column is named with `@relation(column: …)`";
    refuse(directives, &unfit[..1], &what, hint, errors);
    refuse(directives, &unfit[1..], &what, "", errors);
    let (options, one, inverse) = (find(directives, "relation"), find(directives, "oneToOne"), find(directives, "inverse"));
    let side = match (inverse, one, shape.list) {
        (Some(inverse), _, _) => {
            refuse(
                directives,
                &["oneToOne", "eventLog"],
                "the inverse side of a relation",
                "it belongs on the owning side",
                errors,
            );
            let hint = "order is an argument of `@inverse`, everything else belongs on the owning side";
            refuse(directives, &["relation"], "the inverse side of a relation", hint, errors);
            refuse(directives, &["unique", "index"], "the inverse side of a relation, which has no column", "", errors);
            inverse_side(inverse, &shape, errors)?
        }
        (None, Some(one), true) => {
            let error = errors.add(one.at(), codes::DIRECTIVE_MISPLACED, "`@oneToOne` does not fit a list");
            error.hint(format!("write `{}` instead of `[{}!]`", shape.name.value, shape.name.value));
            return None;
        }
        (None, Some(one), false) => {
            refuse(directives, &["relation"], "a field with `@oneToOne`", "`@oneToOne` has these arguments itself", errors);
            refuse(directives, &["eventLog"], "a relation without a table of its own", "", errors);
            let orphan_removal = one.flag("removeOrphan").unwrap_or(false);
            SideDraft::OneHasOneOwning {
                inversed_by: None,
                nullable: shape.nullable,
                joining: joining(Some(one), "column", "onDelete"),
                orphan_removal,
            }
        }
        (None, None, false) => {
            refuse(directives, &["eventLog"], "a relation without a table of its own", "", errors);
            refuse_arguments(options, &["orderBy", "table", "targetColumn", "targetOnDelete"], "a single row", errors);
            SideDraft::ManyHasOne { inversed_by: None, nullable: shape.nullable, joining: joining(options, "column", "onDelete") }
        }
        (None, None, true) => {
            refuse(directives, &["unique", "index"], "a many-has-many relation, which has no column", "", errors);
            let junction = JunctionDraft {
                table: options.and_then(|options| options.text("table")),
                owner: joining(options, "column", "onDelete"),
                target: joining(options, "targetColumn", "targetOnDelete"),
                event_log: find(directives, "eventLog").and_then(|log| log.flag("enabled")).unwrap_or(true),
            };
            let order_by = structure::order_by(options.and_then(|options| options.node("orderBy")), errors);
            SideDraft::ManyHasManyOwning { inversed_by: None, junction, order_by }
        }
    };
    Some(RelationDraft { target: shape.name, side })
}

fn inverse_side(inverse: Checked<'_>, shape: &Shape, errors: &mut Errors) -> Option<SideDraft> {
    let owned_by = inverse.text("of")?;
    if shape.list {
        let order_by = structure::order_by(inverse.node("orderBy"), errors);
        return Some(SideDraft::InverseMany { owned_by, order_by, expected: None });
    }
    refuse_arguments(Some(inverse), &["orderBy"], "a single row", errors);
    Some(SideDraft::InverseOne { owned_by, nullable: shape.nullable })
}

fn refuse_arguments(directive: Option<Checked<'_>>, unfit: &[&str], what: &str, errors: &mut Errors) {
    for name in unfit.iter().filter(|name| directive.is_some_and(|directive| directive.has(name))) {
        let at = directive.map_or(0, |directive| directive.argument_at(name));
        let error = errors.add(at, codes::ARGUMENT_CONFLICT, format!("`{name}` does not fit a relation to {what}"));
        error.hint("it is an argument of lists");
    }
}

fn joining(directive: Option<Checked<'_>>, column: &str, on_delete: &str) -> JoiningDraft {
    let Some(directive) = directive else { return JoiningDraft::default() };
    let on_delete = directive.word(on_delete).map(|word| {
        let value = match word.as_str() {
            "CASCADE" => OnDelete::Cascade,
            "SET_NULL" => OnDelete::SetNull,
            _ => OnDelete::Restrict,
        };
        At::new(value, word.at)
    });
    JoiningDraft { column: directive.text(column), on_delete }
}
