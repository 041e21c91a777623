//! Foreign keys that are set to rows found by a unique key.

use freehold_schema::acl::OperationKind;
use freehold_schema::filter::Filter;
use freehold_schema::ident::Ident;
use freehold_schema::model::{Entity, JoiningColumn};
use freehold_schema::names::FieldName;

use super::{Answer, for_input, lookups, not_found, not_null, permitted, write_lookup};
use crate::bind::BindSource;
use crate::lower::clauses::{self, Clause};
use crate::lower::{Env, State, write_and, write_conjunct};
use crate::permissions::Access;
use crate::plan::WriteError;
use crate::selection::Input;
use crate::sql::Alias;

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

impl<'a> Connect<'a> {
    /// Whether the two differ in nothing but values.
    pub fn is_like(&self, other: &Self) -> bool {
        self.field == other.field && lookups::are_like(&self.by, &other.by)
    }

    /// Those of rows that are alike, as if they were one row's: each value is one for each row.
    pub fn each(rows: &[&Self]) -> Option<Self> {
        let first = rows.first()?;
        let by = lookups::each(&rows.iter().map(|row| &row.by).collect::<Vec<_>>())?;
        Some(Self { by, input: first.input.clone(), ..**first })
    }

    /// What the target must satisfy.
    fn by(&self, env: &Env<'a>) -> Clause<'a> {
        clauses::requested(env, Access::Root, self.target, &self.by)
    }
}

/// Whether a foreign key may be NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Nullable(pub bool);

/// A connect whose target has a name in the statement.
pub(super) struct Connected<'c, 'a> {
    connect: &'c Connect<'a>,
    /// CTE with the target's key, or the target itself.
    target: Alias,
    /// Whether the statement writes a row for each target that it finds, which is one or none ([`write_from`]).
    is_source: bool,
    /// Rows that hold the target although only one row may.
    holders: Option<Holders<'a>>,
}

/// Rows that lose their target, because another row gets it.
struct Holders<'a> {
    /// CTE of their keys.
    rows: Alias,
    /// CTE that sets their foreign keys to NULL.
    detached: Option<Alias>,
    /// What lets the caller do that.
    permitted: Clause<'a>,
}

/// Writes the CTEs of all connects, each followed by a comma. `except` has the key of the row that is written, when it exists already.
pub(super) fn write_connects<'c, 'a>(
    env: &Env<'a>,
    state: &mut State,
    entity: &'a Entity,
    connects: &'c [Connect<'a>],
    except: Option<Alias>,
) -> Vec<Connected<'c, 'a>> {
    let write = |connect: &'c Connect<'a>| {
        let target = write_lookup(env, state, connect.target, connect.by(env));
        state.sql.syntax(", ");
        let holders = connect.exclusive.map(|nullable| write_holders(env, state, entity, connect, target, nullable, except));
        Connected { connect, target, is_source: false, holders }
    };
    connects.iter().map(write).collect()
}

/// The connect of a row that is written for its target, see [`write_from`].
pub(super) fn source<'c, 'a>(state: &mut State, connect: &'c Connect<'a>) -> Connected<'c, 'a> {
    Connected { connect, target: state.sql.next_alias(), is_source: true, holders: None }
}

/// Writes ` FROM target WHERE …`.
pub(super) fn write_from<'a>(env: &Env<'a>, state: &mut State, connected: &Connected<'_, 'a>) {
    let connect = connected.connect;
    super::write_from(env, state, connect.target, connected.target, connect.by(env));
}

/// The error when the target is not found.
pub(super) fn missing(connect: &Connect<'_>) -> WriteError {
    not_found(Some(connect.field), Some(for_input(&connect.input)))
}

