//! Rows that a new row is connected with through junctions, by the statement that creates it; of many new rows, by one for all.

use std::collections::BTreeSet;

use freehold_schema::acl::OperationKind;
use freehold_schema::filter::Filter;
use freehold_schema::ident::Ident;
use freehold_schema::model::{Entity, RelationKind};

use super::input::{Data, Nested, Operation};
use super::lookups::{self, unique_filter};
use super::program::{Place, Program};
use super::rows::write_each;
use super::{Answer, for_input, not_found, permitted, write_lookup};
use crate::bind::BindSource;
use crate::lower::clauses::{self, ALWAYS};
use crate::lower::columns::write_stored;
use crate::lower::links::{Junction, Link};
use crate::lower::{Env, State};
use crate::permissions::Access;
use crate::plan::{PathFragment, StepKind, WriteError};
use crate::selection::Input;
use crate::sql::Alias;

/// A row to be connected.
#[derive(Debug)]
pub(super) struct Linked<'a> {
    junction: Junction<'a>,
    target: &'a Entity,
    by: Filter<BindSource>,
    /// As the caller gave it.
    input: Input,
    /// Where, below the new row.
    path: Vec<PathFragment>,
}

/// Whether the statement of the new row can connect it: whoever may create the row may connect it with whatever he sees.
pub(super) fn is_possible(env: &Env<'_>, entity: &Entity, nested: &Nested<'_>) -> bool {
    let is_many =
        matches!(nested.relation.kind, RelationKind::ManyHasManyOwning { .. } | RelationKind::ManyHasManyInverse { .. });
    let always = |entity, field| permitted(env, entity, OperationKind::Update, &[field]).is_always();
    is_many
        && matches!(nested.operation, Operation::Connect(_))
        && always(entity, nested.field)
        && nested.relation.other_side().is_none_or(|other| always(nested.target, other))
}

/// The connections of a new row.
pub(super) fn read<'a>(program: &mut Program<'_, 'a>, entity: &'a Entity, data: &Data<'a>, place: &Place) -> Vec<Linked<'a>> {
    let mut links = Vec::new();
    for nested in data.nested.iter().filter(|nested| !nested.is_owning_one()) {
        let Operation::Connect(by) = &nested.operation else { continue };
        let Some(filter) = unique_filter(program, nested.target, by, None, &nested.place(place)) else { continue };
        let junction =
            Link::of(program.env, entity, nested.relation).junction.expect("a many-has-many relation goes through a junction");
        let path = nested.place(&Place::default()).path;
        links.push(Linked { junction, target: nested.target, by: filter, input: by.clone(), path });
    }
    links
}

/// Writes `rows AS (SELECT …), ` for each row to be connected.
pub(super) fn write_lookups<'a>(env: &Env<'a>, state: &mut State, links: &[Linked<'a>]) -> Vec<Alias> {
    let lookup = |link: &Linked<'a>| {
        let by = clauses::requested(env, Access::Root, link.target, &link.by);
        let rows = write_lookup(env, state, link.target, by);
        state.sql.syntax(", ");
        rows
    };
    links.iter().map(lookup).collect()
}

/// Writes `, rows AS (INSERT INTO junction …)`, one for each junction. What is read of the new row's links is read from these.
pub(super) fn write_links<'a>(state: &mut State, entity: &'a Entity, new: Alias, links: &[Linked<'a>], found: &[Alias]) {
    let mut junctions: Vec<Junction<'a>> = Vec::new();
    for link in links {
        if junctions.contains(&link.junction) {
            continue;
        }
        junctions.push(link.junction);
        let Junction { table, near, far } = link.junction;
        let (rows, targets) = (state.sql.next_alias(), state.sql.next_alias());
        let target_key: &Ident = &link.target.primary_column().column;
        state.sql.syntax(", ").alias(rows).syntax(" AS (INSERT INTO ").content(table).syntax(" (").ident(near);
        state.sql.syntax(", ").ident(far).syntax(") SELECT ").column(new, &entity.primary_column().column).syntax(", ");
        state.sql.column(targets, target_key).syntax(" FROM ").alias(new).syntax(", (");
        let same = links.iter().zip(found).filter(|(other, _)| other.junction == link.junction);
        for (index, (_, found)) in same.enumerate() {
            state.sql.syntax(if index == 0 { "SELECT " } else { " UNION SELECT " }).column(*found, target_key);
            state.sql.syntax(" FROM ").alias(*found);
        }
        state.sql.syntax(") ").alias(targets).syntax(" RETURNING *)");
        state.new_links.push((table.clone(), rows));
    }
}

