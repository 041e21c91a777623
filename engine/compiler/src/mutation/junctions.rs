//! Operations on rows that a junction connects with the written row (content API, section 10.3).

use freehold_schema::acl::OperationKind;
use freehold_schema::model::Entity;
use freehold_schema::names::FieldName;

use super::creating::create;
use super::input::{Nested, Operation};
use super::program::{Place, Program};
use super::updating::{Found, update};
use super::{Answer, has_key, lookups, nesting, not_found, permitted};
use crate::bind::BindSource;
use crate::lower::clauses::{self, ALWAYS, Clause};
use crate::lower::links::{Junction, Link};
use crate::lower::{Refused, State, write_where};
use crate::permissions::Access;
use crate::plan::{Guard, WriteError};
use crate::sql::Alias;

/// Carries out an operation.
pub(super) fn write<'a>(
    program: &mut Program<'_, 'a>,
    entity: &'a Entity,
    nested: &Nested<'a>,
    row: &BindSource,
    place: &Place,
) -> Result<(), Refused> {
    let target = nested.target;
    let connection = Connection::new(program, entity, nested, row);
    match &nested.operation {
        Operation::Connect(by) => {
            if let Some(found) = lookups::found(program, target, by, None, place) {
                connection.write(program, Verb::Connect, connection.seen(program, found), place);
            }
        }
        Operation::Create(data) => {
            let key = create(program, target, data, None, place)?;
            connection.write(program, Verb::Connect, connection.known(key), place);
        }
        Operation::ConnectOrCreate(by, data) => {
            let known = lookups::optional(program, target, by, None, place);
            let new = create(program, target, data, None, &place.when(Guard::Missing(known.clone())))?;
            connection.write(program, Verb::Connect, connection.known(BindSource::FirstOf(vec![known, new])), place);
        }
        Operation::Update(by, data) => {
            if let Some(found) = lookups::found(program, target, by, None, place) {
                let key = update(program, target, found, data, place)?;
                connection.write(program, Verb::Connect, connection.known(key), place);
            }
        }
        Operation::Upsert(by, data, created) => {
            let known = lookups::optional(program, target, by, None, place);
            let found = place.when(Guard::Found(known.clone()));
            update(program, target, Found::with_key(target, &known), data, &found)?;
            let new = create(program, target, created, None, &place.when(Guard::Missing(known.clone())))?;
            connection.write(program, Verb::Connect, connection.known(BindSource::FirstOf(vec![known, new])), place);
        }
        Operation::Disconnect(by) => {
            if let Some(found) = lookups::found(program, target, by, None, place) {
                connection.write(program, Verb::Disconnect, connection.seen(program, found), place);
            }
        }
        Operation::Delete(by) => nesting::remove(program, nested, by, None, place)?,
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Connect,
    Disconnect,
}

/// The written row, a junction, and the entity on its other side.
struct Connection<'a> {
    entity: &'a Entity,
    target: &'a Entity,
    row: BindSource,
    junction: Junction<'a>,
    /// What allows to connect and disconnect, on both sides.
    permitted: [Clause<'a>; 2],
}

impl<'a> Connection<'a> {
    fn new(program: &Program<'_, 'a>, entity: &'a Entity, nested: &Nested<'a>, row: &BindSource) -> Self {
        let env = program.env;
        let target = nested.target;
        let junction = Link::of(env, entity, nested.relation).junction.expect("a many-has-many relation goes through a junction");
        let rule = |entity: &'a Entity, field: Option<&FieldName>| {
            field.map_or(ALWAYS, |field| permitted(env, entity, OperationKind::Update, &[field]))
        };
        let permitted = [rule(entity, Some(nested.field)), rule(target, nested.relation.other_side())];
        Self { entity, target, row: row.clone(), junction, permitted }
    }

    /// A row that the caller must see.
    fn seen(&self, program: &Program<'_, 'a>, found: Found<'a>) -> Found<'a> {
        let visible = clauses::visible(program.env, Access::Root, self.target);
        Found { by: Clause::all([visible, found.by]), ..found }
    }

    /// The row with a key, which the caller need not see.
    fn known(&self, key: BindSource) -> Found<'a> {
        Found { by: has_key(self.target, key), filter: ALWAYS, missing: not_found(None, None) }
    }

    /// Adds the step: `WITH near AS (the written row, if permitted), far AS (the other), changed AS (…)`.
    fn write(&self, program: &mut Program<'_, 'a>, verb: Verb, found: Found<'a>, place: &Place) {
        let env = program.env;
        let mut state = State::new(env, &[]);
        let [here, there] = &self.permitted;
        state.sql.syntax("WITH ");
        let near = self.write_side(program, &mut state, self.entity, [has_key(self.entity, self.row.clone()), here.clone()]);
        state.sql.syntax(", ");
        let far = self.write_side(program, &mut state, self.target, [found.by, ALWAYS]);
        let mut allowed = far;
        if !there.is_always() {
            state.sql.syntax(", ");
            let (rows, alias) = (state.sql.next_alias(), state.sql.next_alias());
            let key = &self.target.primary_column().column;
            state.sql.alias(rows).syntax(" AS (SELECT ").column(alias, key).syntax(" FROM ").content(&self.target.table);
            state.sql.syntax(" ").alias(alias);
            super::updating::write_found(&mut state, self.target, alias, far);
            crate::lower::write_and(env, &mut state, alias, there);
            state.sql.syntax(" FOR SHARE)");
            allowed = rows;
        }
        self.write_change(&mut state, verb, near, allowed);
        let mut answer = Answer::begin(&mut state);
        answer.check_some(env, &mut state, found.missing, far, &ALWAYS);
        let denied: WriteError = not_found(None, None);
        if !here.is_always() {
            answer.check_some(env, &mut state, denied.clone(), near, &ALWAYS);
        }
        if !there.is_always() {
            answer.check_some(env, &mut state, denied, allowed, &ALWAYS);
        }
        let kind = answer.finish_change(env, &mut state, self.entity, &[]);
        program.push(place, state, kind);
    }

    /// `rows AS (SELECT key FROM table WHERE …)`. Only the junction is written, so a row whose columns allow that is locked: it stays as it was judged until the commit.
    fn write_side(&self, program: &Program<'_, 'a>, state: &mut State, entity: &'a Entity, clauses: [Clause<'a>; 2]) -> Alias {
        let (rows, alias) = (state.sql.next_alias(), state.sql.next_alias());
        state.sql.alias(rows).syntax(" AS (SELECT ").column(alias, &entity.primary_column().column).syntax(" FROM ");
        state.sql.content(&entity.table).syntax(" ").alias(alias);
        let [_, rule] = &clauses;
        let end = if rule.is_always() { ")" } else { " FOR SHARE)" };
        write_where(program.env, state, alias, clauses);
        state.sql.syntax(end);
        rows
    }

    fn write_change(&self, state: &mut State, verb: Verb, near: Alias, far: Alias) {
        let Junction { table, near: near_column, far: far_column } = self.junction;
        let (near_key, far_key) = (&self.entity.primary_column().column, &self.target.primary_column().column);
        let changed = state.sql.next_alias();
        state.sql.syntax(", ").alias(changed);
        match verb {
            Verb::Connect => {
                state.sql.syntax(" AS (INSERT INTO ").content(table).syntax(" (").ident(near_column).syntax(", ");
                state.sql.ident(far_column).syntax(") SELECT ").column(near, near_key).syntax(", ").column(far, far_key);
                state.sql.syntax(" FROM ").alias(near).syntax(", ").alias(far).syntax(" ON CONFLICT DO NOTHING) ");
            }
            Verb::Disconnect => {
                let alias = state.sql.next_alias();
                state.sql.syntax(" AS (DELETE FROM ").content(table).syntax(" ").alias(alias).syntax(" USING ").alias(near);
                state.sql.syntax(", ").alias(far).syntax(" WHERE ").column(alias, near_column).syntax(" = ");
                state.sql.column(near, near_key).syntax(" AND ").column(alias, far_column).syntax(" = ");
                state.sql.column(far, far_key).syntax(") ");
            }
        }
    }
}
