//! Writes of many rows by one root field: `createManyX`, `updateManyX`, `deleteManyX`. Beyond the recorded contract.
//!
//! Rows are found by a filter among those the caller sees. Either all of them are changed or none: one that he may not change, or more than the limit, ends the write.

use freehold_schema::acl::OperationKind;
use freehold_schema::model::Entity;
use serde_json::json;

use super::checking::Unknown;
use super::connecting;
use super::followers::{Follower, orphans, write_followers};
use super::input::Data;
use super::program::{Place, Program};
use super::proposing::{Proposal, write_permitted};
use super::values::Values;
use super::{Answer, deleting, not_found, owning, write_returning};
use crate::bind::{BindSource, BindType};
use crate::error::ErrorCode;
use crate::lower::clauses::{self, Clause};
use crate::lower::{Env, Refused, State, inputs, write_and, write_where};
use crate::permissions::Access;
use crate::plan::{Message, WriteError, WriteErrorKind};
use crate::selection::{Input, Selected};
use crate::sql::Alias;

/// Rows that one field may change when it gives no `limit`.
const USUAL: i64 = 1_000;
/// Rows that one field may change at most.
const MOST: usize = 10_000;
/// Rows that one field may create: each may have statements of its own in the plan.
const MOST_CREATED: usize = 1_000;
/// The text under which a statement tells how many rows it changed.
pub(super) const AFFECTED: &str = "affected";

/// Updates all rows that satisfy a filter.
///
/// # Errors
/// When the data ask for more than one statement can do.
pub(super) fn update<'a>(
    program: &mut Program<'_, 'a>,
    entity: &'a Entity,
    field: &Selected,
    filter: Clause<'a>,
    data: &Data<'a>,
) -> Result<(), Refused> {
    if !data.is_flat(program.env, entity) {
        let message =
            format!("`{}` writes columns, and connects and disconnects has-one relations that hold the foreign key", field.name);
        return Err(Refused::new(message, ErrorCode::BadUserInput, field.pos));
    }
    let place = Place::default();
    if data.is_encrypted() {
        let message = format!("`{}` cannot write an encrypted field: its stored value is another one in each row", field.name);
        return Err(Refused::new(message, ErrorCode::BadUserInput, field.pos));
    }
    if let Some(unknown) = Unknown::of(entity, data)?.and_then(|unknown| unknown.fields.first().copied()) {
        let message =
            format!("a rule looks at `{}`, too: give it to `{}`, because rows may differ in it", unknown.name, field.name);
        return Err(Refused::new(message, ErrorCode::BadUserInput, field.pos));
    }
    // Nothing of it is bound to a row.
    let mut values = Values::given(entity, data, None);
    owning::connects(program, data, &place, &mut values);
    if values.assignments.is_empty() || values.connects.iter().any(|connect| connect.exclusive.is_some()) {
        let message = format!("`{}` needs something to write that many rows can have", field.name);
        return Err(Refused::new(message, ErrorCode::BadUserInput, field.pos));
    }
    let env = program.env;
    let permitted = values.permitted(env, entity, OperationKind::Update);
    let mut state = State::new(env, &[]);
    let batch = Batch::begin(env, &mut state, entity, field, filter);
    state.sql.syntax(", ");
    let connected = connecting::write_connects(env, &mut state, entity, &values.connects, None);
    let (changed, old) = (state.sql.next_alias(), state.sql.next_alias());
    state.sql.alias(changed).syntax(" AS (UPDATE ").content(&entity.table).syntax(" ").alias(old).syntax(" SET ");
    values.write_set(env, &mut state, &connected);
    batch.write_members(&mut state, old);
    write_and(env, &mut state, old, &permitted);
    if !permitted.is_always() {
        state.sql.syntax(" AND ");
        write_permitted(
            env,
            &mut state,
            entity,
            &Proposal { values: &values, connected: &connected, old: Some(old) },
            &permitted,
        );
    }
    connecting::write_conditions(env, &mut state, &connected, true);
    let kind = write_returning(&mut state, changed, |state| {
        state.sql.syntax(" ");
        let mut answer = Answer::begin(state);
        batch.check_limit(state, &mut answer);
        connecting::add_checks(env, state, &mut answer, &connected);
        batch.check_all(env, state, &mut answer, changed, &permitted);
        answer.is_whole = values.are_whole(&permitted);
        Ok(answer.finish_change(env, state, entity, &values.fields))
    })?;
    program.push(&place, state, kind);
    Ok(())
}

