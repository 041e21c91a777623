//! Fields in the JSON form.

use std::collections::HashMap;

use crate::codes;
use crate::draft::{
    ColumnDraft, FieldDraft, FieldKindDraft, InverseKind, JoiningDraft, JunctionDraft, RelationDraft, SearchDraft, SideDraft,
};
use crate::encryption::Encryption;
use crate::json::object::{Object, wrong};
use crate::json::read::{check_name, order_by};
use crate::model::{ColumnKind, OnDelete, Sequence};
use crate::names::EnumName;
use crate::node::Node;
use crate::search::{WEIGHTS, Weight};
use crate::source::{At, Errors};

const TYPES: [&str; 15] = [
    "Uuid",
    "String",
    "Integer",
    "Double",
    "Numeric",
    "Bool",
    "Enum",
    "DateTime",
    "Date",
    "Time",
    "Json",
    "StoredImage",
    "OneHasOne",
    "OneHasMany",
    "ManyHasOne",
];

/// `default` is the one key whose null means something else than absence, and even there it means "no default".
pub(super) fn read(name: &At<String>, node: &Node, enums: &HashMap<String, String>, errors: &mut Errors) -> FieldDraft {
    let mut draft = FieldDraft { name: name.clone(), description: None, deprecated: None, rules: Vec::new(), kind: None };
    let Some(mut object) = Object::new(node, format!("field `{}`", name.value), errors) else { return draft };
    check_name(&mut object, name, errors);
    draft.description = object.text("description", errors).map(|text| text.value);
    draft.deprecated = object.text("deprecationReason", errors).map(|text| text.value);
    let Some(ty) = object.need_text("type", errors) else { return draft };
    draft.kind = match ty.as_str() {
        "ManyHasOne" | "OneHasMany" | "OneHasOne" | "ManyHasMany" => {
            relation(&ty, &mut object, errors).map(FieldKindDraft::Relation)
        }
        _ => column(&ty, &mut object, enums, errors).map(FieldKindDraft::Column),
    };
    if draft.kind.is_some() {
        object.finish(errors);
    }
    draft
}

fn column(ty: &At<String>, object: &mut Object<'_>, enums: &HashMap<String, String>, errors: &mut Errors) -> Option<ColumnDraft> {
    let pg_type = object.text("columnType", errors);
    let kind = match ty.as_str() {
        "Uuid" => ColumnKind::Uuid,
        "String" => ColumnKind::String,
        "Integer" => ColumnKind::Integer,
        "Double" => ColumnKind::Double,
        "Numeric" => ColumnKind::Numeric,
        "Bool" => ColumnKind::Bool,
        "DateTime" => ColumnKind::DateTime,
        "Date" => ColumnKind::Date,
        "Time" => ColumnKind::Time,
        "Json" => ColumnKind::Json,
        "StoredImage" => ColumnKind::StoredImage,
        "Enum" => {
            let Some(pg_type) = &pg_type else {
                errors.add(object.at, codes::MISSING_ARGUMENT, "an enum column needs `columnType`, the enum's name");
                return None;
            };
            let Some(name) = enums.get(pg_type.as_str()) else {
                let error = errors.add(pg_type.at, codes::UNKNOWN_TYPE, format!("unknown enum `{}`", pg_type.value));
                error.suggest(pg_type.as_str(), enums.keys().map(String::as_str));
                return None;
            };
            ColumnKind::Enum(EnumName::new(name))
        }
        other => {
            let error = errors.add(ty.at, codes::UNKNOWN_TYPE, format!("unknown type `{other}`"));
            error.suggest(other, TYPES);
            return None;
        }
    };
    let sequence = object.object("sequence", errors).map(|sequence| read_sequence(sequence, errors));
    let search = object.object("search", errors).map(|search| read_search(search, errors));
    let encryption = object.object("encryption", errors).map(|encryption| read_encryption(encryption, errors));
    Some(ColumnDraft {
        column: object.text("columnName", errors),
        kind: At::new(kind, ty.at),
        pg_type,
        list: object.flag("list", errors).unwrap_or(false),
        nullable: object.flag("nullable", errors).unwrap_or(true),
        default: object.take("default").cloned(),
        sequence,
        type_alias: object.text("typeAlias", errors),
        collation: object.text("collation", errors),
        json_schema: object.take("schema").map(|node| At::new(node.to_json(), node.at)),
        search,
        encryption,
    })
}

fn read_sequence(mut sequence: Object<'_>, errors: &mut Errors) -> At<Sequence> {
    let at = sequence.at;
    let precedence = sequence.text("precedence", errors);
    if let Some(word) = precedence.as_ref().filter(|word| !["ALWAYS", "BY DEFAULT"].contains(&word.as_str())) {
        let error = errors.add(word.at, codes::SEQUENCE_INVALID, "`precedence` is `ALWAYS` or `BY DEFAULT`");
        error.suggest(word.as_str(), ["ALWAYS", "BY DEFAULT"]);
    }
    let start = sequence.take("start").and_then(|node| {
        let start = node.to_json().as_i64();
        if start.is_none() {
            wrong(node, "start", "a whole number", errors);
        }
        start
    });
    sequence.finish(errors);
    At::new(Sequence { always: precedence.is_some_and(|word| word.value == "ALWAYS"), start }, at)
}

