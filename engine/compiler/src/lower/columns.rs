//! Columns: how their values are compared, and how they stand in an answer (content API, sections 2.2 and 5).

use freehold_schema::Schema;
use freehold_schema::filter::Operator;
use freehold_schema::ident::Ident;
use freehold_schema::model::{Column, ColumnKind, DateTimeFormat, Settings};

use crate::bind::{BindSource, BindType};
use crate::output::{Fraction, Output};
use crate::sql::{Alias, SqlWriter, TypeName};

/// How a value of a column is bound.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ValueType {
    one: BindType,
    many: BindType,
    cast: Option<TypeName>,
    /// The column's type where numbers are bound as another one. PostgreSQL compares numbers of two types, but not lists of them.
    number: Option<TypeName>,
}

impl ValueType {
    /// The values of `column`; of its items when it is a list.
    pub fn of(schema: &Schema, column: &Column) -> Self {
        if column.encryption.is_some() {
            return Self { one: BindType::Text, many: BindType::Texts, cast: TypeName::parse(&column.pg_type), number: None };
        }
        let usual = column.kind.default_pg_type() == Some(column.pg_type.as_str());
        let written = || TypeName::parse(&column.pg_type);
        // A bare `char` is one character long; this is the type of every `char(n)`.
        let text = || if is_padded(column) { TypeName::parse("bpchar") } else { written() };
        let (one, many) = match &column.kind {
            ColumnKind::Uuid if usual => (BindType::Uuid, BindType::Uuids),
            ColumnKind::Integer => (BindType::Int, BindType::Ints),
            ColumnKind::Double => (BindType::Double, BindType::Doubles),
            ColumnKind::Bool => (BindType::Bool, BindType::Bools),
            ColumnKind::Json | ColumnKind::StoredImage => (BindType::Json, BindType::Jsons),
            ColumnKind::Uuid
            | ColumnKind::String
            | ColumnKind::Numeric
            | ColumnKind::Enum(_)
            | ColumnKind::DateTime
            | ColumnKind::Date
            | ColumnKind::Time => (BindType::Text, BindType::Texts),
        };
        let cast = match &column.kind {
            ColumnKind::Enum(name) => Some(TypeName::Content(schema.enums[name].pg_type.clone())),
            ColumnKind::Numeric | ColumnKind::DateTime | ColumnKind::Date | ColumnKind::Time => written(),
            ColumnKind::Uuid | ColumnKind::String if !usual => text(),
            ColumnKind::Uuid
            | ColumnKind::String
            | ColumnKind::Integer
            | ColumnKind::Double
            | ColumnKind::Bool
            | ColumnKind::Json
            | ColumnKind::StoredImage => None,
        };
        let number = match &column.kind {
            ColumnKind::Integer | ColumnKind::Double if !usual => written(),
            ColumnKind::Integer
            | ColumnKind::Double
            | ColumnKind::Enum(_)
            | ColumnKind::Numeric
            | ColumnKind::DateTime
            | ColumnKind::Date
            | ColumnKind::Time
            | ColumnKind::Uuid
            | ColumnKind::String
            | ColumnKind::Bool
            | ColumnKind::Json
            | ColumnKind::StoredImage => None,
        };
        Self { one, many, cast, number }
    }

    /// Writes one value.
    pub fn write(&self, sql: &mut SqlWriter, source: BindSource) {
        sql.bind(source, self.one);
        if let Some(cast) = &self.cast {
            sql.syntax("::text::").type_name(cast);
        }
    }

    /// Writes an array of values.
    pub fn write_many(&self, sql: &mut SqlWriter, source: BindSource) {
        sql.bind(source, self.many);
        match &self.cast {
            Some(cast) => sql.syntax("::text[]::").type_name(cast).syntax("[]"),
            None if self.many == BindType::Jsons => sql.syntax("::text[]::jsonb[]"),
            None => sql,
        };
    }

    /// Writes an array with one value, of the column's own array type.
    pub fn write_item(&self, sql: &mut SqlWriter, source: BindSource) {
        sql.syntax("ARRAY[");
        self.write(sql, source);
        sql.syntax("]");
        if let Some(number) = &self.number {
            sql.syntax("::").type_name(number).syntax("[]");
        }
    }
}

/// Whether PostgreSQL fills the column's texts up with blanks.
fn is_padded(column: &Column) -> bool {
    column.kind == ColumnKind::String && column.pg_type.starts_with("char") && !column.pg_type.starts_with("character varying")
}

