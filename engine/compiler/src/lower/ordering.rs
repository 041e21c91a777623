//! Orders of lists (content API, section 8).

use freehold_schema::ident::Ident;
use freehold_schema::model::{Column, Direction, Entity, FieldKind, OrderBy};
use freehold_schema::names::FieldName;
use serde_json::Value;

use super::clauses::{self, Cell, Clause};
use super::filtering::{Context, write_and, write_clause};
use super::links::Link;
use super::searching::Vector;
use super::{Env, Refused, State, columns, inputs};
use crate::api::RELEVANCE;
use crate::bind::{BindSource, BindType};
use crate::error::ErrorCode;
use crate::permissions::Access;
use crate::selection::{Input, Pos};
use crate::sql::{Alias, SqlWriter};

/// One item of an order.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Key<'a> {
    Column(Hops<'a>, Direction),
    Random,
    /// A hash of the row's key with a seed.
    Seeded {
        seed: BindSource,
        primary: &'a Ident,
        direction: Direction,
    },
}

/// Has-one relations, then a column or a rank, each with the condition under which it may be read: what cannot be read is ordered as NULL, so that order tells nothing about it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Hops<'a> {
    Relation {
        field: &'a FieldName,
        link: Link<'a>,
        target: &'a Entity,
        visible: Clause<'a>,
        readable: Clause<'a>,
        next: Box<Hops<'a>>,
    },
    Column {
        field: &'a FieldName,
        cell: Cell<'a>,
        readable: Clause<'a>,
        primary: bool,
        never_null: bool,
    },
    /// How well the words of the row satisfy a text to search for.
    Relevance(Box<Vector<'a>>, BindSource),
}

impl<'a> Hops<'a> {
    /// The column at the end; a rank is none.
    pub fn column(&self) -> Option<&'a Column> {
        match self {
            Self::Column { cell, .. } => Some(cell.column),
            Self::Relation { next, .. } => next.column(),
            Self::Relevance(..) => None,
        }
    }

    /// Whether it is a column of the row itself, as it stands.
    pub fn is_plain(&self) -> bool {
        matches!(self, Self::Column { readable, .. } if readable.is_always())
    }

    /// Whether no row has NULL there for the caller.
    pub fn never_null(&self) -> bool {
        let column = self.is_plain() && matches!(self, Self::Column { never_null: true, .. });
        column || matches!(self, Self::Relevance(..))
    }

    /// The fields on the way.
    pub fn path(&self) -> String {
        match self {
            Self::Column { field, .. } => field.to_string(),
            Self::Relation { field, next, .. } => format!("{field}.{}", next.path()),
            Self::Relevance(..) => RELEVANCE.to_owned(),
        }
    }
}

/// Items of an order. Each is a column of PostgreSQL's sorted rows, which have at most 1,664.
const MAX_ITEMS: usize = 100;

/// How exact the order of a list must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exactness {
    /// All rows are wanted, in whatever order unless one is asked for.
    Any,
    /// A part of the list is wanted, and should be the same part each time.
    Stable,
    /// Each row has a place of its own, for cursors.
    Total,
}

/// The order of a list. `defaults` are those of the relation or entity.
pub(super) fn order<'a>(
    env: &Env<'a>,
    access: Access,
    entity: &'a Entity,
    given: Option<&Input>,
    defaults: &'a [OrderBy],
    exactness: Exactness,
    pos: Pos,
) -> Result<Vec<Key<'a>>, Refused> {
    let items = order_items(given, pos)?;
    let mut keys =
        items.iter().filter_map(|item| key(env, access, entity, item, pos).transpose()).collect::<Result<Vec<_>, _>>()?;
    if keys.is_empty() {
        keys = defaults.iter().map(|order| Key::Column(default_hops(env, access, entity, order), order.direction)).collect();
    }
    let random = matches!(keys.first(), Some(Key::Random | Key::Seeded { .. }));
    let total = keys.iter().any(|key| matches!(key, Key::Column(Hops::Column { primary: true, .. }, _)));
    let is_exact = random && exactness != Exactness::Total;
    let is_wanted = !keys.is_empty() || exactness != Exactness::Any || is_masked(env, access, entity);
    if !is_exact && !total && is_wanted {
        keys.push(Key::Column(column_hop(env, access, entity, entity.primary.as_str(), entity.primary_column()), Direction::Asc));
    }
    Ok(keys)
}

/// Whether some cell of the entity may be hidden from the caller. Rows without an order come in that of the table's pages, which a change of any cell changes.
fn is_masked(env: &Env<'_>, access: Access, entity: &Entity) -> bool {
    entity.fields.values().any(|field| match &field.kind {
        FieldKind::Column(_) => !env.read_rule(access, entity, field.name.as_str()).is_always(),
        FieldKind::Relation(relation) => {
            relation.joining_column().is_some() && !env.read_rule(access, entity, field.name.as_str()).is_always()
        }
    })
}

