//! `deleteX`

use freehold_schema::acl::OperationKind;
use freehold_schema::ident::Ident;
use freehold_schema::model::{Entity, FieldKind, OnDelete};

use super::updating::{filter, write_filtered, write_found};
use super::{Answer, argument, assembled, for_input, input, nodes, not_found, refused, write_condition, write_lookup};
use crate::lower::clauses::{self, ALWAYS, Clause};
use crate::lower::{Env, Refused, State, uniques};
use crate::permissions::{Access, Rule};
use crate::plan::{Message, Quoted, Step, Write, WriteError, WriteErrorKind};
use crate::selection::{Input, Selected};
use crate::sql::Alias;

/// Entities inside each other that a deletion is followed through.
const MAX_CASCADE: usize = 8;

pub(super) fn delete(env: &Env<'_>, entity: &Entity, field: &Selected) -> Result<Write, Refused> {
    let entity = env.entity(entity.name.as_str());
    let by = argument(field, "by");
    let found = match uniques::unique_filter(env, entity, by, None, field.pos) {
        Ok(filter) => clauses::requested(env, Access::Root, entity, &filter),
        Err(incomplete) => return Ok(refused(field, Vec::new(), input::not_unique(Vec::new(), incomplete))),
    };
    let mut images = Vec::new();
    let mut steps = nodes(env, field, entity, &found, &mut images)?;
    steps.push(remove(env, entity, by, found, &filter(env, entity, field)));
    Ok(assembled(field, Vec::new(), None, steps, images))
}

fn remove<'a>(env: &Env<'a>, entity: &'a Entity, by: &Input, found: Clause<'a>, filter: &Clause<'a>) -> Step {
    let permitted = clauses::of_rule(env, entity, env.permissions.delete(Access::Root, entity.name.as_str()));
    let mut state = State::default();
    state.sql.syntax("WITH ");
    let row = write_lookup(env, &mut state, entity, found);
    let (gone, old) = (state.sql.next_alias(), state.sql.next_alias());
    state.sql.syntax(", ").alias(gone).syntax(" AS (DELETE FROM ").content(&entity.table).syntax(" ").alias(old);
    write_found(&mut state, entity, old, row);
    for clause in [filter, &permitted].into_iter().filter(|clause| !clause.is_always()) {
        state.sql.syntax(" AND ");
        write_condition(env, &mut state, old, clause);
    }
    write_followers(env, &mut state, entity, old, 1);
    state.sql.syntax(" RETURNING ").column(old, &entity.primary_column().column).syntax(") ");

    let (mut answer, json) = Answer::begin(&mut state);
    answer.check_some(env, &mut state, not_found(None, Some(for_input(by))), row, &ALWAYS);
    // All parts of the statement see the rows as they were before it.
    if !filter.is_always() {
        answer.check(&mut state, not_found(None, None), |state| write_filtered(env, state, entity, row, filter));
    }
    if !permitted.is_always() {
        answer.check(&mut state, denied(entity), |state| write_filtered(env, state, entity, row, &permitted));
    }
    answer.check_some(env, &mut state, held(entity), gone, &ALWAYS);
    answer.id(&mut state, row, entity);
    answer.finish(state, json, entity)
}

fn denied(entity: &Entity) -> WriteError {
    let before = format!("for input {{\"{}\":{{\"in\":[\"", entity.primary);
    not_found(None, Some(Message { before, quoted: Some(Quoted::Step(super::ID.into())), after: "\"]}}".to_owned() }))
}

/// Rows that would follow may not be touched by this caller.
fn held(entity: &Entity) -> WriteError {
    let message = Message {
        before: "Cannot delete ".to_owned(),
        quoted: Some(Quoted::Step(super::ID.into())),
        after: format!(
            " row(s) of entity {}, because it is still referenced. This is possibly caused by ACL denial.",
            entity.name
        ),
    };
    WriteError { paths: Vec::new(), kind: WriteErrorKind::ForeignKeyConstraintViolation, message: Some(message) }
}

/// Writes ` AND NOT EXISTS (…)` for each foreign key through which PostgreSQL would delete or change rows that this caller may not delete or change.
///
/// Foreign keys know nothing of permissions. Nothing is written for who may do everything.
fn write_followers<'a>(env: &Env<'a>, state: &mut State, entity: &'a Entity, alias: Alias, depth: usize) {
    for follower in followers(env, entity) {
        let guarded = follower.cascades && is_guarded(env, follower.owner, &mut vec![entity.name.as_str()]);
        if follower.rule.is_always() && !guarded {
            continue;
        }
        let rows = state.sql.next_alias();
        state.sql.syntax(" AND NOT EXISTS (SELECT 1 FROM ").content(&follower.owner.table).syntax(" ").alias(rows);
        state.sql.syntax(" WHERE ").column(rows, follower.key).syntax(" = ").column(alias, &entity.primary_column().column);
        // Beyond the limit nothing is proved, so nothing may follow.
        let permitted = if depth < MAX_CASCADE {
            clauses::of_rule(env, follower.owner, follower.rule)
        } else {
            Clause::Constant(Some(false))
        };
        state.sql.syntax(" AND (");
        write_condition(env, state, rows, &permitted);
        if guarded && depth < MAX_CASCADE {
            write_followers(env, state, follower.owner, rows, depth + 1);
        }
        state.sql.syntax(") IS NOT TRUE)");
    }
}

/// Rows of `owner` that are deleted, or lose their reference, when the row they reference is deleted.
struct Follower<'a> {
    owner: &'a Entity,
    key: &'a Ident,
    cascades: bool,
    rule: &'a Rule,
}

fn followers<'a>(env: &Env<'a>, entity: &'a Entity) -> Vec<Follower<'a>> {
    let mut followers = Vec::new();
    for owner in env.schema.entities.values().filter(|owner| owner.view.is_none()) {
        for field in owner.fields.values() {
            let FieldKind::Relation(relation) = &field.kind else { continue };
            let Some(joining) = relation.joining_column().filter(|_| relation.target == entity.name) else { continue };
            let name = owner.name.as_str();
            let (cascades, rule) = match joining.on_delete {
                OnDelete::Restrict => continue,
                OnDelete::Cascade => (true, env.permissions.delete(Access::Root, name)),
                OnDelete::SetNull => {
                    (false, env.permissions.field(Access::Root, name, OperationKind::Update, field.name.as_str()))
                }
            };
            followers.push(Follower { owner, key: &joining.column, cascades, rule });
        }
    }
    followers
}

/// Whether a deletion from `entity` would reach rows that the caller may not always touch. `seen` ends cycles.
fn is_guarded<'a>(env: &Env<'a>, entity: &'a Entity, seen: &mut Vec<&'a str>) -> bool {
    if seen.contains(&entity.name.as_str()) {
        return false;
    }
    seen.push(entity.name.as_str());
    followers(env, entity)
        .iter()
        .any(|follower| !follower.rule.is_always() || follower.cascades && is_guarded(env, follower.owner, seen))
}