/// Whether an operator means something on this column (content API, section 7).
pub(super) fn offers(column: &Column, operator: Operator) -> bool {
    if column.encryption.is_some() {
        let compares = matches!(operator, Operator::Eq | Operator::NotEq | Operator::In | Operator::NotIn);
        return compares && column.is_comparable();
    }
    match operator {
        Operator::MinLength | Operator::MaxLength => column.list,
        Operator::Includes => column.list || column.kind == ColumnKind::Json,
        Operator::Eq
        | Operator::NotEq
        | Operator::In
        | Operator::NotIn
        | Operator::Lt
        | Operator::Lte
        | Operator::Gt
        | Operator::Gte => !column.list && !matches!(column.kind, ColumnKind::Json | ColumnKind::StoredImage),
        Operator::Contains
        | Operator::StartsWith
        | Operator::EndsWith
        | Operator::ContainsCI
        | Operator::StartsWithCI
        | Operator::EndsWithCI
        | Operator::Similar
        | Operator::WordSimilar => !column.list && column.kind == ColumnKind::String,
    }
}

/// Writes a cell for comparing it with a value or with other cells. PostgreSQL cannot compare `json`, but it can `jsonb`.
pub(super) fn write_comparable(sql: &mut SqlWriter, alias: Alias, name: &Ident, column: &Column) {
    sql.column(alias, name);
    if column.kind == ColumnKind::Json && column.pg_type == "json" {
        sql.syntax(if column.list { "::jsonb[]" } else { "::jsonb" });
    }
}

/// Writes a value for storing into `column`.
pub(crate) fn write_stored(schema: &Schema, sql: &mut SqlWriter, column: &Column, source: BindSource) {
    let ty = ValueType::of(schema, column);
    if column.list { ty.write_many(sql, source) } else { ty.write(sql, source) }
}

/// Writes NULL of the column's type.
pub(crate) fn write_null(schema: &Schema, sql: &mut SqlWriter, column: &Column) {
    sql.syntax("NULL::").type_name(&type_name(schema, column)).syntax(if column.list { "[]" } else { "" });
}

/// The type of a column's values, or of its items when it is a list.
pub(super) fn type_name(schema: &Schema, column: &Column) -> TypeName {
    match &column.kind {
        ColumnKind::Enum(name) => TypeName::Content(schema.enums[name].pg_type.clone()),
        // A bare `char` is one character.
        _ if is_padded(column) => TypeName::Plain("bpchar".into()),
        _ => TypeName::parse(&column.pg_type).unwrap_or_else(|| TypeName::Plain("text".into())),
    }
}

/// Writes a column as it stands in an answer.
pub(crate) fn write_output(settings: &Settings, sql: &mut SqlWriter, alias: Alias, column: &Column) {
    if !column.list {
        return write_single(settings, sql, column, alias, &column.column);
    }
    let Some(format) = Format::of(settings, column) else {
        sql.column(alias, &column.column);
        return;
    };
    let (items, item) = (sql.next_alias(), Ident::new("item").expect("a short name"));
    sql.syntax("CASE WHEN ").column(alias, &column.column).syntax(" IS NOT NULL THEN ARRAY(SELECT ");
    format.write(sql, |sql| {
        sql.column(items, &item);
    });
    sql.syntax(" FROM unnest(")
        .column(alias, &column.column)
        .syntax(") AS ")
        .alias(items)
        .syntax("(")
        .ident(&item)
        .syntax(")) END");
}

/// Writes the id of a view's row: a random one where the view has none (content API, section 2.4). Those made of an `idSource` are part of the view.
pub(crate) fn write_view_id(sql: &mut SqlWriter, alias: Alias, column: &Column) {
    sql.syntax("coalesce(").column(alias, &column.column).syntax("::text, gen_random_uuid()::text)");
}

/// Writes a value of `column`, no list, that rows have under another name, as it stands in an answer.
pub(super) fn write_single(settings: &Settings, sql: &mut SqlWriter, column: &Column, alias: Alias, name: &Ident) {
    write_formatted(Format::of(settings, column), sql, alias, name);
}

/// Writes a date as it stands in an answer.
pub(super) fn write_date(settings: &Settings, sql: &mut SqlWriter, alias: Alias, name: &Ident) {
    write_formatted(Format::of_date(settings), sql, alias, name);
}

