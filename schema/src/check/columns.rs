//! Columns: PostgreSQL type, default, sequence and the like must fit the kind of values.

use crate::check::{World, encryptions, names, searches, values};
use crate::codes;
use crate::draft::{ColumnDraft, FieldDraft};
use crate::encryption;
use crate::model::{Column, ColumnKind, Sequence};
use crate::source::{At, Errors};

pub(super) fn lower(field: &FieldDraft, draft: &ColumnDraft, world: &World, errors: &mut Errors) -> Option<Column> {
    let derived = names::snake(field.name.as_str());
    let column = names::ident(draft.column.as_ref(), &derived, field.name.at, "name the column with `@column(name: …)`", errors)?;
    let kind = draft.kind.value.clone();
    let pg_type = pg_type(draft, world, errors);
    let default = draft.default.as_ref().and_then(|node| match values::default(node, &kind, draft.list, world) {
        Ok(value) => Some(value),
        Err(problem) => {
            problem.report(node.at, codes::DEFAULT_TYPE, &format!("the default of `{}`", field.name.value), errors);
            None
        }
    });
    check_sequence(field, draft, errors);
    if let (Some(alias), ColumnKind::Enum(_) | ColumnKind::StoredImage) = (&draft.type_alias, &kind) {
        errors.add(
            alias.at,
            codes::SCALAR_INVALID,
            format!("`{}` is no scalar, so it cannot have another scalar's name", field.name.value),
        );
    }
    let collation = draft.collation.as_ref().and_then(|name| {
        if kind != ColumnKind::String {
            errors.add(name.at, codes::COLUMN_TYPE, format!("`{}` is no text, so it has no collation", field.name.value));
        }
        names::ident(Some(name), "", name.at, "", errors)
    });
    if let Some(schema) = draft.json_schema.as_ref().filter(|_| kind != ColumnKind::Json) {
        errors.add(
            schema.at,
            codes::COLUMN_TYPE,
            format!("`{}` is not of the type `Json`, so it has no JSON Schema", field.name.value),
        );
    }
    if kind == ColumnKind::StoredImage && draft.list {
        let error = errors.add(draft.kind.at, codes::COLUMN_TYPE, format!("`{}` cannot be a list of images", field.name.value));
        error.hint("make an entity with one image each and a list of it here");
    }
    Some(Column {
        column,
        kind,
        pg_type,
        list: draft.list,
        nullable: draft.nullable,
        default,
        sequence: draft.sequence.as_ref().map(|sequence| sequence.value.clone()),
        type_alias: draft.type_alias.as_ref().map(|alias| alias.value.clone()),
        collation,
        json_schema: draft.json_schema.as_ref().map(|schema| schema.value.clone()),
        search: searches::lower(field, draft, errors),
        encryption: encryptions::lower(field, draft, errors),
    })
}

fn check_sequence(field: &FieldDraft, draft: &ColumnDraft, errors: &mut Errors) {
    let Some(At { value: Sequence { start, .. }, at }) = &draft.sequence else { return };
    let name = &field.name.value;
    let mut report = |message: String, hint: &str| {
        errors.add(*at, codes::SEQUENCE_INVALID, message).hint(hint);
    };
    if draft.kind.value != ColumnKind::Integer || draft.list {
        report(format!("`{name}` is not of the type `Int`, so it cannot be a sequence"), "write `Int! @sequence`");
    } else if draft.nullable {
        report(format!("the sequence `{name}` cannot be null"), "write `Int! @sequence`");
    }
    if draft.default.is_some() {
        report(format!("the sequence `{name}` cannot have a default"), "leave out one of the two");
    }
    if start.is_some_and(|start| start < 1 || start > i64::from(i32::MAX)) {
        report(format!("the sequence `{name}` cannot start there"), "sequences start between 1 and 2147483647");
    }
}

/// PostgreSQL types that hold a kind of values, without `(n)`; those that take `(n)` or `(p, s)` are marked with the number of them.
fn known_types(kind: &ColumnKind) -> &'static [(&'static str, usize)] {
    match kind {
        ColumnKind::Uuid => &[("uuid", 0)],
        ColumnKind::String => {
            &[("text", 0), ("varchar", 1), ("character varying", 1), ("char", 1), ("character", 1), ("bpchar", 1)]
        }
        ColumnKind::Integer => {
            &[("integer", 0), ("int", 0), ("int4", 0), ("smallint", 0), ("int2", 0), ("bigint", 0), ("int8", 0)]
        }
        ColumnKind::Double => {
            &[("double precision", 0), ("float8", 0), ("real", 0), ("float4", 0), ("numeric", 2), ("decimal", 2)]
        }
        ColumnKind::Numeric => &[("numeric", 2), ("decimal", 2)],
        ColumnKind::Bool => &[("boolean", 0), ("bool", 0)],
        ColumnKind::Enum(_) => &[],
        ColumnKind::DateTime => {
            &[("timestamptz", 1), ("timestamp with time zone", 1), ("timestamp", 1), ("timestamp without time zone", 1)]
        }
        ColumnKind::Date => &[("date", 0)],
        ColumnKind::Time => &[("time", 1), ("time without time zone", 1), ("timetz", 1), ("time with time zone", 1)],
        ColumnKind::Json => &[("jsonb", 0), ("json", 0)],
        ColumnKind::StoredImage => &[("jsonb", 0)],
    }
}

