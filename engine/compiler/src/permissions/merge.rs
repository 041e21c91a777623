//! Merging the grants of several roles into [`Permissions`].

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use freehold_schema::Schema;
use freehold_schema::acl::{EntityGrants, EntityPermissions, Grant, OperationKind, Role};
use freehold_schema::filter::{Condition, Filter, Operator};
use freehold_schema::model::Entity;
use freehold_schema::names::{FieldName, PredicateName, RoleName};
use indexmap::IndexMap;
use serde_json::Value;

use super::{EntityRules, ObjectRules, Operand, Permissions, Predicate, Rule, RuleSet};
use crate::caller::RoleSet;

const OPERATIONS: [OperationKind; 4] = [OperationKind::Read, OperationKind::Create, OperationKind::Update, OperationKind::Delete];

pub(super) fn merge(schema: &Schema, roles: &RoleSet) -> Permissions {
    let sources = sources(schema, roles);
    let mut predicates = Predicates::default();
    let entities = schema
        .entities
        .values()
        .map(|entity| (entity.name.clone(), merge_entity(schema, entity, &sources, &mut predicates)))
        .collect();
    let objects = ObjectRules::new(sources.iter().flat_map(|source| &source.role.objects));
    Permissions { entities, objects, denied: Rule::Denied }
}

/// A role whose grants count, and the role of the membership that carries its variables: another one when the role is inherited.
struct SourceRole<'a> {
    membership: &'a RoleName,
    role: &'a Role,
}

/// `role` and everything that it inherits, inherited roles first. A role that inherits itself is visited once.
pub(crate) fn with_inherited<'a>(schema: &'a Schema, role: &str) -> Vec<&'a Role> {
    fn visit<'a>(schema: &'a Schema, role: &str, seen: &mut HashSet<&'a str>, found: &mut Vec<&'a Role>) {
        let Some(role) = schema.roles.get(role) else { return };
        if seen.insert(role.name.as_str()) {
            for inherited in &role.inherits {
                visit(schema, inherited.as_str(), seen, found);
            }
            found.push(role);
        }
    }
    let mut found = Vec::new();
    visit(schema, role, &mut HashSet::new(), &mut found);
    found
}

fn sources<'a>(schema: &'a Schema, roles: &'a RoleSet) -> Vec<SourceRole<'a>> {
    let inherited = |membership: &'a RoleName| {
        with_inherited(schema, membership.as_str()).into_iter().map(move |role| SourceRole { membership, role })
    };
    roles.roles().iter().flat_map(inherited).collect()
}

