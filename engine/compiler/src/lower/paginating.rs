//! Connections: a page and the number of all rows.

use super::clauses::{self, Clause};
use super::reading::{unsupported, write_fields, write_members};
use super::relations::{Origin, Rows, write_columns, write_page, write_source};
use super::{Env, Refused, Row, State, cursors, windows};
use crate::api::Meaning;
use crate::selection::Selected;
use crate::sql::Alias;

/// Where the rows of a connection are read from.
#[derive(Debug, Clone, Copy)]
enum From {
    /// From their table, by everything that wants them.
    Table,
    /// From a CTE that holds the matches. Several `edges` under aliases give its rows the same name.
    Matches { cte: Alias, row: Alias },
}

impl From {
    fn matches(self) -> Option<Alias> {
        match self {
            Self::Table => None,
            Self::Matches { cte, .. } => Some(cte),
        }
    }
}

/// Writes a connection's object as JSON.
pub(super) fn write_connection<'a>(env: &Env<'a>, state: &mut State, rows: &Rows<'a>, field: &Selected) -> Result<(), Refused> {
    if cursors::are_wanted(field) {
        return windows::write_connection(env, state, rows, field);
    }
    let fields = field.selections.fields();
    let json = state.sql.next_alias();
    if !is_shared(env, rows, fields) {
        state.sql.syntax("(SELECT row_to_json(").alias(json).syntax(") FROM (SELECT ");
        write_parts(env, state, rows, field, From::Table)?;
        state.sql.syntax(") ").alias(json).syntax(")");
        return Ok(());
    }
    // Both parts need the matches, and finding them costs more than keeping them: once. The columns they need are known only after they were written.
    let (matches, row) = (state.sql.next_alias(), state.sql.next_alias());
    let start = state.sql.mark();
    state.sql.track(row);
    state.sql.syntax("SELECT row_to_json(").alias(json).syntax(") FROM (SELECT ");
    write_parts(env, state, rows, field, From::Matches { cte: matches, row })?;
    state.sql.syntax(") ").alias(json).syntax(")");
    let parts = state.sql.cut(start);
    let columns = state.sql.tracked(row);
    let source = state.sql.next_alias();
    state.sql.syntax("(WITH ").alias(matches).syntax(" AS MATERIALIZED (SELECT ");
    write_columns(state, rows.entity, source, columns);
    write_source(env, state, rows, source);
    state.sql.syntax(") ").paste(parts);
    Ok(())
}

/// Whether page and count are both wanted of rows that are not simply all rows of a table.
pub(super) fn is_shared(env: &Env<'_>, rows: &Rows<'_>, fields: &[Selected]) -> bool {
    let counted = fields.iter().any(|field| field.meaning == Meaning::PageInfo && counts(field));
    let listed = fields.iter().any(|field| field.meaning == Meaning::Edges);
    counted && listed && is_restricted(env, rows)
}

fn counts(page_info: &Selected) -> bool {
    page_info.selections.fields().iter().any(|field| field.meaning == Meaning::TotalCount)
}

fn is_restricted(env: &Env<'_>, rows: &Rows<'_>) -> bool {
    matches!(rows.origin, Origin::Related { .. })
        || !rows.arguments.filter.is_always()
        || !clauses::visible(env, rows.access, rows.entity).is_always()
}

fn write_parts<'a>(env: &Env<'a>, state: &mut State, rows: &Rows<'a>, field: &Selected, from: From) -> Result<(), Refused> {
    write_members(state, &field.type_name, field.selections.fields(), |state, part| {
        match &part.meaning {
            Meaning::PageInfo => write_page_info(env, state, rows, part, from)?,
            Meaning::Edges => write_edges(env, state, rows, part, from)?,
            _ => return Err(unsupported(part)),
        }
        Ok(())
    })
}

