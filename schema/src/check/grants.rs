//! Permissions: several `@allow` of one role on one entity become one grant per field and operation.

use std::collections::HashMap;

use indexmap::IndexMap;
use serde_json::Value;

use crate::acl::{EntityGrants, EntityPermissions, Grant, OperationKind, Role};
use crate::check::predicates::{Reader, name_of};
use crate::check::{World, roles};
use crate::codes;
use crate::draft::{AllowDraft, FieldsDraft, Form, RoleDraft, ThroughDraft};
use crate::filter::Filter;
use crate::hash;
use crate::model::Entity;
use crate::names::{EntityName, FieldName, PredicateName, RoleName};
use crate::source::{At, Errors};

pub(super) fn lower(
    allows: &[AllowDraft],
    drafts: &HashMap<&str, &RoleDraft>,
    roles: &mut IndexMap<RoleName, Role>,
    world: &World,
    errors: &mut Errors,
) {
    let mut groups: IndexMap<(&str, &str), Vec<&AllowDraft>> = IndexMap::new();
    for allow in allows {
        let Some(role) = roles.get(allow.role.as_str()) else {
            roles::unknown_role(&allow.role, roles, world, errors);
            continue;
        };
        if role.entities == EntityGrants::Everything {
            let error =
                errors.add(allow.role.at, codes::ALLOW_INVALID, format!("role `{}` may do everything already", allow.role.value));
            let declared = drafts.contains_key(allow.role.as_str());
            error.hint(if declared {
                "leave it out here, or say `everything: false` where the role is declared".to_owned()
            } else {
                format!("leave it out here, or declare `@role(name: \"{}\", everything: false)`", allow.role.value)
            });
            continue;
        }
        groups.entry((allow.role.as_str(), allow.entity.as_str())).or_default().push(allow);
    }
    // In the order of the schema, so that the same permissions always give the same text.
    groups.sort_by_cached_key(|(_, entity), _| world.entities.get_index_of(*entity));
    for ((role, _), allows) in groups {
        let Some(entity) = allows.first().and_then(|allow| world.entity(&allow.entity, errors)) else { continue };
        let Some(role) = roles.get_mut(role) else { continue };
        let reader = Reader { world, role: role.name.as_str(), variables: &role.variables };
        let permissions = Collector::collect(&allows, &reader, entity, errors);
        if let EntityGrants::Listed(listed) = &mut role.entities
            && !roles::is_nothing(&permissions)
        {
            listed.insert(EntityName::new(entity.name.as_str()), permissions);
        }
    }
}

/// Who grants a field: nobody's condition, or these predicates by their place in [`Collector::predicates`].
#[derive(Default)]
struct Granted {
    always: bool,
    when: Vec<usize>,
}

impl Granted {
    fn add(&mut self, predicate: Option<usize>) {
        match predicate {
            None => self.always = true,
            Some(predicate) if !self.when.contains(&predicate) => self.when.push(predicate),
            Some(_) => {}
        }
    }
}

#[derive(Default)]
struct Collector {
    /// Distinct conditions, with the name that was given to them.
    predicates: Vec<(Option<At<String>>, Filter<Value>)>,
    fields: [IndexMap<FieldName, Granted>; 3],
    delete: Option<Granted>,
    /// Per operation: the places that say `through`, and those that do not.
    through: [(Vec<usize>, Vec<usize>); 4],
    custom_primary: bool,
}

const FIELD_OPERATIONS: [OperationKind; 3] = [OperationKind::Read, OperationKind::Create, OperationKind::Update];
const ALL_OPERATIONS: [OperationKind; 4] =
    [OperationKind::Read, OperationKind::Create, OperationKind::Update, OperationKind::Delete];

impl Collector {
    fn collect(allows: &[&AllowDraft], reader: &Reader<'_>, entity: &Entity, errors: &mut Errors) -> EntityPermissions {
        let mut collector = Self::default();
        for allow in allows {
            collector.add(allow, reader, entity, errors);
        }
        collector.finish(reader, entity, errors)
    }

    fn add(&mut self, allow: &AllowDraft, reader: &Reader<'_>, entity: &Entity, errors: &mut Errors) {
        let filter = allow.when.as_ref().and_then(|node| reader.filter(node, entity, errors));
        let predicate = filter.map(|filter| self.intern(allow.predicate.as_ref(), filter, errors));
        let mut granted = [false; 4];
        for (index, fields) in [&allow.read, &allow.create, &allow.update].into_iter().enumerate() {
            if index > 0 && !writable(fields, allow, reader, entity, errors) {
                continue;
            }
            for field in listed(fields, reader, entity, errors) {
                granted[index] = true;
                self.fields[index].entry(field).or_default().add(predicate);
            }
        }
        let delete = if allow.delete { FieldsDraft::All } else { FieldsDraft::None };
        if allow.delete && writable(&delete, allow, reader, entity, errors) {
            granted[3] = true;
            self.delete.get_or_insert_default().add(predicate);
        }
        self.custom_primary |= allow.custom_primary;
        for (index, operation) in ALL_OPERATIONS.into_iter().enumerate().filter(|(index, _)| granted[*index]) {
            let is_through = match &allow.through {
                ThroughDraft::None => false,
                ThroughDraft::All => true,
                ThroughDraft::Listed(operations) => operations.contains(&operation),
            };
            let (through, root) = &mut self.through[index];
            if is_through { through.push(allow.at) } else { root.push(allow.at) }
        }
    }

