//! The `data` of a write: columns, and operations on related rows (content API, section 10).

use freehold_schema::model::{Column, Entity, FieldKind, Relation, RelationKind};
use freehold_schema::names::FieldName;
use serde_json::Value;

use super::program::Place;
use super::{linking, owning};
use crate::bind::BindSource;
use crate::error::ErrorCode;
use crate::lower::{Env, Refused, inputs};
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
    pub purpose: Purpose,
    /// Columns and their new values, in the order given.
    pub columns: Vec<Given<'a>>,
    /// Operations on related rows, in the order given.
    pub nested: Vec<Nested<'a>>,
    /// Place of the `data` in the document.
    pub pos: Pos,
}

/// A column and its new value.
#[derive(Debug)]
pub(super) struct Given<'a> {
    pub field: &'a FieldName,
    pub column: &'a Column,
    pub source: BindSource,
}

/// One operation on related rows.
#[derive(Debug)]
pub(super) struct Nested<'a> {
    pub field: &'a FieldName,
    pub relation: &'a Relation,
    pub target: &'a Entity,
    /// Which item of a has-many relation's list it is, and its alias.
    pub item: Option<(usize, Option<Input>)>,
    pub operation: Operation<'a>,
    /// Place of the whole `data` in the document.
    pub pos: Pos,
}

/// What is done. `by` is [`Input::Null`] for a has-one relation, which has one row only.
#[derive(Debug)]
pub(super) enum Operation<'a> {
    Connect(Input),
    Create(Data<'a>),
    ConnectOrCreate(Input, Data<'a>),
    Update(Input, Data<'a>),
    Upsert(Input, Data<'a>, Data<'a>),
    Disconnect(Input),
    Delete(Input),
}

impl Operation<'_> {
    /// Whether the related row itself is written when there is one, and not only what refers to it.
    pub fn writes_related(&self) -> bool {
        matches!(self, Self::Update(..) | Self::Upsert(..) | Self::Delete(_))
    }
}

/// Operations in the order in which the contract's message lists them.
const ON_CREATE: [&str; 3] = ["connect", "create", "connectOrCreate"];
const ON_UPDATE: [&str; 7] = ["connect", "disconnect", "create", "connectOrCreate", "update", "upsert", "delete"];
/// The order of the fields of the input types, in which found ones are listed.
const IN_TYPE: [&str; 7] = ["connect", "create", "connectOrCreate", "update", "upsert", "disconnect", "delete"];

impl<'a> Data<'a> {
    /// Reads the data of a row of `entity`.
    ///
    /// # Errors
    /// When a relation is not given exactly one operation.
    pub fn read(env: &Env<'a>, purpose: Purpose, entity: &'a Entity, data: &Input, pos: Pos) -> Result<Self, Refused> {
        let mut read = Self { purpose, columns: Vec::new(), nested: Vec::new(), pos };
        let Input::Object(members) = data else { return Ok(read) };
        for (name, input) in members {
            let Some(field) = entity.fields.get(&**name) else {
                if *input != Input::Null {
                    let message = format!("`{name}` stands for an input without fields and must not be given");
                    return Err(Refused::new(message, ErrorCode::BadUserInput, pos));
                }
                continue;
            };
            match &field.kind {
                FieldKind::Column(column) => {
                    read.columns.push(Given { field: &field.name, column, source: inputs::source(input) });
                }
                FieldKind::Relation(relation) => read.read_relation(env, &field.name, relation, input)?,
            }
        }
        Ok(read)
    }

    fn read_relation(
        &mut self,
        env: &Env<'a>,
        field: &'a FieldName,
        relation: &'a Relation,
        input: &Input,
    ) -> Result<(), Refused> {
        let target = env.entity(relation.target.as_str());
        for (index, item) in inputs::items(input).iter().enumerate() {
            let operation = self.operation(env, relation, target, item)?;
            let item = relation.is_has_many().then(|| (index, inputs::member(item, "alias").cloned()));
            self.nested.push(Nested { field, relation, target, item, operation, pos: self.pos });
        }
        Ok(())
    }

    fn operation(&self, env: &Env<'a>, relation: &Relation, target: &'a Entity, item: &Input) -> Result<Operation<'a>, Refused> {
        let name = only_operation(self.purpose, item, self.pos)?;
        let input = inputs::member(item, name).unwrap_or(&Input::Null);
        let part = |name| inputs::member(input, name).cloned().unwrap_or(Input::Null);
        let data = |purpose, data: &Input| Self::read(env, purpose, target, data, self.pos);
        let is_many = relation.is_has_many();
        let by = || if is_many { part("by") } else { Input::Null };
        Ok(match name {
            "connect" => Operation::Connect(input.clone()),
            "create" => Operation::Create(data(Purpose::Create, input)?),
            "connectOrCreate" => Operation::ConnectOrCreate(part("connect"), data(Purpose::Create, &part("create"))?),
            "update" if is_many => Operation::Update(by(), data(Purpose::Update, &part("data"))?),
            "update" => Operation::Update(by(), data(Purpose::Update, input)?),
            "upsert" => {
                let create = data(Purpose::Create, &part("create"))?;
                Operation::Upsert(by(), data(Purpose::Update, &part("update"))?, create)
            }
            "disconnect" => Operation::Disconnect(if is_many { input.clone() } else { Input::Null }),
            _ => Operation::Delete(if is_many { input.clone() } else { Input::Null }),
        })
    }

    /// Whether one statement can write it all.
    pub fn is_flat(&self, env: &Env<'a>, entity: &Entity) -> bool {
        match self.purpose {
            Purpose::Create => self.nested.iter().all(|nested| {
                let connects = matches!(nested.operation, Operation::Connect(_));
                connects && nested.is_owning_one() || linking::is_possible(env, entity, nested)
            }),
            Purpose::Update => self.nested.iter().all(Nested::is_owning_one) && owning::needed(self).is_none(),
        }
    }

    /// The value that is given for a column.
    pub fn source(&self, field: &FieldName) -> Option<BindSource> {
        self.columns.iter().find(|given| given.field == field).map(|given| given.source.clone())
    }

    /// Whether any given value is stored encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.columns.iter().any(|given| given.column.encryption.is_some())
    }

    /// Names of the fields that are given.
    pub fn fields(&self) -> impl Iterator<Item = &'a FieldName> {
        self.columns.iter().map(|given| given.field).chain(self.nested.iter().map(|nested| nested.field))
    }
}

impl Nested<'_> {
    /// Where the operation stands in the input whose place is given.
    pub fn place(&self, place: &Place) -> Place {
        let place = place.at(self.field);
        match &self.item {
            Some((index, alias)) => place.item(*index, alias.clone()),
            None => place,
        }
    }

    /// Whether the row that is written holds the key of the related one.
    pub fn is_owning_one(&self) -> bool {
        matches!(self.relation.kind, RelationKind::ManyHasOne { .. } | RelationKind::OneHasOneOwning { .. })
    }
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
