//! Writes clauses (content API, section 7).

use freehold_schema::filter::Operator;

use super::clauses::{Cell, Clause, Related};
use super::columns::{self, ValueType};
use super::uniques::Lookup;
use super::{Env, State, cursors, encrypted};
use crate::bind::{BindSource, BindType};
use crate::sql::{Alias, SqlWriter};

/// How exact the truth value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Context {
    /// False and unknown are the same: WHERE, CASE WHEN, and what AND and OR combine there. Allows forms that the planner can turn into joins.
    Holds,
    /// Below `not`: all three values count.
    Exact,
}

/// Writes ` WHERE …` with all clauses, or nothing when they all hold anyway.
pub(crate) fn write_where<'a>(env: &Env<'a>, state: &mut State, alias: Alias, clauses: impl IntoIterator<Item = Clause<'a>>) {
    let clause = Clause::all(clauses);
    if !clause.is_always() {
        state.sql.syntax(" WHERE ");
        write_clause(env, state, alias, &clause, Context::Holds);
    }
}

/// Writes ` AND …`, or nothing when it holds anyway.
pub(crate) fn write_and(env: &Env<'_>, state: &mut State, alias: Alias, clause: &Clause<'_>) {
    if !clause.is_always() {
        state.sql.syntax(" AND ");
        write_conjunct(env, state, alias, clause);
    }
}

/// Writes a condition beside which AND may stand.
pub(crate) fn write_conjunct(env: &Env<'_>, state: &mut State, alias: Alias, clause: &Clause<'_>) {
    let nested = matches!(bare(clause), Clause::Or(_));
    state.sql.syntax(if nested { "(" } else { "" });
    write_clause(env, state, alias, clause, Context::Holds);
    state.sql.syntax(if nested { ")" } else { "" });
}

/// Writes a condition on the row `alias`.
pub(crate) fn write_clause(env: &Env<'_>, state: &mut State, alias: Alias, clause: &Clause<'_>, context: Context) {
    match clause {
        Clause::Constant(Some(true)) => drop(state.sql.syntax("true")),
        Clause::Constant(Some(false)) => drop(state.sql.syntax("false")),
        Clause::Constant(None) => drop(state.sql.syntax("NULL::boolean")),
        Clause::And(clauses) => write_joined(env, state, alias, clauses, " AND ", context),
        Clause::Or(clauses) => write_joined(env, state, alias, clauses, " OR ", context),
        Clause::Not(clause) => {
            state.sql.syntax("NOT (");
            write_clause(env, state, alias, clause, Context::Exact);
            state.sql.syntax(")");
        }
        Clause::Certain(clause) if context == Context::Holds => write_clause(env, state, alias, clause, context),
        Clause::Certain(clause) => {
            state.sql.syntax("(");
            write_clause(env, state, alias, clause, Context::Exact);
            state.sql.syntax(") IS TRUE");
        }
        Clause::IsNull(cell, null) => {
            state.sql.column(alias, cell.name).syntax(if *null { " IS NULL" } else { " IS NOT NULL" });
        }
        Clause::Compare(cell, operator, operand) => write_comparison(env, state, alias, *cell, *operator, operand),
        Clause::Matches(vector, text) => vector.write_match(env, state, alias, text),
        Clause::Related(related) if related.single => write_single(env, state, alias, related, context),
        Clause::Related(related) => write_many(env, state, alias, related, context),
        Clause::Junction(junction, near, test) => {
            let rows = state.sql.next_alias();
            state.sql.syntax("EXISTS (SELECT 1 FROM ").content(junction.table).syntax(" ").alias(rows).syntax(" WHERE ");
            state.sql.column(rows, junction.near).syntax(" = ").column(alias, near);
            write_and(env, state, rows, test);
            state.sql.syntax(")");
        }
        Clause::Beyond(beyond) => cursors::write_beyond(env, state, alias, beyond),
    }
}

/// What a clause looks like when it is written: where it must only hold, [`Clause::Certain`] writes nothing around what it contains.
fn bare<'c, 'a>(clause: &'c Clause<'a>) -> &'c Clause<'a> {
    match clause {
        Clause::Certain(clause) => bare(clause),
        other => other,
    }
}

