//! Filters and predicates as a tree that can be written: constants folded, permissions put in, relations resolved to links.
//!
//! SQL has three truth values, and `not` makes the difference between false and unknown visible; so constants are `Option<bool>`, None being unknown.

use std::sync::Arc;

use freehold_schema::filter::{Condition, Filter, Operator};
use freehold_schema::ident::Ident;
use freehold_schema::model::{Column, Entity, Relation, RelationKind};
use freehold_schema::names::FieldName;
use indexmap::IndexSet;

use super::cursors::Beyond;
use super::links::{Junction, Link};
use super::searching::Vector;
use super::uniques::{Lookup, lookup};
use super::{Env, columns, predicates};
use crate::bind::BindSource;
use crate::cipher::EncryptedCell;
use crate::permissions::{Access, Rule};

/// A condition on one row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Clause<'a> {
    Constant(Option<bool>),
    And(Vec<Clause<'a>>),
    Or(Vec<Clause<'a>>),
    Not(Box<Clause<'a>>),
    /// False instead of unknown.
    Certain(Box<Clause<'a>>),
    IsNull(Cell<'a>, bool),
    Compare(Cell<'a>, Operator, BindSource),
    /// The words of the row satisfy a text to search for.
    Matches(Box<Vector<'a>>, BindSource),
    /// One of the row's ancestors or descendants satisfies something.
    Related(Box<Related<'a>>),
    /// A row of the junction satisfies something; the related row itself need not be looked at.
    Junction(Junction<'a>, &'a Ident, Box<Clause<'a>>),
    /// The row lies behind a cursor.
    Beyond(Box<Beyond<'a>>),
}

/// A column of the row, and the column whose values it holds: a foreign key holds those of a primary key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Cell<'a> {
    pub name: &'a Ident,
    pub column: &'a Column,
}

/// A condition on related rows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Related<'a> {
    pub(super) link: Link<'a>,
    pub(super) target: &'a Entity,
    /// There is at most one related row.
    pub(super) single: bool,
    /// Which related rows exist for the caller.
    pub(super) visible: Clause<'a>,
    /// What one of them must satisfy.
    pub(super) test: Clause<'a>,
    /// The outcome when there is none.
    pub(super) unmatched: Option<bool>,
    /// Set when the test names the related rows by a unique key: then they are looked up first.
    pub(super) lookup: Option<Lookup>,
}

/// Whose eyes a filter sees with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Guard {
    /// A request for rows reached in this way: only readable rows and fields exist.
    Reader(Access),
    /// A predicate: evaluated as it stands, everything exists.
    Verbatim,
}

pub(crate) const ALWAYS: Clause<'static> = Clause::Constant(Some(true));
const NEVER: Clause<'static> = Clause::Constant(Some(false));

impl<'a> Clause<'a> {
    /// All of them.
    pub fn all(clauses: impl IntoIterator<Item = Clause<'a>>) -> Self {
        let mut kept = Vec::new();
        for clause in clauses {
            match clause {
                Clause::Constant(Some(true)) => {}
                Clause::Constant(Some(false)) => return NEVER,
                Clause::And(inner) => kept.extend(inner),
                other => kept.push(other),
            }
        }
        kept.dedup();
        if kept.len() == 1 {
            kept.swap_remove(0)
        } else if kept.is_empty() {
            ALWAYS
        } else {
            Clause::And(kept)
        }
    }

    /// One of them; an empty list restricts nothing.
    pub fn any(clauses: impl IntoIterator<Item = Clause<'a>>) -> Self {
        let mut kept = Vec::new();
        let mut n_given = 0;
        for clause in clauses {
            n_given += 1;
            match clause {
                Clause::Constant(Some(true)) => return ALWAYS,
                Clause::Constant(Some(false)) => {}
                other => kept.push(other),
            }
        }
        match kept.len() {
            0 if n_given == 0 => ALWAYS,
            0 => NEVER,
            1 => kept.swap_remove(0),
            _ => Clause::Or(kept),
        }
    }

    fn not(clause: Clause<'a>) -> Self {
        match clause {
            Clause::Constant(truth) => Clause::Constant(truth.map(|truth| !truth)),
            other => Clause::Not(Box::new(other)),
        }
    }

    /// The same, false instead of unknown.
    pub(super) fn certain(clause: Clause<'a>) -> Self {
        match clause {
            Clause::Constant(truth) => Clause::Constant(Some(truth == Some(true))),
            other if other.is_decided() => other,
            other => Clause::Certain(Box::new(other)),
        }
    }

    /// Whether it is true or false of every row, never unknown.
    fn is_decided(&self) -> bool {
        match self {
            Clause::Constant(truth) => truth.is_some(),
            Clause::And(clauses) | Clause::Or(clauses) => clauses.iter().all(Self::is_decided),
            Clause::Not(clause) => clause.is_decided(),
            Clause::Certain(_) | Clause::IsNull(..) | Clause::Matches(..) | Clause::Junction(..) | Clause::Beyond(_) => true,
            Clause::Compare(..) => false,
            Clause::Related(related) => !related.single,
        }
    }

    /// Whether it holds on every row.
    pub fn is_always(&self) -> bool {
        *self == ALWAYS
    }

    /// Whether it holds on no row.
    pub fn is_never(&self) -> bool {
        matches!(self, Clause::Constant(Some(false) | None))
    }
}

/// A rule as a condition on the row.
pub(crate) fn of_rule<'a>(env: &Env<'a>, entity: &'a Entity, rule: &Rule) -> Clause<'a> {
    match rule {
        Rule::Denied => NEVER,
        Rule::Always => ALWAYS,
        Rule::When(predicate) => of_filter(env, Guard::Verbatim, entity, &predicates::resolve(env.caller, predicate)),
    }
}

/// Which rows of an entity the caller sees.
pub(crate) fn visible<'a>(env: &Env<'a>, access: Access, entity: &'a Entity) -> Clause<'a> {
    of_rule(env, entity, env.row_rule(access, entity))
}

/// When a field of a *visible* row may be read.
pub(crate) fn readable<'a>(env: &Env<'a>, access: Access, entity: &'a Entity, field: &str) -> Clause<'a> {
    let rule = env.read_rule(access, entity, field);
    if rule == env.row_rule(access, entity) { ALWAYS } else { of_rule(env, entity, rule) }
}

/// A filter of a request on visible rows: it holds only where all fields that it names may be read.
pub(crate) fn requested<'a>(env: &Env<'a>, access: Access, entity: &'a Entity, filter: &Filter<BindSource>) -> Clause<'a> {
    let mut fields = IndexSet::new();
    fields_of(filter, &mut fields);
    let guards = fields.into_iter().map(|field| Clause::certain(readable(env, access, entity, field.as_str())));
    let guards: Vec<_> = guards.collect();
    Clause::all(guards.into_iter().chain([of_filter(env, Guard::Reader(access), entity, filter)]))
}

/// The rows which those of `entity` that satisfy `test` have in a relation.
pub(crate) fn related_of<'a>(env: &Env<'a>, entity: &'a Entity, relation: &'a Relation, test: Clause<'a>) -> Clause<'a> {
    let link = Link::of(env, entity, relation).reversed();
    let (visible, unmatched) = (ALWAYS, Some(false));
    Clause::Related(Box::new(Related { link, target: entity, single: false, visible, test, unmatched, lookup: None }))
}

fn fields_of<'f>(filter: &'f Filter<BindSource>, fields: &mut IndexSet<&'f FieldName>) {
    match filter {
        Filter::And(filters) | Filter::Or(filters) => filters.iter().for_each(|filter| fields_of(filter, fields)),
        Filter::Not(filter) => fields_of(filter, fields),
        // What is searched is what may be read.
        Filter::Search(_) => {}
        Filter::Column(field, _) | Filter::Relation(field, _) => {
            fields.insert(field);
        }
    }
}

fn of_filter<'a>(env: &Env<'a>, guard: Guard, entity: &'a Entity, filter: &Filter<BindSource>) -> Clause<'a> {
    match filter {
        Filter::And(filters) => Clause::all(filters.iter().map(|filter| of_filter(env, guard, entity, filter))),
        Filter::Or(filters) => Clause::any(filters.iter().map(|filter| of_filter(env, guard, entity, filter))),
        Filter::Not(filter) => Clause::not(of_filter(env, guard, entity, filter)),
        Filter::Column(field, condition) => match entity.column(field.as_str()) {
            Some(column) => {
                let key = entity.view.is_none() && *field == entity.primary;
                of_condition(entity, Cell { name: &column.column, column }, key, condition)
            }
            None => NEVER,
        },
        Filter::Search(text) => match guard {
            Guard::Reader(access) => Clause::Matches(Box::new(Vector::of(env, access, entity)), text.clone()),
            Guard::Verbatim => Clause::Constant(None),
        },
        Filter::Relation(field, filter) => of_relation(env, guard, entity, field, filter),
    }
}

/// A condition on a cell; `never_null` when the cell of an existing row cannot be NULL.
fn of_condition<'a>(entity: &Entity, cell: Cell<'a>, never_null: bool, condition: &Condition<BindSource>) -> Clause<'a> {
    let of_condition = |condition| of_condition(entity, cell, never_null, condition);
    match condition {
        Condition::And(conditions) => Clause::all(conditions.iter().map(of_condition)),
        Condition::Or(conditions) => Clause::any(conditions.iter().map(of_condition)),
        Condition::Not(condition) => Clause::not(of_condition(condition)),
        Condition::IsNull(null) if never_null => Clause::Constant(Some(!null)),
        Condition::IsNull(null) => Clause::IsNull(cell, *null),
        // A condition that stands for a variable of the caller may name any operator; one without meaning here is unknown, also below `not`.
        Condition::Compare(operator, _) if !columns::offers(cell.column, *operator) => Clause::Constant(None),
        Condition::Compare(operator, operand) => {
            let operand = match EncryptedCell::of(entity, cell.column) {
                Some(encrypted) => BindSource::Lookup(Arc::new(encrypted), Box::new(operand.clone())),
                None => operand.clone(),
            };
            Clause::Compare(cell, *operator, operand)
        }
        Condition::Variable(_) => NEVER,
    }
}

fn of_relation<'a>(
    env: &Env<'a>,
    guard: Guard,
    entity: &'a Entity,
    field: &FieldName,
    filter: &Filter<BindSource>,
) -> Clause<'a> {
    let Some(relation) = entity.relation(field.as_str()) else { return NEVER };
    let target = env.entity(relation.target.as_str());
    let link = Link::of(env, entity, relation);
    if let Some(clause) = by_key_alone(env, guard, entity, target, link, filter) {
        return clause;
    }
    let (visible, test) = match guard {
        Guard::Reader(_) => (visible(env, Access::Relation, target), requested(env, Access::Relation, target, filter)),
        Guard::Verbatim => (ALWAYS, of_filter(env, guard, target, filter)),
    };
    let single = !relation.is_has_many();
    let unmatched = if single { without_row(target, filter) } else { without_rows(&relation.kind, target, filter) };
    let lookup = lookup(env, target, filter);
    Clause::Related(Box::new(Related { link, target, single, visible, test, unmatched, lookup }))
}

/// A filter that only looks at the related row's key, where that row is known to exist and to be visible: the foreign key says it all.
fn by_key_alone<'a>(
    env: &Env<'a>,
    guard: Guard,
    entity: &'a Entity,
    target: &'a Entity,
    link: Link<'a>,
    filter: &Filter<BindSource>,
) -> Option<Clause<'a>> {
    let key = target.primary_column();
    let real = entity.view.is_none() && target.view.is_none() && link.far == &key.column;
    let open = guard == Guard::Verbatim || env.row_rule(Access::Relation, target).is_always();
    if !real || !open {
        return None;
    }
    match link.junction {
        None => on_key(Cell { name: link.near, column: key }, false, target, filter),
        Some(junction) => {
            let test = on_key(Cell { name: junction.far, column: key }, true, target, filter)?;
            Some(Clause::Junction(junction, link.near, Box::new(test)))
        }
    }
}

