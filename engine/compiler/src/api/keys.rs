//! Keys of an entity: those that identify a row, as the content API counts them (section 6), and those that rows can be grouped by.

use freehold_schema::model::{ColumnKind, Entity, Field, FieldKind, RelationKind};
use freehold_schema::names::FieldName;

/// The primary key, every unique, and every relation whose row identifies this one: one-has-one on both sides, and one-has-many, in that order.
#[must_use]
pub fn unique_keys(entity: &Entity) -> Vec<Vec<FieldName>> {
    let mut keys = vec![vec![entity.primary.clone()]];
    let relations = entity.fields.values().filter(|field| match &field.kind {
        FieldKind::Column(_) => false,
        FieldKind::Relation(relation) => match &relation.kind {
            RelationKind::OneHasOneOwning { .. } | RelationKind::OneHasOneInverse { .. } | RelationKind::OneHasMany { .. } => {
                true
            }
            RelationKind::ManyHasOne { .. }
            | RelationKind::ManyHasManyOwning { .. }
            | RelationKind::ManyHasManyInverse { .. } => false,
        },
    });
    let uniques = entity.uniques.iter().map(|unique| unique.fields.clone());
    for key in uniques.chain(relations.map(|field| vec![field.name.clone()])) {
        if !keys.contains(&key) {
            keys.push(key);
        }
    }
    keys
}

/// Something that rows can be grouped by.
#[derive(Debug, Clone)]
pub struct GroupKey<'a> {
    /// Its name in the API: that of the field, with the part behind it.
    pub name: String,
    /// A column with single values, or a has-one relation.
    pub field: &'a Field,
    /// The part of a date or time that counts.
    pub part: Option<DatePart>,
}

/// How much of a date or time counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DatePart {
    /// Year, month and day.
    Day,
    /// Year and month.
    Month,
    /// The year.
    Year,
}

impl DatePart {
    fn suffix(self) -> &'static str {
        match self {
            Self::Day => "Day",
            Self::Month => "Month",
            Self::Year => "Year",
        }
    }
}

/// What the rows of an entity can be grouped by: each field, and behind it the parts of its dates. A model's own field wins over a part of the same name.
#[must_use]
pub fn group_keys(entity: &Entity) -> Vec<GroupKey<'_>> {
    let mut keys = Vec::new();
    for field in entity.fields.values().filter(|field| is_single(field)) {
        keys.push(GroupKey { name: field.name.to_string(), field, part: None });
        let parts = parts(field).iter().map(|&part| (format!("{}{}", field.name, part.suffix()), part));
        let parts = parts.filter(|(name, _)| !entity.fields.contains_key(name.as_str()));
        keys.extend(parts.map(|(name, part)| GroupKey { name, field, part: Some(part) }));
    }
    keys
}

/// Whether a row has at most one value of the field, which equals another one or does not.
fn is_single(field: &Field) -> bool {
    match &field.kind {
        FieldKind::Column(column) => {
            !column.list && column.encryption.is_none() && !matches!(column.kind, ColumnKind::Json | ColumnKind::StoredImage)
        }
        FieldKind::Relation(relation) => !relation.is_has_many(),
    }
}

fn parts(field: &Field) -> &'static [DatePart] {
    match &field.kind {
        FieldKind::Column(column) => match &column.kind {
            ColumnKind::DateTime => &[DatePart::Day, DatePart::Month, DatePart::Year],
            ColumnKind::Date => &[DatePart::Month, DatePart::Year],
            ColumnKind::Uuid
            | ColumnKind::String
            | ColumnKind::Integer
            | ColumnKind::Double
            | ColumnKind::Numeric
            | ColumnKind::Bool
            | ColumnKind::Enum(_)
            | ColumnKind::Time
            | ColumnKind::Json
            | ColumnKind::StoredImage => &[],
        },
        FieldKind::Relation(_) => &[],
    }
}
