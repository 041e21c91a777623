//! Steps that find a row and change nothing.

use freehold_schema::filter::{Filter, Operator};
use freehold_schema::model::{Entity, JoiningColumn};

use super::nesting::Parent;
use super::program::{Place, Program};
use super::updating::{Found, find};
use super::{Answer, for_input, not_found, not_unique, write_lookup};
use crate::bind::BindSource;
use crate::lower::clauses::{self, ALWAYS, Cell, Clause};
use crate::lower::{State, uniques, write_where};
use crate::permissions::Access;
use crate::plan::{Message, MessagePart};
use crate::selection::{Input, Pos};

/// A `by` as a filter. An incomplete key is an error of the write, told where it stands.
pub(super) fn unique_filter<'a>(
    program: &mut Program<'_, 'a>,
    entity: &'a Entity,
    by: &Input,
    parent: Option<&Parent<'a>>,
    place: &Place,
) -> Option<Filter<BindSource>> {
    // The place in the document is not told: the error is one of the write.
    let pos = Pos { line: 0, column: 0 };
    match uniques::unique_filter(program.env, entity, by, parent.map(|parent| parent.field), pos) {
        Ok(filter) => Some(filter),
        Err(incomplete) => {
            program.refuse(place, not_unique(incomplete));
            None
        }
    }
}

/// Whether two keys differ in nothing but values.
pub(super) fn are_like(one: &Filter<BindSource>, other: &Filter<BindSource>) -> bool {
    one.map(&mut |_| ()) == other.map(&mut |_| ())
}

/// Keys that are alike, as if they were one: each value is one for each of them.
pub(super) fn each(keys: &[&Filter<BindSource>]) -> Option<Filter<BindSource>> {
    let mut values: Vec<_> = keys.iter().map(|key| values(key).into_iter()).collect();
    let first = keys.first()?;
    Some(first.map(&mut |_| BindSource::Each(values.iter_mut().filter_map(Iterator::next).collect())))
}

fn values(key: &Filter<BindSource>) -> Vec<BindSource> {
    let mut values = Vec::new();
    drop(key.map(&mut |value| values.push(value.clone())));
    values
}

/// The row that a `by` names; below a parent, among its rows.
pub(super) fn found<'a>(
    program: &mut Program<'_, 'a>,
    entity: &'a Entity,
    by: &Input,
    parent: Option<&Parent<'a>>,
    place: &Place,
) -> Option<Found<'a>> {
    let filter = unique_filter(program, entity, by, parent, place)?;
    let by_key = clauses::requested(program.env, Access::Root, entity, &filter);
    let of_parent = parent.map_or(ALWAYS, |parent| holds(parent.joining, parent.entity, &parent.key));
    let message = match parent {
        Some(parent) => for_child(by, parent),
        None => for_input(by),
    };
    Some(Found { by: Clause::all([by_key, of_parent]), filter: ALWAYS, missing: not_found(None, Some(message)) })
}

/// The key of a row that must be there.
pub(super) fn required<'a>(program: &mut Program<'_, 'a>, entity: &'a Entity, by: &Input, place: &Place) -> BindSource {
    let name = program.next_row();
    if let Some(found) = found(program, entity, by, None, place) {
        find(program, entity, &found, &name, &[], place);
    }
    BindSource::Step(name)
}

/// The key of a row that may be there.
pub(super) fn optional<'a>(
    program: &mut Program<'_, 'a>,
    entity: &'a Entity,
    by: &Input,
    parent: Option<&Parent<'a>>,
    place: &Place,
) -> BindSource {
    let name = program.next_row();
    if let Some(found) = found(program, entity, by, parent, place) {
        let mut state = State::new(program.env, &[]);
        state.sql.syntax("WITH ");
        let row = write_lookup(program.env, &mut state, entity, found.by);
        state.sql.syntax(" ");
        let mut answer = Answer::begin(&mut state);
        answer.key(&mut state, &name, row, entity);
        let kind = answer.finish(program.env, &mut state, entity);
        program.push(place, state, kind);
    }
    BindSource::Step(name)
}

/// The key of the one row of `owner` whose foreign key holds `key`; `seen` when the caller must see it. Where a row stands in the way it does not matter who sees it: the unique
/// key does not ask.
pub(super) fn holder<'a>(
    program: &mut Program<'_, 'a>,
    owner: &'a Entity,
    joining: &'a JoiningColumn,
    target: &'a Entity,
    key: &BindSource,
    seen: bool,
    place: &Place,
) -> BindSource {
    let visible = if seen { clauses::visible(program.env, Access::Root, owner) } else { ALWAYS };
    let name = program.next_row();
    let mut state = State::new(program.env, &[]);
    let mut answer = Answer::begin(&mut state);
    answer.text(&mut state, &name, |state| {
        let alias = state.sql.next_alias();
        state.sql.syntax("(SELECT ").column(alias, &owner.primary_column().column).syntax("::text FROM ");
        state.sql.content(&owner.table).syntax(" ").alias(alias);
        write_where(program.env, state, alias, [holds(joining, target, key), visible]);
        state.sql.syntax(")");
    });
    let kind = answer.finish(program.env, &mut state, owner);
    program.push(place, state, kind);
    BindSource::Step(name)
}

/// The foreign key holds this key.
pub(super) fn holds<'a>(joining: &'a JoiningColumn, target: &'a Entity, key: &BindSource) -> Clause<'a> {
    let cell = Cell { name: &joining.column, column: target.primary_column() };
    Clause::Compare(cell, Operator::Eq, key.clone())
}

/// `for input {…, "parent": {"id": "…"}}`
fn for_child(by: &Input, parent: &Parent<'_>) -> Message {
    let BindSource::Step(key) = &parent.key else { return for_input(by) };
    let before = format!(",\"{}\":{{\"{}\":\"", parent.field, parent.entity.primary);
    Message(vec![
        MessagePart::Text("for input {".to_owned()),
        MessagePart::Members(by.clone()),
        MessagePart::Text(before),
        MessagePart::Step(key.clone()),
        MessagePart::Text("\"}}".to_owned()),
    ])
}