/// Deletes all rows that satisfy a filter.
///
/// # Errors
/// When rows that only they hold would go with them, and leave orphans themselves.
pub(super) fn delete<'a>(
    program: &mut Program<'_, 'a>,
    entity: &'a Entity,
    field: &Selected,
    filter: Clause<'a>,
) -> Result<(), Refused> {
    let env = program.env;
    let orphans = orphans(env, entity);
    if let Some(orphan) = orphans.iter().find(|orphan| orphan.holds_others(env)) {
        let message = format!(
            "`{}` is not offered: relation `{}` of {} removes orphans that may leave orphans themselves",
            field.name, orphan.field, entity.name
        );
        return Err(Refused::new(message, ErrorCode::NotSupported, field.pos));
    }
    let permitted = clauses::of_rule(env, entity, env.permissions.delete(Access::Root, entity.name.as_str()));
    let (restricting, following) = program.followers(entity);
    let mut state = State::new(env, &[]);
    let batch = Batch::begin(env, &mut state, entity, field, filter);
    let (gone, old) = (state.sql.next_alias(), state.sql.next_alias());
    state.sql.syntax(", ").alias(gone).syntax(" AS (DELETE FROM ").content(&entity.table).syntax(" ").alias(old);
    batch.write_members(&mut state, old);
    write_and(env, &mut state, old, &permitted);
    for follower in &restricting {
        state.sql.syntax(" AND NOT EXISTS (SELECT 1 FROM ");
        batch.write_references(&mut state, follower, " WHERE ", old);
        state.sql.syntax(")");
    }
    write_followers(env, &mut state, &following, entity, old, 1);
    deleting::write_orphans(env, &mut state, entity, &orphans, old, gone, " IN (SELECT ");
    state.sql.syntax(" ");

    let mut answer = Answer::begin(&mut state);
    batch.check_limit(&mut state, &mut answer);
    for follower in &restricting {
        let visible = clauses::visible(env, Access::Root, follower.owner);
        if visible.is_never() {
            continue;
        }
        answer.check(&mut state, referenced(entity, follower.owner, follower.field.as_str()), |state| {
            let rows = state.sql.next_alias();
            state.sql.syntax("NOT EXISTS (SELECT 1 FROM ").alias(batch.rows).syntax(" ").alias(rows).syntax(" JOIN ");
            let referring = batch.write_references(state, follower, " ON ", rows);
            write_where(env, state, referring, [visible]);
            state.sql.syntax(")");
        });
    }
    batch.check_all(env, &mut state, &mut answer, gone, &clauses::ALWAYS);
    answer.is_whole = permitted.is_always() && restricting.is_empty() && following.is_empty() && orphans.is_empty();
    let kind = answer.finish_change(env, &mut state, entity, &[]);
    program.push(&Place::default(), state, kind);
    Ok(())
}

fn referenced(entity: &Entity, owner: &Entity, field: &str) -> WriteError {
    let message = format!(
        "Cannot delete rows of entity {}, because they are still referenced from entity {} in relation {field}. OnDelete behaviour of this relation is set to \
         \"restrict\". You might consider changing it to \"setNull\" or \"cascade\".",
        entity.name, owner.name
    );
    WriteError { paths: Vec::new(), kind: WriteErrorKind::ForeignKeyConstraintViolation, message: Some(Message::fixed(message)) }
}

/// The rows that are found, in a CTE, and whether they are not too many.
struct Batch<'a> {
    entity: &'a Entity,
    rows: Alias,
    limit: BindSource,
}

