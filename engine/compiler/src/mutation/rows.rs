//! Rows of one entity that are created together: those that follow each other and are alike are one statement.
//!
//! Such a statement only says whether all is well. When it is not, the plan for single rows ([`crate::compile::compile_one_by_one`]) says which row is at fault, and why:
//! so the answer is the same, and what is usual stays simple.

use freehold_schema::acl::OperationKind;
use freehold_schema::model::{Entity, RelationKind};
use serde_json::json;

use super::creating::{self, create, insert};
use super::input::{Data, Operation};
use super::program::{Place, Program};
use super::values::Values;
use super::{Answer, connecting, not_found};
use crate::bind::{BindSource, BindType};
use crate::lower::clauses::Clause;
use crate::lower::{Env, Refused, State, write_where};
use crate::plan::StepKind;

/// Creates rows in their order, each at its place.
pub(super) fn create_all<'a>(
    program: &mut Program<'_, 'a>,
    entity: &'a Entity,
    rows: &[(Data<'a>, Place)],
) -> Result<(), Refused> {
    let mut run = Run { entity, rows: Vec::new() };
    for (data, place) in rows {
        if !is_plain(data) {
            run.end(program)?;
            create(program, entity, data, None, place)?;
            continue;
        }
        let n_steps = program.steps.len();
        let values = creating::values(program, entity, data, None, place)?;
        // An incomplete key is refused in its row's turn.
        let refused = program.steps.split_off(n_steps);
        if !refused.is_empty() || !run.takes(program.env, &values) {
            run.end(program)?;
        }
        program.steps.extend(refused);
        run.rows.push((values, place));
    }
    run.end(program)
}

/// Whether a row is all that is written: nothing is taken from another one, or linked.
fn is_plain(data: &Data<'_>) -> bool {
    data.nested.iter().all(|nested| {
        matches!(nested.relation.kind, RelationKind::ManyHasOne { .. }) && matches!(nested.operation, Operation::Connect(_))
    })
}

/// Rows that are alike, and follow each other.
struct Run<'r, 'a> {
    entity: &'a Entity,
    rows: Vec<(Values<'a>, &'r Place)>,
}

impl<'a> Run<'_, 'a> {
    /// Whether one statement can write this row with the others, under the same rules.
    fn takes(&self, env: &Env<'a>, values: &Values<'a>) -> bool {
        let permitted = |values: &Values<'a>| values.permitted(env, self.entity, OperationKind::Create);
        self.rows.first().is_none_or(|(first, _)| {
            first.are_like(values) && (first.fields == values.fields || permitted(first) == permitted(values))
        })
    }

    /// Writes the rows.
    fn end(&mut self, program: &mut Program<'_, 'a>) -> Result<(), Refused> {
        let (rows, places): (Vec<Values<'a>>, Vec<&Place>) = std::mem::take(&mut self.rows).into_iter().unzip();
        let is_run = rows.len() > 1 && !program.env.one_by_one;
        if let Some((state, kind)) = is_run.then(|| together(program.env, self.entity, &rows)).flatten() {
            program.push(&Place::default(), state, kind);
            return Ok(());
        }
        for (values, place) in rows.iter().zip(places) {
            let row = program.next_row();
            insert(program, self.entity, values, &[], &row, place)?;
        }
        Ok(())
    }
}

/// The statement of rows that are alike; None when there is none.
fn together<'a>(env: &Env<'a>, entity: &'a Entity, rows: &[Values<'a>]) -> Option<(State, StepKind)> {
    let values = Values::each(rows)?;
    let permitted = values.permitted(env, entity, OperationKind::Create);
    let mut state = State::new(env, &[]);
    let new = state.sql.next_alias();
    state.sql.syntax("WITH ").alias(new).syntax(" AS (INSERT INTO ").content(&entity.table).syntax(" ");
    values.write_columns(&mut state);
    write_rows(env, &mut state, entity, &values, &permitted)?;
    state.sql.syntax(" RETURNING *) ");

    let mut answer = Answer::begin(&mut state);
    // Again on the rows as they are now: with what the database put into them.
    answer.check(&mut state, not_found(None, None), |state| {
        state.sql.syntax("(SELECT count(*) FROM ").alias(new);
        write_where(env, state, new, [permitted.clone()]);
        state.sql.syntax(") = ").bind(BindSource::Literal(json!(rows.len())), BindType::BigInt);
    });
    answer.is_whole = values.connects.is_empty() && values.are_whole(&permitted);
    answer.is_of_many = true;
    let kind = answer.finish_change(env, &mut state, entity, &values.fields);
    Some((state, kind))
}

/// Writes ` SELECT … FROM the values LATERAL (a row) ORDER BY …`: what is written of one row, once for all. None when a row may depend on those before it, directly or by
/// a view: all parts of a statement see the tables as they were.
fn write_rows<'a>(
    env: &Env<'a>,
    state: &mut State,
    entity: &'a Entity,
    values: &Values<'a>,
    permitted: &Clause<'a>,
) -> Option<()> {
    let (given, row, made) = (state.sql.begin_rows(), state.sql.next_alias(), state.sql.next_alias());
    state.sql.syntax(" SELECT ").alias(row).syntax(".* FROM ");
    let start = state.sql.mark();
    state.sql.syntax(" CROSS JOIN LATERAL (WITH ");
    let connected = connecting::write_connects(env, state, entity, &values.connects, None);
    state.sql.alias(made).syntax(" AS (");
    creating::write_row(env, state, entity, values, &connected, &[], permitted);
    state.sql.syntax(") SELECT ").alias(made).syntax(".* FROM ").alias(made).syntax(") ").alias(row);
    let one = state.sql.cut(start);
    let mut views = env.schema.entities.values().filter(|entity| entity.view.is_some());
    if one.names(&entity.table) || views.any(|view| one.names(&view.table)) {
        return None;
    }
    let number = state.sql.end_rows()?;
    state.sql.paste(one).syntax(" ORDER BY ").column(given, &number);
    Some(())
}
