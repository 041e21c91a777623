//! What a write puts into the columns of one row.

use std::sync::Arc;

use freehold_schema::acl::OperationKind;
use freehold_schema::ident::Ident;
use freehold_schema::model::{Column, Entity, JoiningColumn};
use freehold_schema::names::FieldName;
use serde_json::Value;

use super::connecting::{self, Connect, Connected};
use super::input::Data;
use super::permitted;
use crate::bind::BindSource;
use crate::cipher::EncryptedCell;
use crate::lower::clauses::Clause;
use crate::lower::columns::write_stored;
use crate::lower::{Env, State};

/// New values of a row.
#[derive(Debug, Default)]
pub(super) struct Values<'a> {
    pub assignments: Vec<Assignment<'a>>,
    /// Rows that are looked up by the statement itself, for foreign keys.
    pub connects: Vec<Connect<'a>>,
    /// The fields whose rules must allow it.
    pub fields: Vec<&'a FieldName>,
}

/// A column and its new value.
#[derive(Debug)]
pub(super) struct Assignment<'a> {
    pub name: &'a Ident,
    /// Of this type: a foreign key has that of the key it refers to.
    column: &'a Column,
    value: Assigned,
}

#[derive(Debug)]
enum Assigned {
    Source(BindSource),
    /// The key of the row that the connect with this index finds.
    Connected(usize),
}

impl<'a> Values<'a> {
    /// The columns that the caller gave, for the row with this key.
    pub fn given(entity: &'a Entity, data: &Data<'a>, key: Option<&BindSource>) -> Self {
        let mut values = Self { fields: data.columns.iter().map(|given| given.field).collect(), ..Self::default() };
        data.columns.iter().for_each(|given| values.set(entity, given.column, key, given.source.clone()));
        values
    }

    /// Assigns a value to a column of the row with this key, to which an encrypted value is bound.
    pub fn set(&mut self, entity: &Entity, column: &'a Column, key: Option<&BindSource>, source: BindSource) {
        let source = match EncryptedCell::of(entity, column) {
            Some(cell) => {
                let row = key.expect("rows with encrypted columns have UUIDs, which are known before they are written").clone();
                BindSource::Sealed { cell: Arc::new(cell), row: Box::new(row), value: Box::new(source) }
            }
            None => source,
        };
        self.assignments.push(Assignment { name: &column.column, column, value: Assigned::Source(source) });
    }

    /// Points a foreign key at a row.
    pub fn point(&mut self, field: &'a FieldName, joining: &'a JoiningColumn, target: &'a Entity, key: BindSource) {
        let column = target.primary_column();
        self.assignments.push(Assignment { name: &joining.column, column, value: Assigned::Source(key) });
        self.fields.push(field);
    }

    /// Points a foreign key at a row that the statement looks up.
    pub fn connect(&mut self, connect: Connect<'a>) {
        let (name, column) = (&connect.joining.column, connect.target.primary_column());
        self.fields.push(connect.field);
        self.assignments.push(Assignment { name, column, value: Assigned::Connected(self.connects.len()) });
        self.connects.push(connect);
    }

    /// Whether one statement can write them as rows of one kind: what only one of them has may be NULL in the other, and is not made by the database.
    pub fn are_like(&self, other: &Self) -> bool {
        let lacks = |values: &Self, name: &Ident| !values.assignments.iter().any(|assignment| assignment.name == name);
        let may_lack = |one: &Self, other: &Self| {
            let mut only = one.assignments.iter().filter(|assignment| lacks(other, assignment.name));
            only.all(|assignment| assignment.column.sequence.is_none())
        };
        let have_like_connects = self.connects.len() == other.connects.len()
            && self.connects.iter().zip(&other.connects).all(|(one, other)| one.is_like(other));
        have_like_connects && may_lack(self, other) && may_lack(other, self)
    }

    /// Those of rows that are alike, as if they were one row's: each value is one for each row.
    pub fn each(rows: &[&Self]) -> Option<Self> {
        let first = rows.first()?;
        let connect = |index: usize| Connect::each(&rows.iter().map(|row| &row.connects[index]).collect::<Vec<_>>());
        let connects = (0..first.connects.len()).map(connect).collect::<Option<_>>()?;
        let mut values = Self { assignments: Vec::new(), connects, fields: first.fields.clone() };
        for Assignment { name, column, value } in rows.iter().flat_map(|row| &row.assignments) {
            if values.assignments.iter().any(|assignment| assignment.name == *name) {
                continue;
            }
            let value = match value {
                Assigned::Source(_) => Assigned::Source(BindSource::Each(rows.iter().map(|row| row.source(name)).collect())),
                Assigned::Connected(index) => Assigned::Connected(*index),
            };
            values.assignments.push(Assignment { name, column, value });
        }
        Some(values)
    }

    /// What is bound for a column; NULL when it is not assigned.
    pub fn source(&self, name: &Ident) -> BindSource {
        let assigned = self.assignments.iter().find(|assignment| assignment.name == name);
        match assigned.map(|assignment| &assignment.value) {
            Some(Assigned::Source(source)) => source.clone(),
            Some(Assigned::Connected(_)) | None => BindSource::Literal(Value::Null),
        }
    }

    /// Writes `(column, …)`.
    pub fn write_columns(&self, state: &mut State) {
        for (index, assignment) in self.assignments.iter().enumerate() {
            state.sql.syntax(if index == 0 { "(" } else { ", " }).ident(assignment.name);
        }
        state.sql.syntax(")");
    }

    /// Writes `SELECT value, …`.
    pub fn write_select(&self, env: &Env<'_>, state: &mut State, connected: &[Connected<'_, '_>]) {
        for (index, assignment) in self.assignments.iter().enumerate() {
            state.sql.syntax(if index == 0 { "SELECT " } else { ", " });
            assignment.write(env, state, connected);
        }
    }

    /// Writes `column = value, …`.
    pub fn write_set(&self, env: &Env<'_>, state: &mut State, connected: &[Connected<'_, '_>]) {
        for (index, assignment) in self.assignments.iter().enumerate() {
            state.sql.syntax(if index == 0 { "" } else { ", " }).ident(assignment.name).syntax(" = ");
            assignment.write(env, state, connected);
        }
    }

    /// Whether nothing is written when a condition does not hold: no rule is judged afterwards, and no other row loses its target.
    pub fn are_whole(&self, permitted: &Clause<'_>) -> bool {
        permitted.is_always() && self.connects.iter().all(|connect| connect.exclusive.is_none())
    }

    /// What the rules of all fields demand of the row.
    pub fn permitted(&self, env: &Env<'a>, entity: &'a Entity, operation: OperationKind) -> Clause<'a> {
        permitted(env, entity, operation, &self.fields)
    }
}

impl Assignment<'_> {
    /// Writes the new value.
    pub fn write(&self, env: &Env<'_>, state: &mut State, connected: &[Connected<'_, '_>]) {
        match &self.value {
            Assigned::Source(source) => write_stored(env.schema, &mut state.sql, self.column, source.clone()),
            Assigned::Connected(index) => connecting::write_key(state, &connected[*index]),
        }
    }
}