impl<'a> Batch<'a> {
    /// Writes `WITH rows AS (SELECT key FROM table WHERE … LIMIT one more than allowed)`.
    fn begin(env: &Env<'a>, state: &mut State, entity: &'a Entity, field: &Selected, filter: Clause<'a>) -> Self {
        let given = inputs::argument(field, "limit").map(inputs::source);
        let limit = BindSource::NotNegative {
            source: Box::new(given.unwrap_or(BindSource::Literal(json!(USUAL)))),
            argument: "limit".into(),
        };
        let (rows, row) = (state.sql.next_alias(), state.sql.next_alias());
        state.sql.syntax("WITH ").alias(rows).syntax(" AS (SELECT ").column(row, &entity.primary_column().column);
        state.sql.syntax(" FROM ").content(&entity.table).syntax(" ").alias(row);
        write_where(env, state, row, [clauses::visible(env, Access::Root, entity), filter]);
        let batch = Self { entity, rows, limit };
        state.sql.syntax(" LIMIT ");
        batch.write_limit(state);
        state.sql.syntax(" + 1)");
        batch
    }

    fn write_limit(&self, state: &mut State) {
        state.sql.syntax("least(").bind(self.limit.clone(), BindType::Int).syntax(", ").number(MOST).syntax(")");
    }

    /// Whether there are not too many.
    fn write_few(&self, state: &mut State) {
        state.sql.syntax("(SELECT count(*) FROM ").alias(self.rows).syntax(") <= ");
        self.write_limit(state);
    }

    /// ` WHERE key IN (the rows) AND they are not too many`
    fn write_members(&self, state: &mut State, old: Alias) {
        let key = &self.entity.primary_column().column;
        state.sql.syntax(" WHERE ").column(old, key).syntax(" IN (SELECT ").column(self.rows, key).syntax(" FROM ");
        state.sql.alias(self.rows).syntax(") AND ");
        self.write_few(state);
    }

    /// `table rows WHERE foreign key = key`, of rows that stay; `before` is WHERE or ON. Rows of the same entity may refer to each other and go together.
    fn write_references(&self, state: &mut State, follower: &Follower<'_>, before: &'static str, found: Alias) -> Alias {
        let (rows, key) = (state.sql.next_alias(), &self.entity.primary_column().column);
        state.sql.content(&follower.owner.table).syntax(" ").alias(rows).syntax(before);
        state.sql.column(rows, follower.key).syntax(" = ").column(found, key);
        if follower.owner.name == self.entity.name {
            state.sql.syntax(" AND ").column(rows, key).syntax(" NOT IN (SELECT ").column(self.rows, key).syntax(" FROM ");
            state.sql.alias(self.rows).syntax(")");
        }
        rows
    }

    fn check_limit(&self, state: &mut State, answer: &mut Answer) {
        let message = "more rows match than `limit` allows; nothing was changed";
        let error = WriteError { paths: Vec::new(), kind: WriteErrorKind::TooManyRows, message: Some(Message::fixed(message)) };
        answer.check(state, error, |state| self.write_few(state));
    }

    /// All that were found were changed, and satisfy the clause; tells how many.
    fn check_all(&self, env: &Env<'_>, state: &mut State, answer: &mut Answer, changed: Alias, clause: &Clause<'_>) {
        answer.check(state, not_found(None, None), |state| {
            state.sql.syntax("(SELECT count(*) FROM ").alias(changed);
            write_where(env, state, changed, [clause.clone()]);
            state.sql.syntax(") = (SELECT count(*) FROM ").alias(self.rows).syntax(")");
        });
        answer.text(state, AFFECTED, |state| {
            state.sql.syntax("(SELECT count(*)::text FROM ").alias(changed).syntax(")");
        });
    }
}

/// Items of `data`.
///
/// # Errors
/// When there are too many.
pub(super) fn items<'f>(field: &'f Selected, name: &str) -> Result<&'f [Input], Refused> {
    let items = inputs::argument(field, name).map_or(&[][..], inputs::items);
    if items.len() > MOST_CREATED {
        let message = format!("`{name}` has {} items, allowed are {MOST_CREATED}", items.len());
        return Err(Refused::new(message, ErrorCode::TooComplex, field.pos));
    }
    Ok(items)
}