fn write_formatted(format: Option<Format>, sql: &mut SqlWriter, alias: Alias, name: &Ident) {
    match format {
        None => drop(sql.column(alias, name)),
        Some(format) => format.write(sql, |sql| {
            sql.column(alias, name);
        }),
    }
}

/// Whether the column's times know no zone; they are meant to be in UTC.
pub(super) fn is_naive(column: &Column) -> bool {
    column.pg_type.starts_with("timestamp")
        && !column.pg_type.starts_with("timestamptz")
        && !column.pg_type.ends_with("with time zone")
        || column.pg_type.ends_with("without time zone")
}

/// Writes a column as a value of a record, in the type that is the least work for PostgreSQL.
pub(super) fn write_value(settings: &Settings, sql: &mut SqlWriter, alias: Alias, column: &Column) -> Output {
    let output = output_of(settings, column);
    match output {
        Output::Uuid | Output::Timestamp(_) => drop(sql.column(alias, &column.column)),
        Output::Text => write_output(settings, sql, alias, column),
        Output::Json | Output::Constant(_) | Output::Only(_) | Output::Object(_) | Output::List(_) => {
            sql.syntax("to_json(");
            write_output(settings, sql, alias, column);
            sql.syntax(")");
        }
    }
    output
}

fn output_of(settings: &Settings, column: &Column) -> Output {
    let is_timestamp = column.pg_type.starts_with("timestamp");
    match (Format::of(settings, column), &column.kind) {
        _ if column.list => Output::Json,
        (Some(Format::Milliseconds { .. }), _) if is_timestamp => Output::Timestamp(Fraction::Milliseconds),
        (Some(Format::Microseconds { .. }), _) if is_timestamp => Output::Timestamp(Fraction::Microseconds),
        (Some(_), _) | (None, ColumnKind::String | ColumnKind::Enum(_)) => Output::Text,
        (None, ColumnKind::Uuid) => Output::Uuid,
        (
            None,
            ColumnKind::Integer
            | ColumnKind::Double
            | ColumnKind::Numeric
            | ColumnKind::Bool
            | ColumnKind::DateTime
            | ColumnKind::Date
            | ColumnKind::Time
            | ColumnKind::Json
            | ColumnKind::StoredImage,
        ) => Output::Json,
    }
}

/// Columns whose JSON form is not the one `row_to_json` gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Text,
    Milliseconds { naive: bool },
    Microseconds { naive: bool },
    Midnight,
}

impl Format {
    fn of(settings: &Settings, column: &Column) -> Option<Self> {
        let naive = is_naive(column);
        match &column.kind {
            ColumnKind::Numeric => Some(Self::Text),
            ColumnKind::DateTime if !settings.full_date_time_response => Some(Self::Milliseconds { naive }),
            ColumnKind::DateTime => Some(match settings.date_time_response_format {
                DateTimeFormat::Legacy => Self::Text,
                DateTimeFormat::Iso8601 => Self::Microseconds { naive },
            }),
            ColumnKind::Date => Self::of_date(settings),
            ColumnKind::String
            | ColumnKind::Uuid
            | ColumnKind::Integer
            | ColumnKind::Double
            | ColumnKind::Bool
            | ColumnKind::Enum(_)
            | ColumnKind::Time
            | ColumnKind::Json
            | ColumnKind::StoredImage => None,
        }
    }

    fn of_date(settings: &Settings) -> Option<Self> {
        (!settings.short_date_response).then_some(Self::Midnight)
    }

    fn write(self, sql: &mut SqlWriter, value: impl Fn(&mut SqlWriter)) {
        let (zone, format) = match self {
            Self::Text => {
                value(sql);
                sql.syntax("::text");
                return;
            }
            Self::Milliseconds { naive } => (!naive, r#"'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'"#),
            Self::Microseconds { naive } => (!naive, r#"'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'"#),
            Self::Midnight => (false, r#"'YYYY-MM-DD"T00:00:00.000Z"'"#),
        };
        // to_char gives NULL for an infinite time; `infinity` is what was stored, and can be stored again.
        sql.syntax("coalesce(to_char(");
        value(sql);
        sql.syntax(if zone { " AT TIME ZONE 'UTC', " } else { ", " }).syntax(format).syntax("), ");
        value(sql);
        sql.syntax("::text)");
    }
}
