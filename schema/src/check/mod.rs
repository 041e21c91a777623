//! From a draft to a schema: every name resolved, every rule checked, every mistake collected.
//!
//! Both forms go through here, so SDL and JSON cannot disagree about what a sound schema is. A mistake is reported once, where it was made: what
//! depends on something broken is not reported again.

mod columns;
mod encryptions;
mod entities;
mod grants;
mod keys;
mod names;
mod objects;
mod predicates;
mod relations;
mod roles;
mod rules;
mod searches;
mod values;

use std::collections::HashSet;

use indexmap::IndexMap;

use crate::codes;
use crate::draft::{Draft, Form};
use crate::model::{Entity, EnumType, Field, Schema};
use crate::names::{EntityName, EnumName};
use crate::source::{At, Errors};

pub(crate) use names::snake;
pub(crate) use predicates::{name_of, write_filter};
pub(crate) use relations::JunctionNames;
pub(crate) use roles::{built_in, plain as plain_role};

/// What is known of the schema while the rest of it is checked.
pub(crate) struct World {
    form: Form,
    entities: IndexMap<EntityName, Entity>,
    enums: IndexMap<EnumName, EnumType>,
    /// Entities that may have fields we could not read.
    unsure: HashSet<String>,
    /// Fields that are known by name only, because a mistake in them was reported.
    broken: HashSet<(String, String)>,
    /// Whole definitions may be unknown.
    lost: bool,
}

/// Checks a draft. The schema means something only if no mistake was found.
pub(crate) fn lower(draft: Draft, lost: bool, errors: &mut Errors) -> Schema {
    names::check(&draft, errors);
    let mut world = World {
        form: draft.form,
        entities: IndexMap::new(),
        enums: entities::enums(&draft.enums, errors),
        unsure: draft.entities.iter().filter(|entity| entity.incomplete).map(|entity| entity.name.value.clone()).collect(),
        broken: HashSet::new(),
        lost,
    };
    entities::lower(&draft.entities, &mut world, errors);
    keys::lower(&draft.entities, &mut world, errors);
    rules::lower(&draft.entities, &mut world, errors);
    names::check_database(&draft.entities, &world, errors);
    let roles = roles::lower(&draft.roles, &draft.allows, &world, errors);
    Schema { enums: world.enums, entities: world.entities, roles, custom_primary: draft.custom_primary, settings: draft.settings }
}

impl World {
    /// The entity, or a mistake.
    fn entity(&self, name: &At<String>, errors: &mut Errors) -> Option<&Entity> {
        let found = self.entities.get(name.as_str());
        if found.is_none() && !self.lost {
            let error = errors.add(name.at, codes::UNKNOWN_ENTITY, format!("unknown entity `{}`", name.value));
            error.suggest(name.as_str(), self.entities.keys().map(EntityName::as_str));
        }
        found
    }

    /// The field, or a mistake unless one in the field itself was reported already.
    fn field<'w>(&'w self, entity: &'w Entity, name: &At<String>, errors: &mut Errors) -> Option<&'w Field> {
        let found = entity.fields.get(name.as_str());
        if found.is_none() && !self.is_excused(entity.name.as_str(), name.as_str()) {
            let message = format!("`{}` has no field `{}`", entity.name, name.value);
            let error = errors.add(name.at, codes::UNKNOWN_FIELD, message);
            let broken = self.broken.iter().filter(|(owner, _)| owner == entity.name.as_str()).map(|(_, field)| field.as_str());
            error.suggest(name.as_str(), entity.fields.keys().map(crate::names::FieldName::as_str).chain(broken));
        }
        found
    }

    fn is_excused(&self, entity: &str, field: &str) -> bool {
        self.unsure.contains(entity) || self.broken.contains(&(entity.to_owned(), field.to_owned()))
    }
}