fn merge_entity(schema: &Schema, entity: &Entity, sources: &[SourceRole<'_>], predicates: &mut Predicates) -> EntityRules {
    let mut merged = Merged::default();
    let mut custom_primary = schema.custom_primary;
    for source in sources {
        match &source.role.entities {
            EntityGrants::Everything => merged.add_everything(entity),
            EntityGrants::Listed(entities) => {
                if let Some(permissions) = entities.get(&entity.name) {
                    custom_primary |= permissions.custom_primary;
                    merged.add(source.membership, permissions, predicates);
                }
            }
        }
    }
    merged.finish(entity, custom_primary, predicates)
}

/// Predicates by number; equal ones have the same number.
#[derive(Default)]
struct Predicates {
    all: Vec<Arc<Predicate>>,
}

impl Predicates {
    fn intern(&mut self, predicate: Predicate) -> usize {
        self.all.iter().position(|known| **known == predicate).unwrap_or_else(|| {
            self.all.push(Arc::new(predicate));
            self.all.len() - 1
        })
    }

    /// The rule "one of these holds".
    fn any_of(&mut self, alternatives: &BTreeSet<usize>) -> Rule {
        let only: Vec<usize> = alternatives.iter().copied().collect();
        match *only.as_slice() {
            [] => Rule::Denied,
            [one] => Rule::When(Arc::clone(&self.all[one])),
            _ => {
                let mut branches = Vec::new();
                only.iter().for_each(|&index| add_branches(&self.all[index], &mut branches));
                let index = self.intern(Filter::Or(branches));
                Rule::When(Arc::clone(&self.all[index]))
            }
        }
    }
}

/// Adds what a predicate is the OR of, each part once: roles often share parts. An OR of nothing restricts nothing, and stays.
fn add_branches(predicate: &Predicate, branches: &mut Vec<Predicate>) {
    match predicate {
        Filter::Or(parts) if !parts.is_empty() => parts.iter().for_each(|part| add_branches(part, branches)),
        part if branches.contains(part) => {}
        part => branches.push(part.clone()),
    }
}

/// Grants of one field, or of deleting, that were OR-ed so far.
#[derive(Default, Clone)]
struct Granted {
    always: bool,
    when: BTreeSet<usize>,
}

impl Granted {
    fn or(&mut self, other: &Self) {
        self.always |= other.always;
        self.when.extend(&other.when);
    }

    fn rule(&self, predicates: &mut Predicates) -> Rule {
        if self.always { Rule::Always } else { predicates.any_of(&self.when) }
    }
}

/// Grants of one operation: by field, or under no field for deleting.
type Fields = HashMap<Option<FieldName>, Granted>;

/// Grants of one entity, apart by whether the granting role allows the operation at root.
#[derive(Default)]
struct Merged {
    at_root: [Fields; 4],
    through: [Fields; 4],
}

impl Merged {
    fn add_everything(&mut self, entity: &Entity) {
        let always = Granted { always: true, when: BTreeSet::new() };
        for (index, operation) in OPERATIONS.into_iter().enumerate() {
            let names: Vec<Option<FieldName>> = match operation {
                OperationKind::Delete => vec![None],
                OperationKind::Read | OperationKind::Create | OperationKind::Update => {
                    entity.fields.keys().cloned().map(Some).collect()
                }
            };
            for name in names {
                self.at_root[index].entry(name).or_default().or(&always);
            }
        }
    }

    fn add(&mut self, membership: &RoleName, permissions: &EntityPermissions, predicates: &mut Predicates) {
        let fields: [Option<&IndexMap<FieldName, Grant>>; 4] =
            [Some(&permissions.read), Some(&permissions.create), Some(&permissions.update), None];
        for (index, operation) in OPERATIONS.into_iter().enumerate() {
            let grants: Vec<(Option<FieldName>, &Grant)> = match fields[index] {
                Some(fields) => fields.iter().map(|(name, grant)| (Some(name.clone()), grant)).collect(),
                None => permissions.delete.iter().map(|grant| (None, grant)).collect(),
            };
            let through = permissions.no_root.contains(&operation);
            let target = if through { &mut self.through[index] } else { &mut self.at_root[index] };
            for (name, grant) in grants {
                target.entry(name).or_default().or(&granted(membership, grant, &permissions.predicates, predicates));
            }
        }
    }

    fn finish(self, entity: &Entity, custom_primary: bool, predicates: &mut Predicates) -> EntityRules {
        let mut rules = EntityRules { custom_primary, ..EntityRules::default() };
        for (index, operation) in OPERATIONS.into_iter().enumerate() {
            // A view is read only, whatever a role grants.
            if entity.view.is_some() && operation != OperationKind::Read {
                continue;
            }
            let mut all = self.at_root[index].clone();
            for (name, granted) in &self.through[index] {
                all.entry(name.clone()).or_default().or(granted);
            }
            let only_through = self.at_root[index].is_empty() && !all.is_empty();
            if only_through {
                rules.forbidden_at_root.push(operation);
            }
            let at_root = if only_through { &all } else { &self.at_root[index] };
            rules.root.set(entity, operation, at_root, predicates);
            rules.relation.set(entity, operation, &all, predicates);
        }
        rules
    }
}

impl RuleSet {
    fn set(&mut self, entity: &Entity, operation: OperationKind, granted: &Fields, predicates: &mut Predicates) {
        let fields = match operation {
            OperationKind::Read => &mut self.read,
            OperationKind::Create => &mut self.create,
            OperationKind::Update => &mut self.update,
            OperationKind::Delete => {
                self.delete = granted.get(&None).map_or(Rule::Denied, |granted| granted.rule(predicates));
                return;
            }
        };
        self.primary = Some(entity.primary.clone());
        // The key of a row may be seen by whoever may see anything of it.
        let mut primary = Granted::default();
        for name in entity.fields.keys() {
            if let Some(granted) = granted.get(&Some(name.clone())) {
                primary.or(granted);
                fields.insert(name.clone(), granted.rule(predicates));
            }
        }
        if primary.always || !primary.when.is_empty() {
            fields.insert(entity.primary.clone(), primary.rule(predicates));
        }
    }
}

fn granted(
    membership: &RoleName,
    grant: &Grant,
    named: &IndexMap<PredicateName, Filter<Value>>,
    predicates: &mut Predicates,
) -> Granted {
    match grant {
        Grant::Always => Granted { always: true, when: BTreeSet::new() },
        // A checked schema has no dangling name; without its condition a grant must not widen to every row.
        Grant::When(name) => named.get(name).map_or_else(Granted::default, |filter| {
            let predicate = with_role(filter, membership);
            if predicate == Filter::always() {
                return Granted { always: true, when: BTreeSet::new() };
            }
            Granted { always: false, when: BTreeSet::from([predicates.intern(predicate)]) }
        }),
    }
}

/// Names the membership whose variables a predicate means.
fn with_role(filter: &Filter<Value>, membership: &RoleName) -> Predicate {
    let each = |filters: &[Filter<Value>]| filters.iter().map(|filter| with_role(filter, membership)).collect();
    match filter {
        Filter::And(filters) => Filter::And(each(filters)),
        Filter::Or(filters) => Filter::Or(each(filters)),
        Filter::Not(filter) => Filter::Not(Box::new(with_role(filter, membership))),
        Filter::Column(field, condition) => Filter::Column(field.clone(), condition_with_role(condition, membership)),
        Filter::Search(text) => Filter::Search(Operand::Literal(text.clone())),
        Filter::Relation(field, filter) => Filter::Relation(field.clone(), Box::new(with_role(filter, membership))),
    }
}

fn condition_with_role(condition: &Condition<Value>, membership: &RoleName) -> Condition<Operand> {
    let each = |conditions: &[Condition<Value>]| {
        conditions.iter().map(|condition| condition_with_role(condition, membership)).collect::<Vec<_>>()
    };
    match condition {
        Condition::And(conditions) => Condition::And(each(conditions)),
        Condition::Or(conditions) => Condition::Or(each(conditions)),
        Condition::Not(condition) => Condition::Not(Box::new(condition_with_role(condition, membership))),
        Condition::IsNull(is_null) => Condition::IsNull(*is_null),
        Condition::Compare(operator, value) => Condition::Compare(*operator, Operand::Literal(value.clone())),
        Condition::Variable(name) => Condition::Compare(Operator::In, Operand::Variable(membership.clone(), name.clone())),
    }
}