/// A target that only one row may hold is taken from the row that holds it.
fn write_holders<'a>(
    env: &Env<'a>,
    state: &mut State,
    entity: &'a Entity,
    connect: &Connect<'a>,
    target: Alias,
    nullable: Nullable,
    except: Option<Alias>,
) -> Holders<'a> {
    let key = &entity.primary_column().column;
    let (rows, holder) = (state.sql.next_alias(), state.sql.next_alias());
    state
        .sql
        .alias(rows)
        .syntax(" AS (SELECT ")
        .alias(holder)
        .syntax(".* FROM ")
        .content(&entity.table)
        .syntax(" ")
        .alias(holder);
    state.sql.syntax(" WHERE ").column(holder, &connect.joining.column).syntax(" = ");
    write_target(state, connect, target);
    if let Some(except) = except {
        state
            .sql
            .syntax(" AND ")
            .column(holder, key)
            .syntax(" <> ALL (ARRAY(SELECT ")
            .column(except, key)
            .syntax(" FROM ")
            .alias(except)
            .syntax("))");
    }
    state.sql.syntax("), ");
    let permitted = permitted(env, entity, OperationKind::Update, &[connect.field]);
    let detached = nullable.0.then(|| {
        let (detached, changed) = (state.sql.next_alias(), state.sql.next_alias());
        state
            .sql
            .alias(detached)
            .syntax(" AS (UPDATE ")
            .content(&entity.table)
            .syntax(" ")
            .alias(changed)
            .syntax(" SET ")
            .ident(&connect.joining.column);
        state
            .sql
            .syntax(" = NULL WHERE ")
            .column(changed, key)
            .syntax(" = ANY (ARRAY(SELECT ")
            .column(rows, key)
            .syntax(" FROM ")
            .alias(rows)
            .syntax("))");
        write_and(env, state, changed, &permitted);
        state.sql.syntax(" RETURNING 1), ");
        detached
    });
    Holders { rows, detached, permitted }
}

/// Writes the key of the row that is connected; NULL when it was not found.
pub(super) fn write_key(state: &mut State, connected: &Connected<'_, '_>) {
    if connected.is_source {
        state.sql.column(connected.target, &connected.connect.target.primary_column().column);
    } else {
        write_target(state, connected.connect, connected.target);
    }
}

fn write_target(state: &mut State, connect: &Connect<'_>, target: Alias) {
    let key: &Ident = &connect.target.primary_column().column;
    state.sql.syntax("(SELECT ").column(target, key).syntax(" FROM ").alias(target).syntax(")");
}

/// Writes, with AND or WHERE before each, the conditions under which the row may be written: all targets exist, and those that were held are free.
pub(super) fn write_conditions(env: &Env<'_>, state: &mut State, connects: &[Connected<'_, '_>], mut begun: bool) {
    let mut separate = |state: &mut State| {
        state.sql.syntax(if begun { " AND " } else { " WHERE " });
        begun = true;
    };
    for connected in connects {
        separate(state);
        state.sql.syntax("EXISTS (SELECT 1 FROM ").alias(connected.target).syntax(")");
        let Some(holders) = &connected.holders else { continue };
        separate(state);
        write_free(env, state, holders);
        if let Some(detached) = holders.detached {
            // Counting makes PostgreSQL detach before it writes; the unique key would otherwise be taken.
            separate(state);
            state.sql.syntax("(SELECT count(*) FROM ").alias(detached).syntax(") >= 0");
        }
    }
}

/// No holder is left that would have to stay.
fn write_free(env: &Env<'_>, state: &mut State, holders: &Holders<'_>) {
    state.sql.syntax("NOT EXISTS (SELECT 1 FROM ").alias(holders.rows);
    if holders.detached.is_some() {
        state.sql.syntax(" WHERE (");
        write_conjunct(env, state, holders.rows, &holders.permitted);
        state.sql.syntax(") IS NOT TRUE");
    }
    state.sql.syntax(")");
}

/// Adds what must be true of the connects to a change's answer.
pub(super) fn add_checks(env: &Env<'_>, state: &mut State, answer: &mut Answer, connects: &[Connected<'_, '_>]) {
    for connected in connects {
        let Connect { field, exclusive, .. } = connected.connect;
        let missing = missing(connected.connect);
        answer.check_some(env, state, missing.clone(), connected.target, &clauses::ALWAYS);
        if let Some(holders) = &connected.holders {
            let error = if *exclusive == Some(Nullable(true)) { missing } else { not_null(Some(field)) };
            answer.check(state, error, |state| write_free(env, state, holders));
        }
    }
}