/// A link of a new row, which has this key.
pub(super) type Keyed<'l, 'a> = (BindSource, &'l Linked<'a>);

/// Links of many new rows, those together that are alike.
pub(super) fn groups<'l, 'a>(links: impl Iterator<Item = Keyed<'l, 'a>>) -> Vec<Vec<Keyed<'l, 'a>>> {
    let mut groups: Vec<Vec<Keyed<'l, 'a>>> = Vec::new();
    for keyed in links {
        match groups.iter_mut().find(|group| group[0].1.is_like(keyed.1)) {
            Some(group) => group.push(keyed),
            None => groups.push(vec![keyed]),
        }
    }
    groups
}

/// The statement that writes links that are alike; None when what they are found by may depend on tables that are `written`.
pub(super) fn together<'a>(
    env: &Env<'a>,
    entity: &'a Entity,
    links: &[Keyed<'_, 'a>],
    written: &BTreeSet<&Ident>,
) -> Option<(State, StepKind)> {
    let (_, Linked { junction: Junction { table, near, far }, target, .. }) = links.first()?;
    let by = lookups::each(&links.iter().map(|(_, link)| &link.by).collect::<Vec<_>>())?;
    let keys = BindSource::Each(links.iter().map(|(key, _)| key.clone()).collect());
    let mut state = State::new(env, &[]);
    let (found, linked) = (state.sql.next_alias(), state.sql.next_alias());
    state.sql.syntax("WITH ").alias(found).syntax(" AS (");
    write_each(env, &mut state, written, |state| {
        let row = state.sql.next_alias();
        state.sql.syntax("SELECT ");
        write_stored(env.schema, &mut state.sql, entity.primary_column(), keys);
        state.sql.syntax(" AS ").ident(near).syntax(", ").column(row, &target.primary_column().column).syntax(" AS ").ident(far);
        super::write_from(env, state, target, row, clauses::requested(env, Access::Root, target, &by));
    })?;
    state.sql.syntax("), ").alias(linked).syntax(" AS (INSERT INTO ").content(table).syntax(" (").ident(near).syntax(", ");
    state.sql.ident(far).syntax(") SELECT ").column(found, near).syntax(", ").column(found, far).syntax(" FROM ").alias(found);
    // A row may be connected twice.
    state.sql.syntax(" ON CONFLICT DO NOTHING) ");
    let mut answer = Answer::begin(&mut state);
    answer.check_many(env, &mut state, links.len(), found, &ALWAYS);
    let kind = answer.finish_change(env, &mut state, entity, &[]);
    Some((state, kind))
}

impl<'a> Linked<'a> {
    /// The table that connects.
    pub fn table(&self) -> &'a Ident {
        self.junction.table
    }

    /// Whether the two differ in nothing but values.
    fn is_like(&self, other: &Self) -> bool {
        self.junction == other.junction && lookups::are_like(&self.by, &other.by)
    }
}

/// Adds what must be true of the connections to the answer.
pub(super) fn add_checks(env: &Env<'_>, state: &mut State, answer: &mut Answer, links: &[Linked<'_>], found: &[Alias]) {
    for (link, found) in links.iter().zip(found) {
        let missing = not_found(None, Some(for_input(&link.input)));
        answer.check_some(env, state, WriteError { paths: vec![link.path.clone()], ..missing }, *found, &ALWAYS);
    }
}
