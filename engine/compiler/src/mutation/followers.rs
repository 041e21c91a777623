//! What a deletion reaches besides its row: rows that refer to it, and rows that only it holds.
//!
//! Foreign keys know nothing of permissions, so a row is deleted only when the caller may do all that follows. Nothing is written for who may do everything.

use freehold_schema::acl::OperationKind;
use freehold_schema::ident::Ident;
use freehold_schema::model::{Entity, FieldKind, JoiningColumn, OnDelete, Relation};
use freehold_schema::names::FieldName;

use super::removes_orphans;
use crate::lower::clauses::{self, Clause};
use crate::lower::{Env, State, write_conjunct};
use crate::permissions::{Access, Rule};
use crate::sql::Alias;

/// Entities inside each other that a deletion is followed through.
const MAX_CASCADE: usize = 8;

/// Rows of `owner` that refer to rows of an entity, and what happens to them when those are deleted.
pub(super) struct Follower<'a> {
    pub owner: &'a Entity,
    pub field: &'a FieldName,
    pub key: &'a Ident,
    on_delete: OnDelete,
    /// What allows it.
    rule: &'a Rule,
}

/// A row that goes with the one row that may hold it (`orphanRemoval`).
pub(super) struct Orphan<'a> {
    pub field: &'a FieldName,
    pub joining: &'a JoiningColumn,
    pub target: &'a Entity,
}

impl Orphan<'_> {
    /// Whether rows would go with it in turn.
    pub fn holds_others(&self, env: &Env<'_>) -> bool {
        !orphans(env, self.target).is_empty()
    }
}

impl Follower<'_> {
    fn cascades(&self) -> bool {
        self.on_delete == OnDelete::Cascade
    }

    /// Whether deleting its rows would reach more rows that the caller may not always touch; its own entity's, when rows refer to others of their kind.
    fn is_guarded(&self, env: &Env<'_>) -> bool {
        self.cascades() && reaches_guarded(env, self.owner, &mut Vec::new())
    }
}

/// Everything that refers to rows of `entity`.
pub(super) fn followers<'a>(env: &Env<'a>, entity: &'a Entity) -> Vec<Follower<'a>> {
    let mut followers = Vec::new();
    for owner in env.schema.entities.values().filter(|owner| owner.view.is_none()) {
        for field in owner.fields.values() {
            let FieldKind::Relation(relation) = &field.kind else { continue };
            let Some(joining) = relation.joining_column().filter(|_| relation.target == entity.name) else { continue };
            let name = owner.name.as_str();
            let rule = match joining.on_delete {
                OnDelete::Restrict | OnDelete::Cascade => env.permissions.delete(Access::Root, name),
                OnDelete::SetNull => env.permissions.field(Access::Root, name, OperationKind::Update, field.name.as_str()),
            };
            followers.push(Follower { owner, field: &field.name, key: &joining.column, on_delete: joining.on_delete, rule });
        }
    }
    followers
}

/// Those that forbid a deletion, and those that follow it.
pub(super) fn split(followers: Vec<Follower<'_>>) -> (Vec<Follower<'_>>, Vec<Follower<'_>>) {
    followers.into_iter().partition(|follower| follower.on_delete == OnDelete::Restrict)
}

/// Rows that go with a row of `entity`.
pub(super) fn orphans<'a>(env: &Env<'a>, entity: &'a Entity) -> Vec<Orphan<'a>> {
    let orphan = |(field, relation): (&'a FieldName, &'a Relation)| {
        let joining = relation.joining_column().filter(|_| removes_orphans(relation))?;
        Some(Orphan { field, joining, target: env.entity(relation.target.as_str()) })
    };
    let relations = entity.fields.values().filter_map(|field| Some((&field.name, entity.relation(field.name.as_str())?)));
    relations.filter_map(orphan).collect()
}

/// Writes ` AND NOT EXISTS (…)` for each foreign key through which PostgreSQL would delete or change rows that this caller may not delete or change.
pub(super) fn write_followers<'a>(
    env: &Env<'a>,
    state: &mut State,
    followed: &[Follower<'a>],
    entity: &'a Entity,
    alias: Alias,
    depth: usize,
) {
    for follower in followed {
        let guarded = follower.is_guarded(env);
        if follower.rule.is_always() && !guarded {
            continue;
        }
        let rows = state.sql.next_alias();
        state.sql.syntax(" AND NOT EXISTS (SELECT 1 FROM ").content(&follower.owner.table).syntax(" ").alias(rows);
        state.sql.syntax(" WHERE ").column(rows, follower.key).syntax(" = ").column(alias, &entity.primary_column().column);
        // Beyond the limit nothing is proved, so nothing may follow.
        let near = depth < MAX_CASCADE;
        let permitted = if near { clauses::of_rule(env, follower.owner, follower.rule) } else { Clause::Constant(Some(false)) };
        state.sql.syntax(" AND (");
        write_conjunct(env, state, rows, &permitted);
        if guarded && near {
            let (_, following) = split(followers(env, follower.owner));
            write_followers(env, state, &following, follower.owner, rows, depth + 1);
        }
        state.sql.syntax(") IS NOT TRUE)");
    }
}

/// Writes ` AND NOT EXISTS (…)`: the row held by `alias` is one that may not go, because of the caller or because other rows refer to it.
pub(super) fn write_orphan<'a>(env: &Env<'a>, state: &mut State, entity: &'a Entity, alias: Alias, orphan: &Orphan<'a>) {
    let target = orphan.target;
    let others = followers(env, target).into_iter().filter(|it| it.owner.name != entity.name || it.field != orphan.field);
    let (restricting, following) = split(others.collect());
    let rule = env.permissions.delete(Access::Root, target.name.as_str());
    let guarded = following.iter().any(|it| !it.rule.is_always() || it.is_guarded(env));
    if rule.is_always() && restricting.is_empty() && !guarded {
        return;
    }
    let (row, key) = (state.sql.next_alias(), &target.primary_column().column);
    state.sql.syntax(" AND NOT EXISTS (SELECT 1 FROM ").content(&target.table).syntax(" ").alias(row);
    state.sql.syntax(" WHERE ").column(row, key).syntax(" = ").column(alias, &orphan.joining.column).syntax(" AND (");
    write_conjunct(env, state, row, &clauses::of_rule(env, target, rule));
    for follower in &restricting {
        let rows = state.sql.next_alias();
        state.sql.syntax(" AND NOT EXISTS (SELECT 1 FROM ").content(&follower.owner.table).syntax(" ").alias(rows);
        state.sql.syntax(" WHERE ").column(rows, follower.key).syntax(" = ").column(row, key).syntax(")");
    }
    write_followers(env, state, &following, target, row, 1);
    state.sql.syntax(") IS NOT TRUE)");
}

/// Whether a deletion from `entity` would reach rows that the caller may not always touch. `seen` ends cycles.
fn reaches_guarded<'a>(env: &Env<'a>, entity: &'a Entity, seen: &mut Vec<&'a str>) -> bool {
    if seen.contains(&entity.name.as_str()) {
        return false;
    }
    seen.push(entity.name.as_str());
    let (_, following) = split(followers(env, entity));
    following.into_iter().any(|it| !it.rule.is_always() || it.cascades() && reaches_guarded(env, it.owner, seen))
}