/// The items of `orderBy`.
pub(super) fn order_items(given: Option<&Input>, pos: Pos) -> Result<&[Input], Refused> {
    let items = given.map(inputs::items).unwrap_or_default();
    if items.len() > MAX_ITEMS {
        let message = format!("Order by: {} items are given, allowed are {MAX_ITEMS}.", items.len());
        return Err(Refused::new(message, ErrorCode::TooComplex, pos));
    }
    Ok(items)
}

/// One item of `orderBy`: exactly one key, or nested ones down to a column.
fn key<'a>(env: &Env<'a>, access: Access, entity: &'a Entity, item: &Input, pos: Pos) -> Result<Option<Key<'a>>, Refused> {
    let (name, input) = single_key(entity, item, pos)?;
    let (name, input) = random_below(input).unwrap_or((name, input));
    match name {
        "_random" => Ok((inputs::constant(input) == Some(&Value::Bool(true))).then_some(Key::Random)),
        "_randomSeeded" if *input == Input::Null => Ok(None),
        "_randomSeeded" => Ok(Some(Key::Seeded {
            seed: inputs::source(input),
            primary: &entity.primary_column().column,
            direction: Direction::Asc,
        })),
        _ if *input == Input::Null => Ok(None),
        _ => {
            let mut direction = Direction::Asc;
            let hops = hops(env, access, entity, name, input, &mut direction, pos)?;
            Ok(hops.map(|hops| Key::Column(hops, direction)))
        }
    }
}

/// `_random` or `_randomSeeded` below relations: chance orders the list itself, whatever it was reached through.
fn random_below(input: &Input) -> Option<(&str, &Input)> {
    let Input::Object(members) = input else { return None };
    match members.first() {
        Some((name, below)) if matches!(&**name, "_random" | "_randomSeeded") && members.len() == 1 => Some((name, below)),
        Some((_, below)) if members.len() == 1 => random_below(below),
        Some(_) | None => None,
    }
}

fn hops<'a>(
    env: &Env<'a>,
    access: Access,
    entity: &'a Entity,
    name: &str,
    input: &Input,
    direction: &mut Direction,
    pos: Pos,
) -> Result<Option<Hops<'a>>, Refused> {
    if let Some(column) = entity.column(name) {
        *direction = self::direction(input);
        return Ok(Some(column_hop(env, access, entity, name, column)));
    }
    if *input == Input::Null {
        return Ok(None);
    }
    if name == RELEVANCE && !entity.fields.contains_key(RELEVANCE) {
        // Best first. What is reached through a relation to nothing has no rank, and comes last.
        *direction = Direction::DescNullsLast;
        return Ok(Some(Hops::Relevance(Box::new(Vector::of(env, access, entity)), inputs::source(input))));
    }
    let target = env.entity(entity.relation(name).expect("a field is a column or a relation").target.as_str());
    let (next_name, next_input) = single_key(target, input, pos)?;
    let next = hops(env, Access::Relation, target, next_name, next_input, direction, pos)?;
    Ok(next.map(|next| relation_hop(env, access, entity, name, next)))
}

/// An `OrderDirection`.
pub(super) fn direction(input: &Input) -> Direction {
    match inputs::constant(input).and_then(Value::as_str) {
        Some("desc") => Direction::Desc,
        Some("ascNullsFirst") => Direction::AscNullsFirst,
        Some("descNullsLast") => Direction::DescNullsLast,
        Some(_) | None => Direction::Asc,
    }
}

fn single_key<'i>(entity: &Entity, item: &'i Input, pos: Pos) -> Result<(&'i str, &'i Input), Refused> {
    // The order of the input type, columns first, which the contract's message has.
    single_member(item, pos, |name| (entity.relation(name).is_some(), entity.fields.get_index_of(name)))
}

/// The only member of an input object. `rank` puts the names of several into the order that the message has.
pub(super) fn single_member<R: Ord>(item: &Input, pos: Pos, rank: impl Fn(&str) -> R) -> Result<(&str, &Input), Refused> {
    let Input::Object(members) = item else { return Ok(("_random", &Input::Null)) };
    match members.first() {
        Some((name, input)) if members.len() == 1 => Ok((name, input)),
        _ => {
            let mut names: Vec<&str> = members.keys().map(|name| &**name).collect();
            names.sort_by_key(|name| rank(name));
            let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            let message = format!("Order by: only one field is expected in each item of order by clause, got: {names}");
            Err(Refused::new(message, ErrorCode::BadUserInput, pos))
        }
    }
}

