//! Rows of one entity that are created together: those that follow each other and are alike are one statement, and their links, where those are alike, another.
//!
//! Such a statement only says whether all is well. When it is not, the plan for single rows ([`crate::compile::compile_one_by_one`]) says which row is at fault, and why:
//! so the answer is the same, and what is usual stays simple.

use std::collections::BTreeSet;

use freehold_schema::acl::OperationKind;
use freehold_schema::ident::Ident;
use freehold_schema::model::{Entity, RelationKind};

use super::creating::{self, create, insert};
use super::input::Data;
use super::linking::{self, Linked};
use super::program::{Place, Program};
use super::values::Values;
use super::{Answer, connecting, write_returning};
use crate::lower::{Env, Refused, State};
use crate::plan::StepKind;

/// Creates rows in their order, each at its place.
pub(super) fn create_all<'a>(
    program: &mut Program<'_, 'a>,
    entity: &'a Entity,
    rows: &[(Data<'a>, Place)],
) -> Result<(), Refused> {
    let mut run = Run { entity, rows: Vec::new() };
    for (data, place) in rows {
        if !is_plain(program.env, entity, data) {
            run.end(program)?;
            create(program, entity, data, None, place)?;
            continue;
        }
        let n_steps = program.steps.len();
        let values = creating::values(program, entity, data, None, place)?;
        let links = linking::read(program, entity, data, place);
        // An incomplete key is refused in its row's turn.
        let refused = program.steps.split_off(n_steps);
        if !refused.is_empty() || !run.takes(program.env, &values) {
            run.end(program)?;
        }
        program.steps.extend(refused);
        run.rows.push(Row { values, links, place });
    }
    run.end(program)
}

/// Whether a row, and links with rows that are there, is all that is written: nothing is taken from another row.
fn is_plain(env: &Env<'_>, entity: &Entity, data: &Data<'_>) -> bool {
    let is_key_known = entity.primary_column().sequence.is_none();
    data.is_flat(env, entity)
        && data.nested.iter().all(|nested| match nested.relation.kind {
            RelationKind::ManyHasOne { .. } => true,
            RelationKind::OneHasOneOwning { .. } => false,
            _ => is_key_known,
        })
}

/// A row to be created, its links, and where it stands.
struct Row<'r, 'a> {
    values: Values<'a>,
    links: Vec<Linked<'a>>,
    place: &'r Place,
}

/// Rows that are alike, and follow each other. Their links may be any.
struct Run<'r, 'a> {
    entity: &'a Entity,
    rows: Vec<Row<'r, 'a>>,
}

impl<'a> Run<'_, 'a> {
    /// Whether one statement can write this row with the others, under the same rules.
    fn takes(&self, env: &Env<'a>, values: &Values<'a>) -> bool {
        let permitted = |values: &Values<'a>| values.permitted(env, self.entity, OperationKind::Create);
        self.rows.first().is_none_or(|Row { values: first, .. }| {
            first.are_like(values) && (first.fields == values.fields || permitted(first) == permitted(values))
        })
    }

    /// Writes the rows.
    fn end(&mut self, program: &mut Program<'_, 'a>) -> Result<(), Refused> {
        let rows = std::mem::take(&mut self.rows);
        let is_run = rows.len() > 1 && !program.env.one_by_one;
        if let Some(statements) = is_run.then(|| together(program.env, self.entity, &rows)).flatten() {
            for (state, kind) in statements {
                program.push(&Place::default(), state, kind);
            }
            return Ok(());
        }
        for Row { values, links, place } in &rows {
            let row = program.next_row();
            insert(program, self.entity, values, links, &row, place)?;
        }
        Ok(())
    }
}

/// The statements of rows that are alike, and of their links; None when there are none.
fn together<'a>(env: &Env<'a>, entity: &'a Entity, rows: &[Row<'_, 'a>]) -> Option<Vec<(State, StepKind)>> {
    let links = || rows.iter().flat_map(|row| row.links.iter().map(move |link| (row, link)));
    let mut written: BTreeSet<&Ident> = links().map(|(_, link)| link.table()).collect();
    written.insert(&entity.table);
    let values: Vec<&Values<'a>> = rows.iter().map(|row| &row.values).collect();
    let mut statements = vec![rows_together(env, entity, &values, &written)?];
    let key = &entity.primary_column().column;
    for alike in linking::groups(links().map(|(row, link)| (row.values.source(key), link))) {
        statements.push(linking::together(env, entity, &alike, &written)?);
    }
    Some(statements)
}

fn rows_together<'a>(
    env: &Env<'a>,
    entity: &'a Entity,
    rows: &[&Values<'a>],
    written: &BTreeSet<&Ident>,
) -> Option<(State, StepKind)> {
    let values = Values::each(rows)?;
    let permitted = values.permitted(env, entity, OperationKind::Create);
    let mut state = State::new(env, &[]);
    let new = state.sql.next_alias();
    state.sql.syntax("WITH ").alias(new).syntax(" AS (INSERT INTO ").content(&entity.table).syntax(" ");
    values.write_columns(&mut state);
    state.sql.syntax(" ");
    write_each(env, &mut state, written, |state| {
        state.sql.syntax("WITH ");
        let connected = connecting::write_connects(env, state, entity, &values.connects, None);
        let made = state.sql.next_alias();
        state.sql.alias(made).syntax(" AS (");
        creating::write_row(env, state, entity, &values, &connected, &[], &permitted);
        state.sql.syntax(") SELECT ").alias(made).syntax(".* FROM ").alias(made);
    })?;
    let kind = write_returning(&mut state, new, |state| {
        state.sql.syntax(" ");
        let mut answer = Answer::begin(state);
        // Again on the rows as they are now: with what the database put into them.
        answer.check_many(env, state, rows.len(), new, &permitted);
        answer.is_whole = values.connects.is_empty() && values.are_whole(&permitted);
        Ok(answer.finish_change(env, state, entity, &values.fields))
    });
    Some((state, kind.ok()?))
}

/// Writes `SELECT … FROM the values LATERAL (a row) ORDER BY …`: what `write` writes of one row, once for all. None when that may depend on rows before it, in tables that
/// are `written`, directly or by a view: all parts of a statement see the tables as they were.
pub(super) fn write_each(
    env: &Env<'_>,
    state: &mut State,
    written: &BTreeSet<&Ident>,
    write: impl FnOnce(&mut State),
) -> Option<()> {
    let (given, row) = (state.sql.begin_rows(), state.sql.next_alias());
    state.sql.syntax("SELECT ").alias(row).syntax(".* FROM ");
    let start = state.sql.mark();
    state.sql.syntax(" CROSS JOIN LATERAL (");
    write(state);
    state.sql.syntax(") ").alias(row);
    let one = state.sql.cut(start);
    let mut views = env.schema.entities.values().filter(|entity| entity.view.is_some());
    if written.iter().any(|table| one.names(table)) || views.any(|view| one.names(&view.table)) {
        return None;
    }
    let number = state.sql.end_rows()?;
    state.sql.paste(one).syntax(" ORDER BY ").column(given, &number);
    Some(())
}
