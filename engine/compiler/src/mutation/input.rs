//! The `data` of a write, sorted by what has to be done for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use freehold_schema::filter::Filter;
use freehold_schema::model::{Column, Entity, FieldKind, JoiningColumn, Relation, RelationKind};
use freehold_schema::names::FieldName;
use serde_json::Value;

use super::rules::Rule;
use crate::bind::BindSource;
use crate::error::ErrorCode;
use crate::lower::{Env, Refused, inputs, uniques};
use crate::plan::{InputCheck, PathFragment, WriteError, WriteErrorKind};
use crate::selection::{Input, Pos};

/// Which write the data are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Create,
    Update,
}

/// What `data` asks for.
#[derive(Debug)]
pub(super) struct Data<'a> {
    /// Columns and their new values, in the order given.
    pub columns: Vec<(&'a Column, BindSource)>,
    /// Relations whose foreign key is set to a row that is looked up.
    pub connects: Vec<Connect<'a>>,
    /// Relations whose foreign key is set to NULL.
    pub cleared: Vec<&'a JoiningColumn>,
    /// Names of all fields above.
    pub fields: Vec<&'a FieldName>,
}

/// A `connect` of a relation that holds the foreign key.
#[derive(Debug)]
pub(super) struct Connect<'a> {
    pub field: &'a FieldName,
    pub joining: &'a JoiningColumn,
    pub target: &'a Entity,
    pub by: Filter<BindSource>,
    /// As the caller gave it.
    pub input: Input,
    /// The target can be held by one row only: whether that row's key may become NULL.
    pub exclusive: Option<Nullable>,
}

/// Whether a foreign key may be NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Nullable(pub bool);

/// Why the data cannot be written.
#[derive(Debug)]
pub(super) enum Unwritable {
    /// The request is wrong, or asks for what is not offered.
    Refused(Refused),
    /// An answer of the write itself.
    Failed(WriteError),
}

impl From<Refused> for Unwritable {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

/// Operations on relations, in the order in which the contract's message lists them.
const ON_CREATE: [&str; 3] = ["connect", "create", "connectOrCreate"];
const ON_UPDATE: [&str; 7] = ["connect", "disconnect", "create", "connectOrCreate", "update", "upsert", "delete"];
/// The order of the fields of the input types, in which found ones are listed.
const IN_TYPE: [&str; 7] = ["connect", "create", "connectOrCreate", "update", "upsert", "disconnect", "delete"];

/// Sorts the data.
pub(super) fn read<'a>(
    env: &Env<'a>,
    purpose: Purpose,
    entity: &'a Entity,
    data: &Input,
    pos: Pos,
) -> Result<Data<'a>, Unwritable> {
    let mut read = Data { columns: Vec::new(), connects: Vec::new(), cleared: Vec::new(), fields: Vec::new() };
    let Input::Object(members) = data else { return Ok(read) };
    for (name, input) in members {
        let Some(field) = entity.fields.get(&**name) else {
            if *input != Input::Null {
                let message = format!("`{name}` stands for an input without fields and must not be given");
                return Err(Refused::new(message, ErrorCode::BadUserInput, pos).into());
            }
            continue;
        };
        match &field.kind {
            FieldKind::Column(column) => read.columns.push((column, inputs::source(input))),
            FieldKind::Relation(_) if *input == Input::Null => continue,
            FieldKind::Relation(relation) => {
                if !read_relation(env, purpose, entity, &field.name, relation, input, pos, &mut read)? {
                    continue;
                }
            }
        }
        read.fields.push(&field.name);
    }
    Ok(read)
}

/// False when there is nothing to do.
#[allow(clippy::too_many_arguments)] // each is a different thing, and there is one caller
fn read_relation<'a>(
    env: &Env<'a>,
    purpose: Purpose,
    entity: &'a Entity,
    field: &'a FieldName,
    relation: &'a Relation,
    input: &Input,
    pos: Pos,
    read: &mut Data<'a>,
) -> Result<bool, Unwritable> {
    for item in inputs::items(input) {
        let operation = only_operation(purpose, item, pos)?;
        let Some(joining) = relation.joining_column() else {
            return Err(unsupported(entity, field, operation, pos).into());
        };
        match operation {
            "connect" => {
                let input = inputs::member(item, operation).cloned().unwrap_or(Input::Null);
                read.connects.push(connect(env, purpose, entity, field, relation, joining, input, pos)?);
            }
            "disconnect" if !removes_orphans(relation) => read.cleared.push(joining),
            _ => return Err(unsupported(entity, field, operation, pos).into()),
        }
    }
    Ok(!inputs::items(input).is_empty())
}

#[allow(clippy::too_many_arguments)] // see read_relation
fn connect<'a>(
    env: &Env<'a>,
    purpose: Purpose,
    entity: &'a Entity,
    field: &'a FieldName,
    relation: &'a Relation,
    joining: &'a JoiningColumn,
    input: Input,
    pos: Pos,
) -> Result<Connect<'a>, Unwritable> {
    // Connecting would also have to delete the row that was connected before.
    if purpose == Purpose::Update && removes_orphans(relation) {
        return Err(unsupported(entity, field, "connect", pos).into());
    }
    let exclusive = match &relation.kind {
        RelationKind::OneHasOneOwning { nullable, .. } => Some(Nullable(*nullable)),
        _ => None,
    };
    let target = env.entity(relation.target.as_str());
    let by = uniques::unique_filter(env, target, &input, None, pos)
        .map_err(|refused| Unwritable::Failed(not_unique(vec![vec![PathFragment::Field(field.to_string())]], refused)))?;
    Ok(Connect { field, joining, target, by, input, exclusive })
}