fn default_hops<'a>(env: &Env<'a>, access: Access, entity: &'a Entity, order: &'a OrderBy) -> Hops<'a> {
    let (last, relations) = order.path.split_last().expect("a checked schema's order names a column");
    let mut entities = vec![(entity, access)];
    for relation in relations {
        let (entity, _) = *entities.last().expect("it starts with one");
        let relation = entity.relation(relation.as_str()).expect("a checked schema's order goes through relations");
        entities.push((env.entity(relation.target.as_str()), Access::Relation));
    }
    let (owner, owner_access) = *entities.last().expect("it starts with one");
    let column = owner.column(last.as_str()).expect("a checked schema's order ends at a column");
    let leaf = column_hop(env, owner_access, owner, last.as_str(), column);
    relations
        .iter()
        .zip(&entities)
        .rev()
        .fold(leaf, |next, (relation, (entity, access))| relation_hop(env, *access, entity, relation.as_str(), next))
}

pub(super) fn column_hop<'a>(env: &Env<'a>, access: Access, entity: &'a Entity, name: &str, column: &'a Column) -> Hops<'a> {
    let readable = clauses::readable(env, access, entity, name);
    let primary = *name == *entity.primary.as_str();
    // Nothing makes a view keep what its model promises.
    let never_null = entity.view.is_none() && (primary || !column.nullable);
    let field = &entity.fields[name].name;
    Hops::Column { field, cell: Cell { name: &column.column, column }, readable, primary, never_null }
}

pub(super) fn relation_hop<'a>(env: &Env<'a>, access: Access, entity: &'a Entity, name: &str, next: Hops<'a>) -> Hops<'a> {
    let relation = entity.relation(name).expect("a field is a column or a relation");
    let target = env.entity(relation.target.as_str());
    let visible = clauses::visible(env, Access::Relation, target);
    let readable = clauses::readable(env, access, entity, name);
    let field = &entity.fields[name].name;
    Hops::Relation { field, link: Link::of(env, entity, relation), target, visible, readable, next: Box::new(next) }
}

/// Writes ` ORDER BY …`, or nothing.
pub(super) fn write_order(env: &Env<'_>, state: &mut State, alias: Alias, keys: &[Key<'_>]) {
    for (index, key) in keys.iter().enumerate() {
        state.sql.syntax(if index == 0 { " ORDER BY " } else { ", " });
        write_key(env, state, alias, key);
        match key {
            Key::Column(_, direction) | Key::Seeded { direction, .. } => write_direction(&mut state.sql, *direction),
            Key::Random => {}
        }
    }
}

/// Writes what a row is ordered by.
pub(super) fn write_key(env: &Env<'_>, state: &mut State, alias: Alias, key: &Key<'_>) {
    match key {
        Key::Column(hops, _) => write_hops(env, state, alias, hops),
        Key::Random => drop(state.sql.syntax("random()")),
        // A hash with a seed instead of setseed(): the same order whatever order rows are read in, and nothing left behind in the session.
        Key::Seeded { seed, primary, .. } => {
            state.sql.syntax("hashtextextended(").column(alias, primary).syntax("::text, ");
            state.sql.bind(seed.clone(), BindType::BigInt).syntax(")");
        }
    }
}

pub(super) fn write_direction(sql: &mut SqlWriter, direction: Direction) {
    sql.syntax(match direction {
        Direction::Asc => "",
        Direction::Desc => " DESC",
        Direction::AscNullsFirst => " NULLS FIRST",
        Direction::DescNullsLast => " DESC NULLS LAST",
    });
}

/// Writes the value at the end.
pub(super) fn write_hops(env: &Env<'_>, state: &mut State, alias: Alias, hops: &Hops<'_>) {
    match hops {
        Hops::Column { cell, readable, .. } => write_masked(env, state, alias, readable, |state| {
            columns::write_comparable(&mut state.sql, alias, cell.name, cell.column);
        }),
        Hops::Relevance(vector, text) => vector.write_rank(env, state, alias, text),
        Hops::Relation { link, target, visible, readable, next, .. } => write_masked(env, state, alias, readable, |state| {
            let rows = state.sql.next_alias();
            state.sql.syntax("(SELECT ");
            write_hops(env, state, rows, next);
            state.sql.syntax(" FROM ").content(&target.table).syntax(" ").alias(rows).syntax(" WHERE ");
            link.write(&mut state.sql, alias, rows);
            write_and(env, state, rows, visible);
            state.sql.syntax(if target.view.is_some() { " LIMIT 1)" } else { ")" });
        }),
    }
}

/// Writes a value that is NULL where it may not be read.
pub(crate) fn write_masked(
    env: &Env<'_>,
    state: &mut State,
    alias: Alias,
    readable: &Clause<'_>,
    value: impl FnOnce(&mut State),
) {
    if readable.is_always() {
        return value(state);
    }
    state.sql.syntax("CASE WHEN ");
    write_clause(env, state, alias, readable, Context::Holds);
    state.sql.syntax(" THEN ");
    value(state);
    state.sql.syntax(" END");
}
