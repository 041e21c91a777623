//! Groups: aggregates of the rows that have the same keys (content API, "Beyond the recorded contract").

use freehold_schema::model::{Direction, FieldKind};
use freehold_schema::names::FieldName;
use serde_json::Value as Json;

use super::aggregating::{Needed, Value, value_name, write_member, write_nested};
use super::clauses::ALWAYS;
use super::columns::{write_date, write_single};
use super::links::Link;
use super::ordering::{direction, order_items, single_member, write_direction};
use super::reading::{unsupported, write_members, write_object};
use super::relations::{Arguments, One, Origin, Rows, write_bounds};
use super::{Env, Refused, State};
use crate::api::{AggregateFunction, GroupKey, Meaning, group_keys};
use crate::error::ErrorCode;
use crate::permissions::Access;
use crate::selection::{Input, Pos, Selected};
use crate::sql::Alias;

/// What rows are grouped by. The place of a key among them is that of its value among those that are needed.
struct Keys<'a>(Vec<GroupKey<'a>>);

/// Writes a JSON array of groups.
pub(super) fn write_groups<'a>(env: &Env<'a>, state: &mut State, rows: &Rows<'a>, field: &Selected) -> Result<(), Refused> {
    let mut needed = Needed::of(rows);
    let keys = Keys::of(rows, field)?;
    for key in &keys.0 {
        let cell = needed.cell(env, &key.field.name);
        needed.place(Value::Key(cell, key.part));
    }
    let order = order(env, &mut needed, &keys, field)?;
    let (json, values) = (state.sql.next_alias(), state.sql.next_alias());
    state.sql.syntax("(SELECT coalesce(json_agg(row_to_json(").alias(json).syntax(")), '[]') FROM (SELECT ");
    write_members(state, &field.type_name, field.selections.fields(), |state, part| match &part.meaning {
        Meaning::GroupKey => write_nested(state, part, |state, part| write_key(env, state, &keys, values, part)),
        _ => write_member(env, state, &mut needed, values, part),
    })?;
    state.sql.syntax(" FROM (");
    needed.write(env, state, field.pos)?;
    for place in 1..=keys.0.len() {
        state.sql.syntax(if place == 1 { " GROUP BY " } else { ", " }).number(place);
    }
    for (index, (place, direction)) in order.into_iter().enumerate() {
        state.sql.syntax(if index == 0 { " ORDER BY " } else { ", " }).number(place);
        write_direction(&mut state.sql, direction);
    }
    write_bounds(state, &rows.arguments);
    state.sql.syntax(") ").alias(values).syntax(") ").alias(json).syntax(")");
    Ok(())
}

impl<'a> Keys<'a> {
    /// The `by` argument.
    fn of(rows: &Rows<'a>, field: &Selected) -> Result<Self, Refused> {
        let given: Vec<&str> = field.arguments.get("by").map(names).unwrap_or_default();
        let mut keys: Vec<GroupKey<'a>> = Vec::new();
        let known = group_keys(rows.entity);
        for name in given {
            if !keys.iter().any(|key| key.name == name) {
                keys.extend(known.iter().find(|key| key.name == name).cloned());
            }
        }
        if keys.is_empty() {
            let message = "argument `by` must name at least one key; without groups, ask for the aggregate";
            return Err(Refused::new(message, ErrorCode::BadUserInput, field.pos));
        }
        Ok(Self(keys))
    }

    /// The place of a key, counted from 1.
    fn place(&self, is_meant: impl Fn(&GroupKey<'a>) -> bool) -> Option<usize> {
        self.0.iter().position(is_meant).map(|index| index + 1)
    }

    fn refuse(&self, name: &str, pos: Pos) -> Refused {
        let keys: Vec<&str> = self.0.iter().map(|key| key.name.as_str()).collect();
        let message = format!("`{name}` is not among the keys that argument `by` names: {}", keys.join(", "));
        Refused::new(message, ErrorCode::BadUserInput, pos)
    }
}

/// Values of an enum: a list written in the document, one that a variable holds, or a single value.
fn names(input: &Input) -> Vec<&str> {
    match input {
        Input::Leaf(leaf) => match &leaf.value {
            Json::Array(items) => items.iter().filter_map(Json::as_str).collect(),
            value => value.as_str().into_iter().collect(),
        },
        Input::List(items) => items.iter().flat_map(names).collect(),
        Input::Null | Input::Object(_) => Vec::new(),
    }
}

/// What groups are ordered by: places of values. The keys come last, so that two groups never stand in any order.
fn order<'a>(
    env: &Env<'a>,
    needed: &mut Needed<'_, 'a>,
    keys: &Keys<'a>,
    field: &Selected,
) -> Result<Vec<(usize, Direction)>, Refused> {
    let mut order: Vec<(usize, Direction)> = Vec::new();
    for item in order_items(field.arguments.get("orderBy"), field.pos)? {
        let (name, below) = single_member(item, field.pos, |_| ())?;
        if let Some(found) = ordered_by(env, needed, keys, name, below, field.pos)? {
            order.push(found);
        }
    }
    for place in 1..=keys.0.len() {
        if !order.iter().any(|(known, _)| *known == place) {
            order.push((place, Direction::Asc));
        }
    }
    Ok(order)
}

/// One item: `{count: desc}`, `{key: {state: asc}}` or `{sum: {price: desc}}`.
fn ordered_by<'a>(
    env: &Env<'a>,
    needed: &mut Needed<'_, 'a>,
    keys: &Keys<'a>,
    name: &str,
    below: &Input,
    pos: Pos,
) -> Result<Option<(usize, Direction)>, Refused> {
    if *below == Input::Null {
        return Ok(None);
    }
    if name == "count" {
        return Ok(Some((needed.place(Value::Count), direction(below))));
    }
    let (field, input) = single_member(below, pos, |_| ())?;
    if *input == Input::Null {
        return Ok(None);
    }
    let place = match AggregateFunction::from_name(name) {
        Some(function) => {
            let cell = needed.cell(env, &FieldName::new(field));
            needed.place(Value::Function(function, cell))
        }
        None => keys.place(|key| key.name == field).ok_or_else(|| keys.refuse(field, pos))?,
    };
    Ok(Some((place, direction(input))))
}

/// Writes a member of `key`.
fn write_key<'a>(env: &Env<'a>, state: &mut State, keys: &Keys<'a>, values: Alias, part: &Selected) -> Result<(), Refused> {
    let Meaning::GroupKeyOf(name, date_part) = &part.meaning else { return Err(unsupported(part)) };
    let place = keys.place(|key| key.field.name == *name && key.part == *date_part);
    let place = place.ok_or_else(|| keys.refuse(&part.name, part.pos))?;
    let value = value_name(place);
    match (&keys.0[place - 1].field.kind, date_part) {
        (FieldKind::Column(_), Some(_)) => write_date(&env.schema.settings, &mut state.sql, values, &value),
        (FieldKind::Column(column), None) => write_single(&env.schema.settings, &mut state.sql, column, values, &value),
        (FieldKind::Relation(relation), _) => {
            // The key is that of a row which is seen through the relation, or NULL.
            let target = env.entity(relation.target.as_str());
            let link = Link { near: &value, far: &target.primary_column().column, junction: None };
            let arguments = Arguments::filtered(env, Access::Relation, target, part)?;
            let origin = Origin::Related { link, parent: values, readable: ALWAYS };
            let rows = Rows { entity: target, access: Access::Relation, origin, arguments };
            write_object(env, state, &One { rows, limited: target.view.is_some() }, part)?;
        }
    }
    Ok(())
}
