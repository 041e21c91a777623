//! Connections with cursors: a page begins and ends at places in the order, and tells what lies outside it.
//!
//! The page is a CTE of its own: its rows by number, from the end that is counted from, with one row more than asked for, which tells that there are more.

use freehold_schema::ident::Ident;

use super::clauses::Clause;
use super::cursors::{self, Beyond, beyond, reversed, tells_of_more, write_cursor};
use super::ordering::write_order;
use super::paginating::{is_shared, write_count, write_node};
use super::reading::{unsupported, write_members};
use super::relations::{Amount, Rows, write_columns, write_source};
use super::{Env, Refused, Row, State, write_where};
use crate::api::Meaning;
use crate::selection::Selected;
use crate::sql::Alias;

/// A page being written.
struct Window<'a, 'r> {
    rows: &'r Rows<'a>,
    after: Option<Beyond<'a>>,
    before: Option<Beyond<'a>>,
    /// All rows of the connection, when both they and the page are needed.
    matches: Option<Alias>,
    /// The CTE that holds the page, and the name that its rows have wherever they are read.
    page: Alias,
    row: Alias,
    /// The row's number in the page, and its cursor.
    number: Ident,
    cursor: Ident,
    has_cursors: bool,
    /// Whether one row more is read, to tell if there is one.
    has_surplus: bool,
}

/// Writes a connection's object as JSON.
pub(super) fn write_connection<'a>(env: &Env<'a>, state: &mut State, rows: &Rows<'a>, field: &Selected) -> Result<(), Refused> {
    cursors::check(field, &rows.arguments.order)?;
    // No column can have these names: identifiers of a schema are words.
    let name = |name: &str| Ident::new(name).expect("a short name");
    let matches = is_shared(env, rows, field.selections.fields()).then(|| state.sql.next_alias());
    let window = Window {
        rows,
        after: beyond(rows, field, "after", false),
        before: beyond(rows, field, "before", true),
        matches,
        page: state.sql.next_alias(),
        row: state.sql.next_alias(),
        number: name("#"),
        cursor: name("#cursor"),
        has_cursors: cursors::selects(field, |it| matches!(it, Meaning::Cursor | Meaning::StartCursor | Meaning::EndCursor)),
        has_surplus: cursors::selects(field, tells_of_more),
    };
    // The columns that the page needs are known only after its rows were written.
    let start = state.sql.mark();
    state.sql.track(window.row);
    let json = state.sql.next_alias();
    state.sql.syntax(" SELECT row_to_json(").alias(json).syntax(") FROM (SELECT ");
    write_members(state, &field.type_name, field.selections.fields(), |state, part| match &part.meaning {
        Meaning::PageInfo => window.write_page_info(env, state, part),
        Meaning::Edges => window.write_edges(env, state, part),
        _ => Err(unsupported(part)),
    })?;
    state.sql.syntax(") ").alias(json).syntax(")");
    let parts = state.sql.cut(start);
    state.sql.syntax("(WITH ");
    window.write_ctes(env, state);
    state.sql.paste(parts);
    Ok(())
}