/// The filter applied to a cell that holds the entity's key; None when it names anything else.
fn on_key<'a>(cell: Cell<'a>, never_null: bool, entity: &Entity, filter: &Filter<BindSource>) -> Option<Clause<'a>> {
    let all = |filters: &[Filter<BindSource>]| -> Option<Vec<_>> {
        filters.iter().map(|filter| on_key(cell, never_null, entity, filter)).collect()
    };
    match filter {
        Filter::And(filters) => Some(Clause::all(all(filters)?)),
        Filter::Or(filters) => Some(Clause::any(all(filters)?)),
        Filter::Not(filter) => Some(Clause::not(on_key(cell, never_null, entity, filter)?)),
        Filter::Column(field, condition) if *field == entity.primary => Some(of_condition(entity, cell, never_null, condition)),
        Filter::Column(..) | Filter::Relation(..) | Filter::Search(_) => None,
    }
}

/// The outcome of a filter on a row of NULLs, as a left join makes it when there is no related row.
fn without_row(entity: &Entity, filter: &Filter<BindSource>) -> Option<bool> {
    match filter {
        Filter::And(filters) => and(filters.iter().map(|filter| without_row(entity, filter))),
        Filter::Or(filters) if filters.is_empty() => Some(true),
        Filter::Or(filters) => or(filters.iter().map(|filter| without_row(entity, filter))),
        Filter::Not(filter) => without_row(entity, filter).map(|truth| !truth),
        Filter::Column(_, condition) => of_null(condition),
        Filter::Search(_) => None,
        Filter::Relation(field, filter) => match entity.relation(field.as_str()) {
            Some(relation) if relation.is_has_many() => Some(false),
            Some(_) | None => without_row(entity, filter),
        },
    }
}