fn write_page_info<'a>(env: &Env<'a>, state: &mut State, rows: &Rows<'a>, field: &Selected, from: From) -> Result<(), Refused> {
    let json = state.sql.next_alias();
    state.sql.syntax("(SELECT row_to_json(").alias(json).syntax(") FROM (SELECT ");
    write_members(state, &field.type_name, field.selections.fields(), |state, part| {
        match &part.meaning {
            Meaning::TotalCount => write_count(env, state, rows, from.matches()),
            _ => return Err(unsupported(part)),
        }
        Ok(())
    })?;
    state.sql.syntax(") ").alias(json).syntax(")");
    Ok(())
}

/// Writes the number of rows, whatever part of them is shown.
pub(super) fn write_count<'a>(env: &Env<'a>, state: &mut State, rows: &Rows<'a>, matches: Option<Alias>) {
    state.sql.syntax("(SELECT count(*)");
    match matches {
        Some(matches) => drop(state.sql.syntax(" FROM ").alias(matches)),
        None => {
            let alias = state.sql.next_alias();
            if !write_pairs(env, state, rows, alias) {
                write_source(env, state, rows, alias);
            }
        }
    }
    state.sql.syntax(")");
}

/// Counts rows of the junction alone, when every related row counts: each has exactly one.
pub(super) fn write_pairs(env: &Env<'_>, state: &mut State, rows: &Rows<'_>, alias: Alias) -> bool {
    let Origin::Related { link, parent, readable: Clause::Constant(Some(true)) } = &rows.origin else { return false };
    let Some(junction) = link.junction else { return false };
    if !rows.arguments.filter.is_always() || !clauses::visible(env, rows.access, rows.entity).is_always() {
        return false;
    }
    state.sql.syntax(" FROM ").content(junction.table).syntax(" ").alias(alias);
    state.sql.syntax(" WHERE ").column(alias, junction.near).syntax(" = ").column(*parent, link.near);
    true
}

fn write_edges<'a>(env: &Env<'a>, state: &mut State, rows: &Rows<'a>, field: &Selected, from: From) -> Result<(), Refused> {
    let json = state.sql.next_alias();
    let alias = match from {
        From::Table => state.sql.next_alias(),
        From::Matches { row, .. } => row,
    };
    state.sql.syntax("(SELECT coalesce(json_agg(row_to_json(").alias(json).syntax(")), '[]') FROM (SELECT ");
    write_members(state, &field.type_name, field.selections.fields(), |state, part| {
        match &part.meaning {
            Meaning::Node => write_node(env, state, Row { entity: rows.entity, alias, access: rows.access }, part)?,
            _ => return Err(unsupported(part)),
        }
        Ok(())
    })?;
    write_edge_source(env, state, rows, from, alias);
    state.sql.syntax(") ").alias(json).syntax(")");
    Ok(())
}

/// Writes the object of an edge's row.
pub(super) fn write_node<'a>(env: &Env<'a>, state: &mut State, row: Row<'a>, field: &Selected) -> Result<(), Refused> {
    let node = state.sql.next_alias();
    state.sql.syntax("(SELECT row_to_json(").alias(node).syntax(") FROM (SELECT ");
    write_fields(env, state, row, &field.type_name, field.selections.fields())?;
    state.sql.syntax(") ").alias(node).syntax(")");
    Ok(())
}

/// Writes ` FROM …` of a page, whose skipped rows are left out before they are made into objects.
fn write_edge_source<'a>(env: &Env<'a>, state: &mut State, rows: &Rows<'a>, from: From, alias: Alias) {
    let write_rows = |state: &mut State, alias: Alias| match from {
        From::Matches { cte, .. } => drop(state.sql.syntax(" FROM ").alias(cte).syntax(" ").alias(alias)),
        From::Table => write_source(env, state, rows, alias),
    };
    if rows.arguments.offset.is_none() {
        write_rows(state, alias);
        write_page(env, state, rows, alias);
        return;
    }
    let page = state.sql.next_alias();
    state.sql.track(page);
    state.sql.syntax(" FROM (SELECT ").alias(page).syntax(".*");
    write_rows(state, page);
    write_page(env, state, rows, page);
    state.sql.syntax(") ").alias(alias);
    // What the page is ordered by must be among the matches.
    let columns = state.sql.tracked(page);
    state.sql.also_tracked(alias, columns);
}