fn read_encryption(mut encryption: Object<'_>, errors: &mut Errors) -> At<Encryption> {
    let at = encryption.at;
    let lookup = encryption.flag("lookup", errors).unwrap_or(false);
    encryption.finish_strictly(errors);
    At::new(Encryption { lookup }, at)
}

fn read_search(mut search: Object<'_>, errors: &mut Errors) -> At<SearchDraft> {
    let at = search.at;
    let language = search.text("language", errors);
    let weight = search.text("weight", errors).and_then(|word| {
        let weight = Weight::from_name(word.as_str());
        if weight.is_none() {
            let error = errors.add(word.at, codes::UNKNOWN_ENUM_VALUE, format!("`weight` cannot be `{}`", word.value));
            error.suggest(word.as_str(), WEIGHTS.map(Weight::name));
        }
        weight
    });
    search.finish_strictly(errors);
    At::new(SearchDraft { language, weight: weight.unwrap_or_default() }, at)
}

fn relation(ty: &At<String>, object: &mut Object<'_>, errors: &mut Errors) -> Option<RelationDraft> {
    let target = object.need_text("target", errors);
    let owned_by = object.text("ownedBy", errors);
    let inversed_by = object.text("inversedBy", errors);
    let is_many = matches!(ty.as_str(), "OneHasMany" | "ManyHasMany");
    let nullable = if is_many { true } else { object.flag("nullable", errors).unwrap_or(true) };
    if let (Some(_), Some(inversed_by)) = (&owned_by, &inversed_by) {
        errors.add(inversed_by.at, codes::ARGUMENT_CONFLICT, "a side of a relation has either `ownedBy` or `inversedBy`");
    }
    let side = match (ty.as_str(), owned_by) {
        ("OneHasMany", Some(owned_by)) => {
            SideDraft::InverseMany { owned_by, order_by: order_by(object, errors), expected: Some(InverseKind::OneHasMany) }
        }
        ("ManyHasMany", Some(owned_by)) => {
            SideDraft::InverseMany { owned_by, order_by: order_by(object, errors), expected: Some(InverseKind::ManyHasMany) }
        }
        ("OneHasOne", Some(owned_by)) => SideDraft::InverseOne { owned_by, nullable },
        ("OneHasMany", None) => {
            errors.add(object.at, codes::MISSING_ARGUMENT, "a one-has-many relation needs `ownedBy`");
            return None;
        }
        ("ManyHasMany", None) => {
            let junction = junction(object, errors);
            SideDraft::ManyHasManyOwning { inversed_by, junction, order_by: order_by(object, errors) }
        }
        ("OneHasOne", None) => {
            let orphan_removal = object.flag("orphanRemoval", errors).unwrap_or(false);
            SideDraft::OneHasOneOwning {
                inversed_by,
                nullable,
                joining: joining(object, "joiningColumn", errors),
                orphan_removal,
            }
        }
        (_, owned_by) => {
            if let Some(owned_by) = owned_by {
                errors.add(owned_by.at, codes::ARGUMENT_CONFLICT, "a many-has-one relation is always the owning side");
            }
            SideDraft::ManyHasOne { inversed_by, nullable, joining: joining(object, "joiningColumn", errors) }
        }
    };
    Some(RelationDraft { target: target?, side })
}

fn joining(object: &mut Object<'_>, key: &'static str, errors: &mut Errors) -> JoiningDraft {
    let Some(mut joining) = object.object(key, errors) else { return JoiningDraft::default() };
    let on_delete = joining.text("onDelete", errors).and_then(|word| {
        let value = match word.as_str() {
            "restrict" => OnDelete::Restrict,
            "cascade" => OnDelete::Cascade,
            "set null" | "setNull" => OnDelete::SetNull,
            other => {
                let error = errors.add(word.at, codes::ARGUMENT_TYPE, format!("`onDelete` cannot be `{other}`"));
                error.suggest(other, ["restrict", "cascade", "set null"]);
                return None;
            }
        };
        Some(At::new(value, word.at))
    });
    let column = joining.text("columnName", errors);
    joining.finish(errors);
    JoiningDraft { column, on_delete }
}

fn junction(object: &mut Object<'_>, errors: &mut Errors) -> JunctionDraft {
    let mut draft =
        JunctionDraft { table: None, owner: JoiningDraft::default(), target: JoiningDraft::default(), event_log: true };
    let Some(mut table) = object.object("joiningTable", errors) else { return draft };
    draft.table = table.text("tableName", errors);
    draft.owner = joining(&mut table, "joiningColumn", errors);
    draft.target = joining(&mut table, "inverseJoiningColumn", errors);
    if let Some(mut log) = table.object("eventLog", errors) {
        draft.event_log = log.flag("enabled", errors).unwrap_or(true);
        log.finish(errors);
    }
    table.finish(errors);
    draft
}