impl<'a> Window<'a, '_> {
    fn is_backwards(&self) -> bool {
        self.rows.arguments.last.is_some()
    }

    fn size(&self) -> Option<&Amount> {
        self.rows.arguments.last.as_ref().or(self.rows.arguments.limit.as_ref())
    }

    fn write_ctes(&self, env: &Env<'a>, state: &mut State) {
        let columns = state.sql.tracked(self.row);
        let columns: Vec<Ident> = columns.into_iter().filter(|name| *name != self.number && *name != self.cursor).collect();
        let (source, numbered) = (state.sql.next_alias(), state.sql.next_alias());
        let start = state.sql.mark();
        if self.matches.is_some() {
            state.sql.track(source);
        }
        state.sql.alias(self.page).syntax(" AS MATERIALIZED (SELECT ").alias(numbered).syntax(".*, row_number() OVER () AS ");
        state.sql.ident(&self.number).syntax(" FROM (SELECT ");
        write_columns(state, self.rows.entity, source, columns.into_iter().collect());
        if self.has_cursors {
            state.sql.syntax(", ");
            write_cursor(env, state, self.rows, source);
            state.sql.syntax(" AS ").ident(&self.cursor);
        }
        self.write_page_source(env, state, source);
        state.sql.syntax(") ").alias(numbered).syntax(")");
        if let Some(matches) = self.matches {
            let page = state.sql.cut(start);
            let columns = state.sql.tracked(source);
            let all = state.sql.next_alias();
            state.sql.alias(matches).syntax(" AS MATERIALIZED (SELECT ");
            write_columns(state, self.rows.entity, all, columns);
            write_source(env, state, self.rows, all);
            state.sql.syntax("), ").paste(page);
        }
    }

    /// Writes ` FROM … WHERE … ORDER BY … LIMIT … OFFSET …` of the page, from the end that is counted from.
    fn write_page_source(&self, env: &Env<'a>, state: &mut State, source: Alias) {
        let bounds = [&self.after, &self.before].into_iter().flatten().map(|it| Clause::Beyond(Box::new(it.clone())));
        match self.matches {
            Some(matches) => {
                state.sql.syntax(" FROM ").alias(matches).syntax(" ").alias(source);
                write_where(env, state, source, bounds);
            }
            None => write_source(env, state, &restricted(self.rows, bounds), source),
        }
        let order = &self.rows.arguments.order;
        write_order(env, state, source, &if self.is_backwards() { reversed(order) } else { order.clone() });
        if let Some(size) = self.size() {
            state.sql.syntax(" LIMIT ");
            size.write(state);
            state.sql.syntax(if self.has_surplus { " + 1" } else { "" });
        }
        if let Some(offset) = &self.rows.arguments.offset {
            state.sql.syntax(" OFFSET ");
            offset.write(state);
        }
    }

    fn write_edges(&self, env: &Env<'a>, state: &mut State, field: &Selected) -> Result<(), Refused> {
        let json = state.sql.next_alias();
        state.sql.syntax("(SELECT coalesce(json_agg(row_to_json(").alias(json).syntax(")), '[]') FROM (SELECT ");
        write_members(state, &field.type_name, field.selections.fields(), |state, part| match &part.meaning {
            Meaning::Node => {
                let row = Row { entity: self.rows.entity, alias: self.row, access: self.rows.access };
                write_node(env, state, row, part)
            }
            Meaning::Cursor => {
                state.sql.column(self.row, &self.cursor);
                Ok(())
            }
            _ => Err(unsupported(part)),
        })?;
        self.write_page_rows(state);
        self.write_by_number(state, !self.is_backwards());
        state.sql.syntax(") ").alias(json).syntax(")");
        Ok(())
    }

    /// Writes ` FROM …` of the page without its surplus row.
    fn write_page_rows(&self, state: &mut State) {
        state.sql.syntax(" FROM ").alias(self.page).syntax(" ").alias(self.row);
        if let Some(size) = self.size().filter(|_| self.has_surplus) {
            state.sql.syntax(" WHERE ").column(self.row, &self.number).syntax(" <= ");
            size.write(state);
        }
    }

    fn write_by_number(&self, state: &mut State, ascending: bool) {
        state.sql.syntax(" ORDER BY ").column(self.row, &self.number).syntax(if ascending { "" } else { " DESC" });
    }

    fn write_page_info(&self, env: &Env<'a>, state: &mut State, field: &Selected) -> Result<(), Refused> {
        let json = state.sql.next_alias();
        state.sql.syntax("(SELECT row_to_json(").alias(json).syntax(") FROM (SELECT ");
        write_members(state, &field.type_name, field.selections.fields(), |state, part| {
            match &part.meaning {
                Meaning::TotalCount => write_count(env, state, self.rows, self.matches),
                Meaning::StartCursor => self.write_end(state, self.is_backwards()),
                Meaning::EndCursor => self.write_end(state, !self.is_backwards()),
                Meaning::HasNextPage => self.write_more(env, state, !self.is_backwards(), self.before.as_ref()),
                Meaning::HasPreviousPage => self.write_more(env, state, self.is_backwards(), self.after.as_ref()),
                _ => return Err(unsupported(part)),
            }
            Ok(())
        })?;
        state.sql.syntax(") ").alias(json).syntax(")");
        Ok(())
    }

    /// The cursor of the page's first or last row by number.
    fn write_end(&self, state: &mut State, is_last: bool) {
        state.sql.syntax("(SELECT ").column(self.row, &self.cursor);
        self.write_page_rows(state);
        self.write_by_number(state, !is_last);
        state.sql.syntax(" LIMIT 1)");
    }

    /// Whether rows lie beyond one side of the page: the side that is counted towards, where the surplus row tells of them, or the side where `bound` cuts them off.
    fn write_more(&self, env: &Env<'a>, state: &mut State, is_far_side: bool, bound: Option<&Beyond<'a>>) {
        let surplus = self.size().filter(|_| is_far_side);
        let skipped = self.rows.arguments.offset.as_ref().filter(|_| !is_far_side);
        if surplus.is_none() && skipped.is_none() && bound.is_none() {
            state.sql.syntax("false");
            return;
        }
        let mut separator = "(";
        if let Some(size) = surplus {
            state.sql.syntax("((SELECT count(*) FROM ").alias(self.page).syntax(") > ");
            size.write(state);
            separator = " OR ";
        }
        if let Some(bound) = bound {
            state.sql.syntax(separator);
            separator = " OR ";
            self.write_exists(env, state, [Clause::Beyond(Box::new(bound.clone().inverted()))]);
        }
        if let Some(skipped) = skipped {
            state.sql.syntax(separator);
            skipped.write(state);
            state.sql.syntax(" > 0 AND ");
            let bounds = [&self.after, &self.before].into_iter().flatten().map(|it| Clause::Beyond(Box::new(it.clone())));
            self.write_exists(env, state, bounds);
        }
        state.sql.syntax(")");
    }

    fn write_exists(&self, env: &Env<'a>, state: &mut State, conditions: impl IntoIterator<Item = Clause<'a>>) {
        let rows = state.sql.next_alias();
        state.sql.syntax("EXISTS (SELECT 1");
        write_source(env, state, &restricted(self.rows, conditions), rows);
        state.sql.syntax(")");
    }
}

/// Those of the rows for which the conditions hold too.
fn restricted<'a>(rows: &Rows<'a>, conditions: impl IntoIterator<Item = Clause<'a>>) -> Rows<'a> {
    let mut rows = rows.clone();
    rows.arguments.filter = Clause::all([rows.arguments.filter].into_iter().chain(conditions));
    rows
}