/// An incomplete key as an error of the write.
pub(super) fn not_unique(paths: Vec<Vec<PathFragment>>, refused: Refused) -> WriteError {
    WriteError { paths, kind: WriteErrorKind::NonUniqueWhereInput, message: Some(refused.message) }
}

fn removes_orphans(relation: &Relation) -> bool {
    matches!(relation.kind, RelationKind::OneHasOneOwning { orphan_removal: true, .. })
}

/// The one operation that an object names.
fn only_operation(purpose: Purpose, item: &Input, pos: Pos) -> Result<&'static str, Refused> {
    // `disconnect: false` and `delete: false` ask for nothing.
    let asks = |name: &str| inputs::member(item, name).is_some_and(|input| inputs::constant(input) != Some(&Value::Bool(false)));
    let found: Vec<&'static str> = IN_TYPE.into_iter().filter(|name| asks(name)).collect();
    if let [operation] = found.as_slice() {
        return Ok(operation);
    }
    let expected = match purpose {
        Purpose::Create => ON_CREATE.join(", "),
        Purpose::Update => ON_UPDATE.join(", "),
    };
    let found = if found.is_empty() { "none".to_owned() } else { found.join(", ") };
    Err(Refused::new(format!("Expected exactly one of: {expected}. {found} found."), ErrorCode::BadUserInput, pos))
}

fn unsupported(entity: &Entity, field: &FieldName, operation: &str, pos: Pos) -> Refused {
    let message = format!(
        "`{operation}` of relation `{field}` of {} is not offered yet; on writes, has-one relations that hold the foreign key can be connected and disconnected",
        entity.name
    );
    Refused::new(message, ErrorCode::NotSupported, pos)
}

/// The checks of a write's data: rules of the schema, then what the database demands. Columns come before relations.
pub(super) fn checks<'a>(purpose: Purpose, entity: &'a Entity, data: &Data<'a>, pos: Pos) -> Result<Vec<InputCheck>, Refused> {
    let values = Arc::new(known_values(purpose, entity, data));
    let (columns, relations): (Vec<_>, Vec<_>) =
        entity.fields.values().partition(|field| matches!(field.kind, FieldKind::Column(_)));
    let mut checks = Vec::new();
    for field in columns.into_iter().chain(relations) {
        if purpose == Purpose::Update && !data.fields.contains(&&field.name) {
            continue;
        }
        let mut add = |rule: Rule, message: &str| {
            let path = vec![PathFragment::Field(field.name.to_string())];
            checks.push(InputCheck {
                path,
                field: field.name.clone(),
                rule,
                message: message.into(),
                values: Arc::clone(&values),
            });
        };
        for rule in &field.rules {
            let judged = Rule::new(&rule.validator).map_err(|pattern| {
                let message =
                    format!("the pattern `{pattern}` of field `{}` cannot be checked; write it without look-around", field.name);
                Refused::new(message, ErrorCode::NotSupported, pos)
            })?;
            add(judged, &rule.message);
        }
        if is_required(entity, &field.name, &field.kind) {
            add(Rule::Required, "Field is required");
        }
    }
    Ok(checks)
}

fn is_required(entity: &Entity, name: &FieldName, kind: &FieldKind) -> bool {
    match kind {
        FieldKind::Column(column) => !column.nullable && *name != entity.primary,
        FieldKind::Relation(relation) => match &relation.kind {
            RelationKind::ManyHasOne { nullable, .. }
            | RelationKind::OneHasOneOwning { nullable, .. }
            | RelationKind::OneHasOneInverse { nullable, .. } => !nullable,
            RelationKind::OneHasMany { .. }
            | RelationKind::ManyHasManyOwning { .. }
            | RelationKind::ManyHasManyInverse { .. } => false,
        },
    }
}

/// What is known of the row to be. Connected relations are known to be something.
fn known_values<'a>(purpose: Purpose, entity: &'a Entity, data: &Data<'a>) -> BTreeMap<FieldName, BindSource> {
    let mut values = BTreeMap::new();
    for field in entity.fields.values() {
        let given = data.fields.contains(&&field.name);
        let value = match &field.kind {
            FieldKind::Column(column) if given => {
                data.columns.iter().find(|(c, _)| *c == column).map(|(_, source)| source.clone())
            }
            FieldKind::Column(column) if purpose == Purpose::Create && column.sequence.is_none() => {
                default(column).or(Some(BindSource::Literal(Value::Null)))
            }
            FieldKind::Relation(_) if given => {
                let connected = data.connects.iter().any(|connect| *connect.field == field.name);
                Some(BindSource::Literal(if connected { Value::Bool(true) } else { Value::Null }))
            }
            FieldKind::Relation(_) if purpose == Purpose::Create => Some(BindSource::Literal(Value::Null)),
            FieldKind::Column(_) | FieldKind::Relation(_) => None,
        };
        values.extend(value.map(|value| (field.name.clone(), value)));
    }
    values
}

/// What the engine puts into a column that was not given.
pub(super) fn default(column: &Column) -> Option<BindSource> {
    use freehold_schema::model::ColumnKind;
    let value = column.default.as_ref()?;
    let is_now = matches!(column.kind, ColumnKind::DateTime | ColumnKind::Date | ColumnKind::Time) && value == "now";
    Some(if is_now { BindSource::Now } else { BindSource::Literal(value.clone()) })
}
