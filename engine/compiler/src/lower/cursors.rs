//! Cursors: places in an order (CONTENT-API.md, "Beyond the recorded contract").
//!
//! A cursor holds the values that its row has in the order, so that a page begins behind them whatever was inserted or deleted in between. Values that the caller
//! may not read are NULL in it, as they are for the order itself.

use std::fmt::Write as _;
use std::sync::Arc;

use freehold_schema::model::Direction;

use super::ordering::{Key, write_key};
use super::relations::Rows;
use super::{Env, Refused, State, columns, inputs};
use crate::api::Meaning;
use crate::bind::{BindSource, BindType};
use crate::error::ErrorCode;
use crate::selection::Selected;
use crate::sql::Alias;

/// Rows behind a cursor, in an order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Beyond<'a> {
    keys: Vec<Key<'a>>,
    /// The order in words, which the cursor must be of.
    order: Arc<str>,
    cursor: BindSource,
    argument: Arc<str>,
    /// The rows that are not behind it: those before it and its own.
    inverted: bool,
}

/// Whether a connection's arguments or selections need a total order.
pub(super) fn are_wanted(field: &Selected) -> bool {
    ["after", "before", "last"].iter().any(|name| inputs::argument(field, name).is_some()) || selects(field, is_of_cursors)
}

/// Whether anything of this meaning is selected of a connection's `pageInfo` and `edges`.
pub(super) fn selects(field: &Selected, is_it: fn(&Meaning) -> bool) -> bool {
    let parts = field.selections.fields().iter().filter(|part| matches!(part.meaning, Meaning::PageInfo | Meaning::Edges));
    parts.flat_map(|part| part.selections.fields()).any(|part| is_it(&part.meaning))
}

fn is_of_cursors(meaning: &Meaning) -> bool {
    matches!(meaning, Meaning::Cursor | Meaning::StartCursor | Meaning::EndCursor) || tells_of_more(meaning)
}

/// Whether it tells if there are rows outside the page.
pub(super) fn tells_of_more(meaning: &Meaning) -> bool {
    matches!(meaning, Meaning::HasNextPage | Meaning::HasPreviousPage)
}

/// Refuses arguments that contradict each other, and cursors of an order by chance.
pub(super) fn check(field: &Selected, keys: &[Key<'_>]) -> Result<(), Refused> {
    let given = |name: &str| inputs::argument(field, name).is_some();
    let refuse = |message: &str| Err(Refused::new(message, ErrorCode::BadUserInput, field.pos));
    if given("last") && (given("first") || given("skip")) {
        return refuse("argument `last` counts from the end, so it goes neither with `first` nor with `skip`");
    }
    let by_chance = keys.iter().any(|key| matches!(key, Key::Random));
    if by_chance && (given("after") || given("before") || selects(field, is_of_cursors)) {
        return refuse("an order by `_random` is another one each time, so it has no cursors; use `_randomSeeded`");
    }
    Ok(())
}

/// The rows behind the cursor of an argument; None when it is not given. `backwards`: those before it.
pub(super) fn beyond<'a>(rows: &Rows<'a>, field: &Selected, argument: &str, backwards: bool) -> Option<Beyond<'a>> {
    let cursor = inputs::source(inputs::argument(field, argument)?);
    let keys = &rows.arguments.order;
    let order = in_words(rows.entity.name.as_str(), keys);
    let keys = if backwards { reversed(keys) } else { keys.clone() };
    Some(Beyond { keys, order, cursor, argument: argument.into(), inverted: false })
}

impl Beyond<'_> {
    /// The other rows.
    pub fn inverted(self) -> Self {
        Self { inverted: !self.inverted, ..self }
    }
}

/// The same order from its end.
pub(super) fn reversed<'a>(keys: &[Key<'a>]) -> Vec<Key<'a>> {
    let turned = keys.iter().cloned().map(|key| match key {
        Key::Column(hops, direction) => Key::Column(hops, opposite(direction)),
        Key::Seeded { seed, primary, direction } => Key::Seeded { seed, primary, direction: opposite(direction) },
        Key::Random => Key::Random,
    });
    turned.collect()
}

fn opposite(direction: Direction) -> Direction {
    match direction {
        Direction::Asc => Direction::Desc,
        Direction::Desc => Direction::Asc,
        Direction::AscNullsFirst => Direction::DescNullsLast,
        Direction::DescNullsLast => Direction::AscNullsFirst,
    }
}

