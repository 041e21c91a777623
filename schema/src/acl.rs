//! Roles and what they may do (content API, section 3).

use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde_json::Value;

use crate::filter::Filter;
use crate::key_pattern::KeyPattern;
use crate::names::{EntityName, FieldName, PredicateName, RoleName, VariableName};

/// The role that may do everything; part of every schema.
pub const ADMIN_ROLE: &str = "admin";
/// Like [`ADMIN_ROLE`] without debug and schema changes.
pub const CONTENT_ADMIN_ROLE: &str = "content_admin";
/// Deploys schemas, reads no content.
pub const DEPLOYER_ROLE: &str = "deployer";

/// A role of the schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    /// Name in tokens.
    pub name: RoleName,
    /// Roles whose permissions this one has too, with this role's variables.
    pub inherits: Vec<RoleName>,
    /// Held by every caller without being granted.
    pub implicit: bool,
    /// May see executed SQL.
    pub debug: bool,
    /// Variables that predicates refer to.
    pub variables: IndexMap<VariableName, Variable>,
    /// What the role may do.
    pub entities: EntityGrants,
    /// Whose place the role may take (content API, section 14.3); the JSON rule as written.
    pub assume_membership: Option<Value>,
    /// May read the event log.
    pub history: bool,
    /// May record somebody else as the author.
    pub assume_identity: bool,
    /// May apply schema migrations.
    pub migrate: bool,
    /// Objects of the tenant's storage that the role may read and upload, by pattern of their keys. Several that match a key add up.
    pub objects: IndexMap<KeyPattern, ObjectGrant>,
}

/// What a role may do with the objects whose keys match a pattern; at least one of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectGrant {
    /// Whether it may read them.
    pub read: bool,
    /// Whether it may upload them, and of which size.
    pub upload: Option<UploadGrant>,
}

impl ObjectGrant {
    /// Reading and uploading without a limit.
    pub const EVERYTHING: Self = Self { read: true, upload: Some(UploadGrant::Unlimited) };
}

/// Which objects may be uploaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum UploadGrant {
    /// Up to so many bytes; the client has to say how many.
    UpTo(u64),
    /// Of any size.
    Unlimited,
}

/// The entities of a role.
#[derive(Debug, Clone, PartialEq)]
pub enum EntityGrants {
    /// Everything on every entity, those of later releases included.
    Everything,
    /// What is written per entity; an entity that is not named is hidden.
    Listed(IndexMap<EntityName, EntityPermissions>),
}

/// A variable of a role (content API, section 3.1).
#[derive(Debug, Clone, PartialEq)]
pub enum Variable {
    /// Ids of an entity's rows, from the membership.
    Entity {
        /// The entity.
        entity: EntityName,
        /// Condition when the membership gives no value.
        fallback: Option<Value>,
    },
    /// The caller's own id.
    Predefined(PredefinedVariable),
    /// A condition, from the membership.
    Condition {
        /// Condition when the membership gives no value.
        fallback: Option<Value>,
    },
}

/// What the engine itself knows of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PredefinedVariable {
    /// `identityID`
    IdentityId,
    /// `personId`
    PersonId,
}

/// What a role may do with one entity.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EntityPermissions {
    /// Conditions that grants refer to.
    pub predicates: IndexMap<PredicateName, Filter<Value>>,
    /// Fields the role may read.
    pub read: IndexMap<FieldName, Grant>,
    /// Fields the role may give on create.
    pub create: IndexMap<FieldName, Grant>,
    /// Fields the role may change.
    pub update: IndexMap<FieldName, Grant>,
    /// Whether the role may delete rows.
    pub delete: Option<Grant>,
    /// Operations that are allowed only through a relation (`through` in SDL).
    pub no_root: BTreeSet<OperationKind>,
    /// Whether the role may choose primary keys on create.
    pub custom_primary: bool,
}

/// A permission that was given. What was not given is absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// On every row.
    Always,
    /// On rows that satisfy the predicate of this name.
    When(PredicateName),
}

/// The four things a role can be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OperationKind {
    /// Queries.
    Read,
    /// New rows.
    Create,
    /// Changes.
    Update,
    /// Deletions.
    Delete,
}