    fn intern(&mut self, name: Option<&At<String>>, filter: Filter<Value>, errors: &mut Errors) -> usize {
        if let Some(name) = name {
            let clash = |(other, known): &(Option<At<String>>, Filter<Value>)| {
                other.as_ref().is_some_and(|other| other.value == name.value) && *known != filter
            };
            if self.predicates.iter().any(clash) {
                errors.add(name.at, codes::NAME_TAKEN, format!("`{}` is the name of another predicate of this role", name.value));
            }
        }
        if let Some(index) = self.predicates.iter().position(|(_, known)| *known == filter) {
            let known = &mut self.predicates[index].0;
            *known = known.take().or_else(|| name.cloned());
            return index;
        }
        self.predicates.push((name.cloned(), filter));
        self.predicates.len() - 1
    }

    fn finish(mut self, reader: &Reader<'_>, entity: &Entity, errors: &mut Errors) -> EntityPermissions {
        let mut permissions = EntityPermissions::default();
        for (index, operation) in ALL_OPERATIONS.into_iter().enumerate() {
            let (through, root) = &self.through[index];
            if let (Some(through), Some(_)) = (through.first(), root.first()) {
                let name = crate::sdl::permissions::OPERATIONS[index].0;
                let message =
                    format!("`{name}` of `{}` is allowed to role `{}` both with and without `through`", entity.name, reader.role);
                errors.add(*through, codes::ALLOW_INVALID, message).hint("say `through` in all of them, or in none");
            }
            if !through.is_empty() && root.is_empty() {
                permissions.no_root.insert(operation);
            }
        }
        // The order of first use, in the order of the entity's fields, is the order of predicates.
        let mut used: Vec<usize> = Vec::new();
        let mut grants: [IndexMap<FieldName, usize>; 3] = Default::default();
        let fields = std::mem::take(&mut self.fields);
        for (index, fields) in fields.iter().enumerate() {
            for field in entity.fields.keys() {
                let Some(granted) = fields.get(field) else { continue };
                grants[index].insert(field.clone(), self.resolve(granted, &mut used));
            }
        }
        let delete = self.delete.take().map(|granted| self.resolve(&granted, &mut used));
        let names = self.name(&used);
        let grant = |predicate: &usize| match names.get(predicate) {
            Some(name) => Grant::When(name.clone()),
            None => Grant::Always,
        };
        let [read, create, update] = FIELD_OPERATIONS.map(|operation| {
            let index = ALL_OPERATIONS.iter().position(|known| *known == operation).expect("it is one of them");
            grants[index].iter().map(|(field, predicate)| (field.clone(), grant(predicate))).collect::<IndexMap<_, _>>()
        });
        permissions.custom_primary = self.custom_primary && !create.is_empty();
        permissions.predicates = used.iter().map(|index| (names[index].clone(), self.predicates[*index].1.clone())).collect();
        permissions.delete = delete.as_ref().map(grant);
        (permissions.read, permissions.create, permissions.update) = (read, create, update);
        permissions
    }

    /// The predicate under which a field is granted; [`ALWAYS`] when there is none.
    fn resolve(&mut self, granted: &Granted, used: &mut Vec<usize>) -> usize {
        let index = match granted.when.as_slice() {
            _ if granted.always => return ALWAYS,
            [] => return ALWAYS,
            [one] => *one,
            several => {
                let parts = several.iter().flat_map(|index| match &self.predicates[*index].1 {
                    Filter::Or(parts) if !parts.is_empty() => parts.clone(),
                    other => vec![other.clone()],
                });
                let combined = Filter::Or(parts.collect());
                self.predicates.iter().position(|(_, known)| *known == combined).unwrap_or_else(|| {
                    self.predicates.push((None, combined));
                    self.predicates.len() - 1
                })
            }
        };
        if !used.contains(&index) {
            used.push(index);
        }
        index
    }

    /// Names for the predicates in use: the given ones, else made from the content, with a hash where two would be the same.
    fn name(&self, used: &[usize]) -> HashMap<usize, PredicateName> {
        let mut names: HashMap<usize, PredicateName> = HashMap::new();
        for index in used {
            if let Some(name) = &self.predicates[*index].0 {
                names.insert(*index, PredicateName::new(name.as_str()));
            }
        }
        for index in used {
            let filter = &self.predicates[*index].1;
            let name = name_of(filter);
            let is_taken = names.iter().any(|(other, taken)| other != index && taken.as_str() == name);
            let name = if is_taken { hash::shorten(&name, &crate::check::write_filter(filter, "").to_string()) } else { name };
            names.entry(*index).or_insert_with(|| PredicateName::new(&name));
        }
        names
    }
}

const ALWAYS: usize = usize::MAX;

/// Views are read only. Other tools write permissions of views out all the same.
fn writable(fields: &FieldsDraft, allow: &AllowDraft, reader: &Reader<'_>, entity: &Entity, errors: &mut Errors) -> bool {
    if entity.view.is_none() || matches!(fields, FieldsDraft::None) {
        return true;
    }
    if reader.world.form == Form::Sdl {
        errors.add(allow.at, codes::ALLOW_INVALID, format!("the view `{}` can only be read", entity.name));
    }
    false
}

fn listed(fields: &FieldsDraft, reader: &Reader<'_>, entity: &Entity, errors: &mut Errors) -> Vec<FieldName> {
    match fields {
        FieldsDraft::None => Vec::new(),
        FieldsDraft::All => entity.fields.keys().filter(|field| **field != entity.primary).cloned().collect(),
        FieldsDraft::Listed(names) => {
            names.iter().filter_map(|name| reader.world.field(entity, name, errors)).map(|field| field.name.clone()).collect()
        }
    }
}