fn in_words(entity: &str, keys: &[Key<'_>]) -> Arc<str> {
    let mut words = entity.to_owned();
    for key in keys {
        // Writing to a String cannot fail.
        let _infallible = match key {
            Key::Column(hops, direction) => write!(words, " {} {direction:?}", hops.path()),
            Key::Seeded { direction, .. } => write!(words, " _randomSeeded {direction:?}"),
            Key::Random => write!(words, " _random"),
        };
    }
    words.into()
}

/// Writes the cursor of the row `alias`: base64 of a JSON array of the order in words, and the row's values in it as text.
pub(super) fn write_cursor(env: &Env<'_>, state: &mut State, rows: &Rows<'_>, alias: Alias) {
    let order = in_words(rows.entity.name.as_str(), &rows.arguments.order);
    state.sql.syntax("translate(encode(convert_to(json_build_array(");
    state.sql.bind(BindSource::Literal((*order).into()), BindType::Text).syntax("::text");
    for key in &rows.arguments.order {
        state.sql.syntax(", (");
        write_key(env, state, alias, key);
        state.sql.syntax(")::text");
    }
    // PostgreSQL breaks base64 into lines.
    state.sql.syntax(")::text, 'UTF8'), 'base64'), E'\\n', '')");
}

/// Writes whether the row `alias` lies behind the cursor.
pub(super) fn write_beyond(env: &Env<'_>, state: &mut State, alias: Alias, beyond: &Beyond<'_>) {
    if let Some(ascending) = uniform(beyond) {
        return write_row_comparison(env, state, alias, beyond, ascending);
    }
    state.sql.syntax("(");
    if !beyond.inverted {
        write_leading_bound(env, state, alias, beyond);
    }
    state.sql.syntax("(");
    for (index, key) in beyond.keys.iter().enumerate() {
        if index > 0 {
            state.sql.syntax(" OR (");
            write_key(env, state, alias, &beyond.keys[index - 1]);
            state.sql.syntax(" IS NOT DISTINCT FROM ");
            write_value(env, state, beyond, index - 1);
            state.sql.syntax(" AND (");
        }
        write_strictly(env, state, alias, beyond, index, key);
    }
    for _ in 1..beyond.keys.len() {
        state.sql.syntax("))");
    }
    state.sql.syntax(if beyond.inverted { ") IS NOT TRUE)" } else { ") IS TRUE)" });
}

/// Whether all keys go one way and none is NULL: then PostgreSQL compares them as one, from an index on them if there is one. True: ascending.
fn uniform(beyond: &Beyond<'_>) -> Option<bool> {
    let ascending = |key: &Key<'_>| match key {
        Key::Column(hops, direction) => hops.never_null().then_some(goes_up(*direction)),
        Key::Seeded { direction, .. } => Some(goes_up(*direction)),
        Key::Random => None,
    };
    let first = ascending(beyond.keys.first()?)?;
    beyond.keys.iter().all(|key| ascending(key) == Some(first)).then_some(first)
}

fn goes_up(direction: Direction) -> bool {
    matches!(direction, Direction::Asc | Direction::AscNullsFirst)
}

fn write_row_comparison(env: &Env<'_>, state: &mut State, alias: Alias, beyond: &Beyond<'_>, ascending: bool) {
    state.sql.syntax("(");
    for (index, key) in beyond.keys.iter().enumerate() {
        state.sql.syntax(if index > 0 { ", " } else { "" });
        write_key(env, state, alias, key);
    }
    state.sql.syntax(match (ascending, beyond.inverted) {
        (true, false) => ") > (",
        (false, false) => ") < (",
        (true, true) => ") <= (",
        (false, true) => ") >= (",
    });
    for index in 0..beyond.keys.len() {
        state.sql.syntax(if index > 0 { ", " } else { "" });
        write_value(env, state, beyond, index);
    }
    state.sql.syntax(")");
}

/// A condition on the first key that follows from the whole one, in a form that an index on that key can begin with.
fn write_leading_bound(env: &Env<'_>, state: &mut State, alias: Alias, beyond: &Beyond<'_>) {
    let Some(key @ Key::Column(hops, direction)) = beyond.keys.first() else { return };
    let nulls_are_behind = matches!(direction, Direction::Asc | Direction::DescNullsLast);
    if !hops.is_plain() || (nulls_are_behind && !hops.never_null()) {
        return;
    }
    if !hops.never_null() {
        state.sql.syntax("(");
        write_value(env, state, beyond, 0);
        state.sql.syntax(" IS NULL OR ");
    }
    write_key(env, state, alias, key);
    state.sql.syntax(if goes_up(*direction) { " >= " } else { " <= " });
    write_value(env, state, beyond, 0);
    state.sql.syntax(if hops.never_null() { " AND " } else { ") AND " });
}

/// Writes whether the row lies behind the cursor's value of one key alone.
fn write_strictly(env: &Env<'_>, state: &mut State, alias: Alias, beyond: &Beyond<'_>, index: usize, key: &Key<'_>) {
    let (direction, never_null) = match key {
        Key::Column(hops, direction) => (*direction, hops.never_null()),
        Key::Seeded { direction, .. } => (*direction, true),
        Key::Random => unreachable!("an order by chance has no cursors"),
    };
    write_key(env, state, alias, key);
    state.sql.syntax(if goes_up(direction) { " > " } else { " < " });
    write_value(env, state, beyond, index);
    if never_null {
        return;
    }
    match direction {
        Direction::Asc | Direction::DescNullsLast => {
            state.sql.syntax(" OR (");
            write_key(env, state, alias, key);
            state.sql.syntax(" IS NULL AND ");
            write_value(env, state, beyond, index);
            state.sql.syntax(" IS NOT NULL)");
        }
        Direction::Desc | Direction::AscNullsFirst => {
            state.sql.syntax(" OR (");
            write_key(env, state, alias, key);
            state.sql.syntax(" IS NOT NULL AND ");
            write_value(env, state, beyond, index);
            state.sql.syntax(" IS NULL)");
        }
    }
}

/// Writes the cursor's value of a key.
fn write_value(env: &Env<'_>, state: &mut State, beyond: &Beyond<'_>, index: usize) {
    let Beyond { order, cursor, argument, .. } = beyond;
    let source = BindSource::Cursor { cursor: Box::new(cursor.clone()), order: order.clone(), index, argument: argument.clone() };
    state.sql.bind(source, BindType::Text).syntax("::text::");
    match &beyond.keys[index] {
        Key::Column(hops, _) => match hops.column() {
            Some(column) => state.sql.type_name(&columns::type_name(env.schema, column)),
            None => state.sql.syntax("real"),
        },
        Key::Seeded { .. } | Key::Random => state.sql.syntax("bigint"),
    };
}