fn pg_type(draft: &ColumnDraft, world: &World, errors: &mut Errors) -> String {
    let kind = &draft.kind.value;
    if let ColumnKind::Enum(name) = kind {
        let own = world.enums.get(name).map_or(name.as_str(), |item| item.pg_type.as_str());
        if let Some(given) = draft.pg_type.as_ref().filter(|given| given.value != own) {
            let error = errors.add(
                given.at,
                codes::COLUMN_TYPE,
                format!("the enum `{name}` is stored as `{own}`, not as `{}`", given.value),
            );
            error.hint("name the type with `@enum(type: …)` on the enum");
        }
        return own.to_owned();
    }
    let (default, known) = match draft.encryption {
        Some(_) => (encryption::PG_TYPE, &[(encryption::PG_TYPE, 0)][..]),
        None => (kind.default_pg_type().unwrap_or_default(), known_types(kind)),
    };
    let Some(given) = &draft.pg_type else { return default.to_owned() };
    match canonical_type(&given.value, known) {
        Some(canonical) => canonical,
        None => {
            let error = errors.add(
                given.at,
                codes::COLUMN_TYPE,
                format!("the type `{}` of PostgreSQL cannot hold these values", given.value),
            );
            error.suggest(&given.value, known.iter().map(|(name, _)| *name));
            default.to_owned()
        }
    }
}

/// The type with its numbers, `numeric(20, 4)`, if it is one of the known ones. Nothing else ever reaches SQL.
fn canonical_type(text: &str, known: &[(&str, usize)]) -> Option<String> {
    // `timestamp(3) with time zone`: the numbers follow the first word.
    let (name, numbers, zone) = match text.split_once('(') {
        Some((name, rest)) => {
            let (numbers, zone) = rest.split_once(')')?;
            (name, Some(numbers), zone.trim())
        }
        None => (text, None, ""),
    };
    let words: Vec<&str> = name.split_whitespace().chain(zone.split_whitespace()).collect();
    let name = words.join(" ").to_lowercase();
    let (name, most) = known.iter().find(|(known, _)| *known == name)?;
    let Some(numbers) = numbers else { return Some((*name).to_owned()) };
    if name.ends_with("time zone") == zone.is_empty() {
        return None;
    }
    let numbers: Vec<u32> = numbers.split(',').map(|number| number.trim().parse().ok()).collect::<Option<_>>()?;
    let in_range = numbers.first().is_some_and(|first| *first <= 10_485_760) && numbers.len() <= *most;
    let numbers: Vec<String> = numbers.iter().map(u32::to_string).collect();
    let (first, rest) = name.split_once(' ').filter(|_| !zone.is_empty()).unwrap_or((name, ""));
    let rest = if rest.is_empty() { String::new() } else { format!(" {rest}") };
    in_range.then(|| format!("{first}({}){rest}", numbers.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_types_reach_sql() {
        let numeric = known_types(&ColumnKind::Numeric);
        assert_eq!(canonical_type("NUMERIC( 20,4 )", numeric).as_deref(), Some("numeric(20, 4)"));
        assert_eq!(canonical_type("numeric", numeric).as_deref(), Some("numeric"));
        for wrong in ["numeric(1,2,3)", "numeric(x)", "numeric(1", "text", "numeric); DROP TABLE a; --", ""] {
            assert_eq!(canonical_type(wrong, numeric), None, "{wrong}");
        }
        let instant = known_types(&ColumnKind::DateTime);
        assert_eq!(canonical_type("timestamp(3) WITH  time zone", instant).as_deref(), Some("timestamp(3) with time zone"));
        assert_eq!(canonical_type("timestamptz (3)", instant).as_deref(), Some("timestamptz(3)"));
        for wrong in ["timestamp(3) with", "timestamp with time zone(3)", "timestamp(3)) with time zone", "timestamptz(3) x"] {
            assert_eq!(canonical_type(wrong, instant), None, "{wrong}");
        }
        assert_eq!(canonical_type("varchar(200)", known_types(&ColumnKind::String)).as_deref(), Some("varchar(200)"));
        assert_eq!(canonical_type("text(3)", known_types(&ColumnKind::String)), None);
    }
}
