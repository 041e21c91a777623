//! What a set of roles may do, merged (content API, section 3.2): the one place where grants are decided.
//!
//! Two sets exist side by side: what may be reached from a root field, and what may be reached through a relation. They differ only where a role
//! grants an operation "through" (`noRoot`).

mod merge;
mod objects;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use freehold_schema::Schema;
use freehold_schema::acl::OperationKind;
use freehold_schema::filter::Filter;
use freehold_schema::names::{EntityName, FieldName, RoleName, VariableName};
use serde_json::Value;

use crate::caller::RoleSet;

pub(crate) use merge::with_inherited;
pub use objects::ObjectRules;

/// A condition on rows, from one or more roles. Evaluated as it stands: what it traverses needs no permission of its own (content API, section 3.4).
///
/// The schema's `Condition::Variable` never occurs in it; see [`Operand::Variable`].
pub type Predicate = Filter<Operand>;

/// What a predicate compares a column with.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    /// A value of the schema.
    Literal(Value),
    /// A variable of the caller, by the role of the membership that carries it. It always stands in `Condition::Compare(Operator::In, …)`, and means "the column
    /// satisfies the variable": [`crate::caller::Caller::variable`] tells whether that is a list of values, a condition, or nothing at all.
    Variable(RoleName, VariableName),
}

/// Whether something is allowed, and on which rows.
#[derive(Debug, Clone, Default)]
pub enum Rule {
    /// On no row.
    #[default]
    Denied,
    /// On every row.
    Always,
    /// On rows that satisfy the predicate. Equal predicates of one [`Permissions`] share one allocation.
    When(Arc<Predicate>),
}

/// How rows are reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// By a root field: `listX`, `by`, connect, every write.
    Root,
    /// Through a relation of a row that was reached before.
    Relation,
}

/// What a set of roles may do.
#[derive(Debug, Clone)]
pub struct Permissions {
    entities: HashMap<EntityName, EntityRules>,
    objects: ObjectRules,
    denied: Rule,
}

#[derive(Debug, Clone, Default)]
struct EntityRules {
    root: RuleSet,
    relation: RuleSet,
    forbidden_at_root: Vec<OperationKind>,
    custom_primary: bool,
}

#[derive(Debug, Clone, Default)]
struct RuleSet {
    read: HashMap<FieldName, Rule>,
    create: HashMap<FieldName, Rule>,
    update: HashMap<FieldName, Rule>,
    delete: Rule,
    primary: Option<FieldName>,
}

impl PartialEq for Rule {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Denied, Self::Denied) | (Self::Always, Self::Always) => true,
            (Self::When(a), Self::When(b)) => Arc::ptr_eq(a, b) || a == b,
            (Self::Denied | Self::Always | Self::When(_), _) => false,
        }
    }
}

impl Rule {
    /// Whether at least some row may be concerned.
    #[must_use]
    pub fn is_granted(&self) -> bool {
        !matches!(self, Self::Denied)
    }

    /// Whether every row is concerned.
    #[must_use]
    pub fn is_always(&self) -> bool {
        matches!(self, Self::Always)
    }
}

impl Permissions {
    /// Merges what `roles` grant. Roles that the schema does not know grant nothing.
    #[must_use]
    pub fn new(schema: &Schema, roles: &RoleSet) -> Self {
        merge::merge(schema, roles)
    }

    /// The rule of one field for reading, creating or updating; [`OperationKind::Delete`] has no fields and gives the rule of [`Permissions::delete`].
    #[must_use]
    pub fn field(&self, access: Access, entity: &str, operation: OperationKind, field: &str) -> &Rule {
        let Some(set) = self.set(access, entity) else { return &self.denied };
        let fields = match operation {
            OperationKind::Read => &set.read,
            OperationKind::Create => &set.create,
            OperationKind::Update => &set.update,
            OperationKind::Delete => return &set.delete,
        };
        fields.get(field).unwrap_or(&self.denied)
    }

    /// Which rows of an entity can be seen at all: the rule of reading its primary key.
    #[must_use]
    pub fn rows(&self, access: Access, entity: &str) -> &Rule {
        let Some(set) = self.set(access, entity) else { return &self.denied };
        set.primary.as_ref().and_then(|primary| set.read.get(primary)).unwrap_or(&self.denied)
    }

    /// Which rows may be deleted.
    #[must_use]
    pub fn delete(&self, access: Access, entity: &str) -> &Rule {
        self.set(access, entity).map_or(&self.denied, |set| &set.delete)
    }

    /// Whether any field of the entity is readable, by whatever way; then it has a type.
    #[must_use]
    pub fn is_readable(&self, entity: &str) -> bool {
        self.rows(Access::Relation, entity).is_granted()
    }

    /// Whether any field may be given when a row is created, or changed later; any row deleted; any field read.
    #[must_use]
    pub fn allows(&self, access: Access, entity: &str, operation: OperationKind) -> bool {
        let Some(set) = self.set(access, entity) else { return false };
        match operation {
            OperationKind::Read => set.read.values().any(Rule::is_granted),
            OperationKind::Create => set.create.values().any(Rule::is_granted),
            OperationKind::Update => set.update.values().any(Rule::is_granted),
            OperationKind::Delete => set.delete.is_granted(),
        }
    }

    /// Whether every role that grants the operation grants it through relations only. Then the root field is missing from the API, and the root set equals the other one.
    #[must_use]
    pub fn is_forbidden_at_root(&self, entity: &str, operation: OperationKind) -> bool {
        self.entities.get(entity).is_some_and(|rules| rules.forbidden_at_root.contains(&operation))
    }

    /// Whether every field of every row may be read from a root field. Nothing that happens to the content is hidden from such a caller.
    #[must_use]
    pub fn read_everything(&self, schema: &Schema) -> bool {
        let read = OperationKind::Read;
        schema.entities.values().all(|entity| {
            let is_read = |field: &FieldName| self.field(Access::Root, entity.name.as_str(), read, field.as_str()).is_always();
            !self.is_forbidden_at_root(entity.name.as_str(), read) && entity.fields.keys().all(is_read)
        })
    }

    /// Whether primary keys may be chosen on create.
    #[must_use]
    pub fn custom_primary(&self, entity: &str) -> bool {
        self.entities.get(entity).is_some_and(|rules| rules.custom_primary)
    }

    /// Which objects of the storage may be read and uploaded.
    #[must_use]
    pub fn objects(&self) -> &ObjectRules {
        &self.objects
    }

    fn set(&self, access: Access, entity: &str) -> Option<&RuleSet> {
        let rules = self.entities.get(entity)?;
        Some(match access {
            Access::Root => &rules.root,
            Access::Relation => &rules.relation,
        })
    }
}