/// The outcome for a parent without children. Only a child's `isNull` can make it true: otherwise a child must exist.
fn without_rows(kind: &RelationKind, target: &Entity, filter: &Filter<BindSource>) -> Option<bool> {
    let left_join =
        matches!(kind, RelationKind::OneHasMany { .. }) && asks_for_null(filter) && without_row(target, filter) == Some(true);
    Some(left_join)
}

fn asks_for_null(filter: &Filter<BindSource>) -> bool {
    match filter {
        Filter::And(filters) | Filter::Or(filters) => filters.iter().any(asks_for_null),
        Filter::Not(filter) => asks_for_null(filter),
        Filter::Column(_, condition) => condition_asks_for_null(condition),
        Filter::Relation(..) | Filter::Search(_) => false,
    }
}

fn condition_asks_for_null(condition: &Condition<BindSource>) -> bool {
    match condition {
        Condition::And(conditions) | Condition::Or(conditions) => conditions.iter().any(condition_asks_for_null),
        Condition::Not(condition) => condition_asks_for_null(condition),
        Condition::IsNull(_) => true,
        Condition::Compare(..) | Condition::Variable(_) => false,
    }
}

fn of_null(condition: &Condition<BindSource>) -> Option<bool> {
    match condition {
        Condition::And(conditions) => and(conditions.iter().map(of_null)),
        Condition::Or(conditions) if conditions.is_empty() => Some(true),
        Condition::Or(conditions) => or(conditions.iter().map(of_null)),
        Condition::Not(condition) => of_null(condition).map(|truth| !truth),
        Condition::IsNull(null) => Some(*null),
        Condition::Compare(..) | Condition::Variable(_) => None,
    }
}

pub(crate) fn and(truths: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut all = Some(true);
    for truth in truths {
        match truth {
            Some(true) => {}
            Some(false) => return Some(false),
            None => all = None,
        }
    }
    all
}

pub(crate) fn or(truths: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    and(truths.map(|truth| truth.map(|truth| !truth))).map(|truth| !truth)
}