fn write_joined(
    env: &Env<'_>,
    state: &mut State,
    alias: Alias,
    clauses: &[Clause<'_>],
    operator: &'static str,
    context: Context,
) {
    let mut n_joins = 0;
    for (index, clause) in clauses.iter().enumerate() {
        if index > 0 {
            state.sql.syntax(operator);
        }
        n_joins += joins(clause);
        let apart = context == Context::Holds && n_joins > MAX_JOINS && joins(clause) > 0;
        let nested = apart || matches!(bare(clause), Clause::And(_) | Clause::Or(_));
        state.sql.syntax(if nested { "(" } else { "" });
        write_clause(env, state, alias, clause, context);
        state.sql.syntax(if nested { ")" } else { "" }).syntax(if apart { " IS TRUE" } else { "" });
    }
}

/// Existence tests that the planner may turn into joins of one query. It looks for the best order of all joins: 50 took 3 s to plan, 100 did not end in 10 s.
/// Behind `IS TRUE` a test stays what it is.
const MAX_JOINS: usize = 12;

/// How many joins the planner may make of a clause that must hold.
fn joins(clause: &Clause<'_>) -> usize {
    match clause {
        Clause::And(clauses) => clauses.iter().map(joins).sum(),
        Clause::Not(clause) | Clause::Certain(clause) => joins(clause),
        Clause::Related(related) => 1 + joins(&related.visible) + joins(&related.test),
        Clause::Junction(_, _, test) => 1 + joins(test),
        Clause::Constant(_)
        | Clause::Or(_)
        | Clause::IsNull(..)
        | Clause::Compare(..)
        | Clause::Matches(..)
        | Clause::Beyond(_) => 0,
    }
}

fn write_comparison(env: &Env<'_>, state: &mut State, alias: Alias, cell: Cell<'_>, operator: Operator, operand: &BindSource) {
    let ty = ValueType::of(env.schema, cell.column);
    let sql = &mut state.sql;
    let symbol = match operator {
        Operator::Eq => " = ",
        Operator::NotEq => " <> ",
        Operator::Lt => " < ",
        Operator::Lte => " <= ",
        Operator::Gt => " > ",
        Operator::Gte => " >= ",
        Operator::Similar => " % ",
        Operator::In | Operator::NotIn => {
            write_cell(sql, alias, cell);
            sql.syntax(if operator == Operator::In { " = ANY (" } else { " <> ALL (" });
            ty.write_many(sql, operand.clone());
            sql.syntax(")");
            return;
        }
        Operator::Contains => return write_pattern(state, alias, cell, " LIKE ", operand, (true, true)),
        Operator::StartsWith => return write_pattern(state, alias, cell, " LIKE ", operand, (false, true)),
        Operator::EndsWith => return write_pattern(state, alias, cell, " LIKE ", operand, (true, false)),
        Operator::ContainsCI => return write_pattern(state, alias, cell, " ILIKE ", operand, (true, true)),
        Operator::StartsWithCI => return write_pattern(state, alias, cell, " ILIKE ", operand, (false, true)),
        Operator::EndsWithCI => return write_pattern(state, alias, cell, " ILIKE ", operand, (true, false)),
        Operator::WordSimilar => {
            sql.bind(operand.clone(), BindType::Text).syntax(" <% ").column(alias, cell.name);
            return;
        }
        Operator::MinLength | Operator::MaxLength => {
            sql.syntax("array_length(").column(alias, cell.name);
            sql.syntax(if operator == Operator::MinLength { ", 1) >= " } else { ", 1) <= " })
                .bind(operand.clone(), BindType::Int);
            return;
        }
        Operator::Includes => {
            columns::write_comparable(sql, alias, cell.name, cell.column);
            sql.syntax(" @> ");
            if cell.column.list {
                ty.write_item(sql, operand.clone())
            } else {
                ty.write(sql, operand.clone())
            }
            return;
        }
    };
    write_cell(sql, alias, cell);
    sql.syntax(symbol);
    ty.write(sql, operand.clone());
}

/// Writes what is compared of a cell.
fn write_cell(sql: &mut SqlWriter, alias: Alias, cell: Cell<'_>) {
    let write = |sql: &mut SqlWriter| {
        sql.column(alias, cell.name);
    };
    if cell.column.encryption.is_some() { encrypted::write_lookup(sql, write) } else { write(sql) }
}

/// `(open_start, open_end)`: where anything may stand beside the text.
fn write_pattern(
    state: &mut State,
    alias: Alias,
    cell: Cell<'_>,
    operator: &'static str,
    operand: &BindSource,
    open: (bool, bool),
) {
    let source = BindSource::Pattern { source: Box::new(operand.clone()), open_start: open.0, open_end: open.1 };
    state.sql.column(alias, cell.name).syntax(operator).bind(source, BindType::Text);
}

/// A has-one relation: a left join.
fn write_single(env: &Env<'_>, state: &mut State, alias: Alias, related: &Related<'_>, context: Context) {
    match (context, related.unmatched) {
        (Context::Holds, Some(true)) if related.test.is_never() => write_none(env, state, alias, related),
        (Context::Holds, Some(true)) => {
            // NULL must mean that there is no row, not that the test of an existing one is undecided.
            state.sql.syntax("coalesce(");
            write_outcome(env, state, alias, related, &Clause::certain(related.test.clone()));
            state.sql.syntax(", true)");
        }
        (Context::Holds, Some(false) | None) => write_some(env, state, alias, related, context),
        (Context::Exact, None) => write_outcome(env, state, alias, related, &related.test),
        (Context::Exact, Some(unmatched)) => {
            state.sql.syntax("CASE WHEN ");
            write_exists(env, state, alias, related, false);
            state.sql.syntax(" THEN ");
            write_outcome(env, state, alias, related, &related.test);
            state.sql.syntax(if unmatched { " ELSE true END" } else { " ELSE false END" });
        }
    }
}

/// A has-many relation: an existence test, and therefore never unknown.
fn write_many(env: &Env<'_>, state: &mut State, alias: Alias, related: &Related<'_>, context: Context) {
    match related.unmatched {
        Some(true) if related.test.is_never() => write_none(env, state, alias, related),
        Some(true) => {
            state.sql.syntax("(");
            write_none(env, state, alias, related);
            state.sql.syntax(" OR ");
            write_exists(env, state, alias, related, true);
            state.sql.syntax(")");
        }
        Some(false) | None => write_some(env, state, alias, related, context),
    }
}

/// Some related row satisfies the test.
fn write_some(env: &Env<'_>, state: &mut State, alias: Alias, related: &Related<'_>, context: Context) {
    if related.test.is_never() || related.visible.is_never() {
        state.sql.syntax("false");
        return;
    }
    match (related.lookup, related.link.junction) {
        // The related rows are few and found by a key: found once, they let the planner start from an index on the link. Measured 2 to 5 times cheaper than EXISTS.
        (Some(lookup), None) if context == Context::Holds => {
            state.sql.column(alias, related.link.near);
            write_lookup(env, state, related, lookup);
        }
        (Some(lookup), Some(junction)) => {
            let rows = state.sql.next_alias();
            state.sql.syntax("EXISTS (SELECT 1 FROM ").content(junction.table).syntax(" ").alias(rows).syntax(" WHERE ");
            state
                .sql
                .column(rows, junction.near)
                .syntax(" = ")
                .column(alias, related.link.near)
                .syntax(" AND ")
                .column(rows, junction.far);
            write_lookup(env, state, related, lookup);
            state.sql.syntax(")");
        }
        (Some(_) | None, _) => write_exists(env, state, alias, related, true),
    }
}

fn write_lookup(env: &Env<'_>, state: &mut State, related: &Related<'_>, lookup: Lookup) {
    let rows = state.sql.next_alias();
    state.sql.syntax(match lookup {
        Lookup::One => " = (SELECT ",
        Lookup::Some => " = ANY (ARRAY(SELECT ",
    });
    state.sql.column(rows, related.link.far).syntax(" FROM ").content(&related.target.table).syntax(" ").alias(rows);
    write_where(env, state, rows, [related.visible.clone(), related.test.clone()]);
    state.sql.syntax(match lookup {
        Lookup::One => ")",
        Lookup::Some => "))",
    });
}

fn write_none(env: &Env<'_>, state: &mut State, alias: Alias, related: &Related<'_>) {
    state.sql.syntax("NOT ");
    write_exists(env, state, alias, related, false);
}

/// `EXISTS (a visible related row)`, with the test or without.
fn write_exists(env: &Env<'_>, state: &mut State, alias: Alias, related: &Related<'_>, with_test: bool) {
    state.sql.syntax("EXISTS (SELECT 1");
    let rows = write_related(env, state, alias, related);
    if with_test {
        write_and(env, state, rows, &related.test);
    }
    state.sql.syntax(")");
}

/// A test's value on the related row; NULL when there is none.
fn write_outcome(env: &Env<'_>, state: &mut State, alias: Alias, related: &Related<'_>, test: &Clause<'_>) {
    let rows = state.sql.next_alias();
    state.sql.syntax("(SELECT ");
    write_clause(env, state, rows, test, Context::Exact);
    state.sql.syntax(" FROM ").content(&related.target.table).syntax(" ").alias(rows).syntax(" WHERE ");
    related.link.write(&mut state.sql, alias, rows);
    write_and(env, state, rows, &related.visible);
    if related.target.view.is_some() {
        state.sql.syntax(" LIMIT 1");
    }
    state.sql.syntax(")");
}

/// ` FROM … WHERE …` of the visible related rows.
fn write_related(env: &Env<'_>, state: &mut State, alias: Alias, related: &Related<'_>) -> Alias {
    let (link, rows) = (&related.link, state.sql.next_alias());
    state.sql.syntax(" FROM ");
    if let Some(junction) = link.junction {
        let pairs = state.sql.next_alias();
        state
            .sql
            .content(junction.table)
            .syntax(" ")
            .alias(pairs)
            .syntax(" JOIN ")
            .content(&related.target.table)
            .syntax(" ")
            .alias(rows);
        state.sql.syntax(" ON ").column(rows, link.far).syntax(" = ").column(pairs, junction.far);
        state.sql.syntax(" WHERE ").column(pairs, junction.near).syntax(" = ").column(alias, link.near);
    } else {
        state.sql.content(&related.target.table).syntax(" ").alias(rows).syntax(" WHERE ");
        link.write(&mut state.sql, alias, rows);
    }
    write_and(env, state, rows, &related.visible);
    rows
}
