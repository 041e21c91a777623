//! Rules on values must fit the kind of their field.

use crate::check::{World, values};
use crate::codes;
use crate::draft::{EntityDraft, ValidatorDraft};
use crate::model::{ColumnKind, Entity, Field, FieldKind};
use crate::names::FieldName;
use crate::node::is_writable;
use crate::source::{At, Errors};
use crate::validation::{Rule, Validator};

pub(super) fn lower(drafts: &[EntityDraft], world: &mut World, errors: &mut Errors) {
    for draft in drafts {
        for field in draft.fields.iter().filter(|field| !field.rules.is_empty()) {
            let Some(entity) = world.entities.get(draft.name.as_str()) else { continue };
            let Some(found) = entity.fields.get(field.name.as_str()) else { continue };
            let mut rules = Vec::new();
            for rule in &field.rules {
                let scope = Scope { world, entity, field: found };
                if let Some(validator) = scope.lower(&rule.validator, rule.at, errors) {
                    rules.push(Rule { validator, message: rule.message.clone() });
                }
            }
            let entity = world.entities.get_mut(draft.name.as_str()).expect("it was just found");
            entity.fields.get_mut(field.name.as_str()).expect("it was just found").rules = rules;
        }
    }
}

/// What a rule is about.
#[derive(Clone, Copy)]
struct Scope<'w> {
    world: &'w World,
    entity: &'w Entity,
    field: &'w Field,
}

impl<'w> Scope<'w> {
    fn lower(self, draft: &ValidatorDraft, at: usize, errors: &mut Errors) -> Option<Validator> {
        let boxed = |draft: &ValidatorDraft, errors: &mut Errors| self.lower(draft, at, errors).map(Box::new);
        let list = |drafts: &[ValidatorDraft], errors: &mut Errors| {
            let lowered: Vec<Validator> = drafts.iter().filter_map(|draft| self.lower(draft, at, errors)).collect();
            (lowered.len() == drafts.len()).then_some(lowered)
        };
        Some(match draft {
            ValidatorDraft::Defined => Validator::Defined,
            ValidatorDraft::Empty => Validator::Empty,
            ValidatorDraft::Pattern { regex, flags } => {
                if !matches!(self.column_kind(), Some((ColumnKind::String, false))) {
                    self.misfit(at, "a regular expression judges text", errors);
                }
                check_flags(flags, errors);
                Validator::Pattern { regex: regex.clone(), flags: flags.value.clone() }
            }
            ValidatorDraft::LengthRange { min, max, at } => {
                let fits = self.related().is_some()
                    || self.column_kind().is_some_and(|(kind, list)| list || *kind == ColumnKind::String);
                if !fits {
                    self.misfit(*at, "only text and lists have a length", errors);
                }
                check_bounds(min.map(|min| min as f64), max.map(|max| max as f64), *at, errors);
                Validator::LengthRange { min: *min, max: *max }
            }
            ValidatorDraft::Range { min, max, at } => {
                if !matches!(self.column_kind(), Some((ColumnKind::Integer | ColumnKind::Double | ColumnKind::Numeric, false))) {
                    self.misfit(*at, "only numbers lie in a range", errors);
                }
                check_bounds(*min, *max, *at, errors);
                Validator::Range { min: *min, max: *max }
            }
            ValidatorDraft::Equals(node) => Validator::Equals(self.equals(node, errors)?),
            ValidatorDraft::Not(inner) => Validator::Not(boxed(inner, errors)?),
            ValidatorDraft::And(inner) => Validator::And(list(inner, errors)?),
            ValidatorDraft::Or(inner) => Validator::Or(list(inner, errors)?),
            ValidatorDraft::Conditional(test, then) => {
                let test = boxed(test, errors);
                Validator::Conditional(test?, boxed(then, errors)?)
            }
            ValidatorDraft::InContext(path, inner) => {
                let scope = self.context(path, errors)?;
                let path = path.iter().map(|step| FieldName::new(step.as_str())).collect();
                Validator::InContext(path, Box::new(scope.lower(inner, at, errors)?))
            }
            ValidatorDraft::Every(inner, at) => Validator::Every(self.item(inner, *at, errors)?),
            ValidatorDraft::Any(inner, at) => Validator::Any(self.item(inner, *at, errors)?),
            ValidatorDraft::Filter(which, inner, at) => {
                let which = self.item(which, *at, errors);
                Validator::Filter(which?, boxed(inner, errors)?)
            }
        })
    }

    fn column_kind(self) -> Option<(&'w ColumnKind, bool)> {
        match &self.field.kind {
            FieldKind::Column(column) => Some((&column.kind, column.list)),
            FieldKind::Relation(_) => None,
        }
    }

    /// The entity whose rows a has-many field lists.
    fn related(self) -> Option<&'w Entity> {
        match &self.field.kind {
            FieldKind::Relation(relation) if relation.is_has_many() => self.world.entities.get(&relation.target),
            FieldKind::Relation(_) | FieldKind::Column(_) => None,
        }
    }

    fn misfit(self, at: usize, why: &str, errors: &mut Errors) {
        errors.add(at, codes::RULE_INVALID, format!("this rule does not fit `{}`: {why}", self.field.name));
    }

    fn equals(self, node: &crate::node::Node, errors: &mut Errors) -> Option<serde_json::Value> {
        let value = node.to_json();
        let Some((kind, list)) = self.column_kind() else {
            self.misfit(node.at, "a relation equals no value", errors);
            return None;
        };
        let problem = if list { None } else { values::operand(node, kind, self.world).err() };
        if let Some(problem) = problem {
            problem.report(node.at, codes::RULE_INVALID, &format!("what `{}` equals", self.field.name), errors);
            return None;
        }
        if !is_writable(&value) {
            errors.add(node.at, codes::RULE_INVALID, "keys of JSON in a rule must be names");
            return None;
        }
        Some(value)
    }

    /// The field that a path leads to, from the entity of this field.
    fn context(self, path: &[At<String>], errors: &mut Errors) -> Option<Self> {
        let mut scope = self;
        for (index, step) in path.iter().enumerate() {
            let field = self.world.field(scope.entity, step, errors)?;
            scope = Self { field, ..scope };
            if index + 1 == path.len() {
                return Some(scope);
            }
            match &field.kind {
                FieldKind::Relation(relation) if !relation.is_has_many() => {
                    scope.entity = self.world.entities.get(&relation.target)?
                }
                FieldKind::Relation(_) | FieldKind::Column(_) => {
                    errors.add(step.at, codes::RULE_INVALID, format!("`{}` is not a relation to a single row", step.value));
                    return None;
                }
            }
        }
        Some(scope)
    }

    /// A rule on each row of a list; there, paths begin at the row.
    fn item(self, draft: &ValidatorDraft, at: usize, errors: &mut Errors) -> Option<Box<Validator>> {
        let Some(entity) = self.related() else {
            self.misfit(at, "it is not a list of rows", errors);
            return None;
        };
        let field = entity.fields.get(&entity.primary)?;
        Scope { world: self.world, entity, field }.lower(draft, at, errors).map(Box::new)
    }
}

fn check_flags(flags: &At<String>, errors: &mut Errors) {
    for flag in flags.value.chars().filter(|flag| !"dgimsuvy".contains(*flag)) {
        let error = errors.add(flags.at, codes::RULE_INVALID, format!("`{flag}` is not a flag of regular expressions"));
        error.hint("JavaScript has the flags d, g, i, m, s, u, v and y");
    }
}

fn check_bounds(min: Option<f64>, max: Option<f64>, at: usize, errors: &mut Errors) {
    match (min, max) {
        (None, None) => {
            errors.add(at, codes::RULE_INVALID, "this rule has no bounds").hint("give `min`, `max` or both");
        }
        (Some(min), Some(max)) if min > max => {
            errors.add(at, codes::RULE_INVALID, format!("no value lies between {min} and {max}")).hint("swap `min` and `max`");
        }
        _ => {}
    }
}
