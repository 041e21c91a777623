//! A schema as it was written, SDL or JSON: names not resolved yet, every part with its place. [`crate::check`] makes a schema of it.

use serde_json::Value;

use crate::acl::{OperationKind, PredefinedVariable};
use crate::encryption::Encryption;
use crate::model::{ColumnKind, Direction, OnDelete, Sequence, Settings};
use crate::node::Node;
use crate::search::Weight;
use crate::source::At;

/// Which form was read; the JSON form comes from other tools too and is read more leniently where nothing is lost by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Sdl,
    Json,
}

#[derive(Debug)]
pub(crate) struct Draft {
    pub form: Form,
    pub enums: Vec<EnumDraft>,
    pub entities: Vec<EntityDraft>,
    pub roles: Vec<RoleDraft>,
    pub allows: Vec<AllowDraft>,
    pub settings: Settings,
    pub custom_primary: bool,
}

#[derive(Debug)]
pub(crate) struct EnumDraft {
    pub name: At<String>,
    pub description: Option<String>,
    pub pg_type: Option<At<String>>,
    pub values: Vec<EnumValueDraft>,
}

#[derive(Debug)]
pub(crate) struct EnumValueDraft {
    pub name: At<String>,
    pub description: Option<String>,
    pub deprecated: Option<String>,
}

#[derive(Debug)]
pub(crate) struct EntityDraft {
    pub name: At<String>,
    pub description: Option<String>,
    pub table: Option<At<String>>,
    pub primary: At<String>,
    pub fields: Vec<FieldDraft>,
    pub uniques: Vec<UniqueDraft>,
    pub indexes: Vec<IndexDraft>,
    pub order_by: Vec<OrderDraft>,
    pub view: Option<ViewDraft>,
    pub event_log: bool,
    /// Has a mistake in its syntax: fields may be missing.
    pub incomplete: bool,
}

#[derive(Debug)]
pub(crate) struct FieldDraft {
    pub name: At<String>,
    pub description: Option<String>,
    pub deprecated: Option<String>,
    pub rules: Vec<RuleDraft>,
    /// Absent when a mistake in it was reported already; the name is known all the same.
    pub kind: Option<FieldKindDraft>,
}

#[derive(Debug)]
pub(crate) enum FieldKindDraft {
    Column(ColumnDraft),
    Relation(RelationDraft),
}

#[derive(Debug)]
pub(crate) struct ColumnDraft {
    pub column: Option<At<String>>,
    pub kind: At<ColumnKind>,
    pub pg_type: Option<At<String>>,
    pub list: bool,
    pub nullable: bool,
    pub default: Option<Node>,
    pub sequence: Option<At<Sequence>>,
    pub type_alias: Option<At<String>>,
    pub collation: Option<At<String>>,
    pub json_schema: Option<At<Value>>,
    pub search: Option<At<SearchDraft>>,
    pub encryption: Option<At<Encryption>>,
}

#[derive(Debug)]
pub(crate) struct SearchDraft {
    pub language: Option<At<String>>,
    pub weight: Weight,
}

#[derive(Debug)]
pub(crate) struct RelationDraft {
    pub target: At<String>,
    pub side: SideDraft,
}

#[derive(Debug)]
pub(crate) enum SideDraft {
    ManyHasOne { inversed_by: Option<At<String>>, nullable: bool, joining: JoiningDraft },
    OneHasOneOwning { inversed_by: Option<At<String>>, nullable: bool, joining: JoiningDraft, orphan_removal: bool },
    ManyHasManyOwning { inversed_by: Option<At<String>>, junction: JunctionDraft, order_by: Vec<OrderDraft> },
    InverseOne { owned_by: At<String>, nullable: bool },
    InverseMany { owned_by: At<String>, order_by: Vec<OrderDraft>, expected: Option<InverseKind> },
}

/// Which inverse the JSON form says it is; SDL leaves it to the owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InverseKind {
    OneHasMany,
    ManyHasMany,
}

#[derive(Debug, Default)]
pub(crate) struct JoiningDraft {
    pub column: Option<At<String>>,
    pub on_delete: Option<At<OnDelete>>,
}

#[derive(Debug)]
pub(crate) struct JunctionDraft {
    pub table: Option<At<String>>,
    pub owner: JoiningDraft,
    pub target: JoiningDraft,
    pub event_log: bool,
}

#[derive(Debug)]
pub(crate) struct UniqueDraft {
    pub at: usize,
    pub fields: Vec<At<String>>,
    pub name: Option<At<String>>,
    /// `true` for deferred, `false` for deferrable.
    pub deferred: Option<At<bool>>,
    pub index: bool,
    pub nulls_not_distinct: bool,
    pub method: Option<At<String>>,
}

#[derive(Debug)]
pub(crate) struct IndexDraft {
    pub at: usize,
    pub fields: Vec<IndexFieldDraft>,
    pub name: Option<At<String>>,
    pub method: Option<At<String>>,
    pub predicate: Option<At<String>>,
    pub include: Vec<At<String>>,
}

#[derive(Debug)]
pub(crate) struct IndexFieldDraft {
    pub field: At<String>,
    pub direction: Option<Direction>,
    pub op_class: Option<At<String>>,
}

#[derive(Debug)]
pub(crate) struct OrderDraft {
    pub path: Vec<At<String>>,
    pub direction: Direction,
}

#[derive(Debug)]
pub(crate) struct ViewDraft {
    pub sql: At<String>,
    pub dependencies: Vec<At<String>>,
    pub id_source: Vec<At<String>>,
    pub materialized: bool,
}

#[derive(Debug)]
pub(crate) struct RuleDraft {
    pub at: usize,
    pub validator: ValidatorDraft,
    pub message: String,
}

/// Like [`crate::validation::Validator`], with places.
#[derive(Debug)]
pub(crate) enum ValidatorDraft {
    Defined,
    Empty,
    Pattern { regex: String, flags: At<String> },
    LengthRange { min: Option<u64>, max: Option<u64>, at: usize },
    Range { min: Option<f64>, max: Option<f64>, at: usize },
    Equals(Node),
    Not(Box<ValidatorDraft>),
    And(Vec<ValidatorDraft>),
    Or(Vec<ValidatorDraft>),
    Conditional(Box<ValidatorDraft>, Box<ValidatorDraft>),
    InContext(Vec<At<String>>, Box<ValidatorDraft>),
    Every(Box<ValidatorDraft>, usize),
    Any(Box<ValidatorDraft>, usize),
    Filter(Box<ValidatorDraft>, Box<ValidatorDraft>, usize),
}

/// What was written of a role; what was not written keeps its default, or the built-in role's value.
#[derive(Debug)]
pub(crate) struct RoleDraft {
    pub name: At<String>,
    pub inherits: Option<Vec<At<String>>>,
    pub implicit: Option<bool>,
    pub debug: Option<bool>,
    pub variables: Option<Vec<VariableDraft>>,
    /// `everything` was given.
    pub everything: Option<At<bool>>,
    pub assume_membership: Option<Node>,
    pub assume_identity: Option<bool>,
    pub history: Option<bool>,
    pub migrate: Option<bool>,
    pub objects: Option<Vec<ObjectGrantDraft>>,
}

impl RoleDraft {
    pub fn new(name: At<String>) -> Self {
        Self {
            name,
            inherits: None,
            implicit: None,
            debug: None,
            variables: None,
            everything: None,
            assume_membership: None,
            assume_identity: None,
            history: None,
            migrate: None,
            objects: None,
        }
    }
}

#[derive(Debug)]
pub(crate) struct VariableDraft {
    pub name: At<String>,
    pub kind: VariableKindDraft,
    pub fallback: Option<Node>,
}

#[derive(Debug)]
pub(crate) enum VariableKindDraft {
    Entity(At<String>),
    Condition,
    Predefined(PredefinedVariable),
}

/// What a role may do with objects of the storage.
#[derive(Debug)]
pub(crate) struct ObjectGrantDraft {
    pub keys: At<String>,
    pub read: bool,
    pub upload: bool,
    /// A positive number of bytes; only with `upload`.
    pub max_size: Option<Node>,
}

/// Permission of one role on one entity's rows; several add up.
#[derive(Debug, Clone)]
pub(crate) struct AllowDraft {
    pub at: usize,
    pub role: At<String>,
    pub entity: At<String>,
    pub read: FieldsDraft,
    pub create: FieldsDraft,
    pub update: FieldsDraft,
    pub delete: bool,
    pub when: Option<Node>,
    pub predicate: Option<At<String>>,
    pub through: ThroughDraft,
    pub custom_primary: bool,
}

#[derive(Debug, Clone, Default)]
pub(crate) enum FieldsDraft {
    #[default]
    None,
    /// All but the primary.
    All,
    Listed(Vec<At<String>>),
}

#[derive(Debug, Clone, Default)]
pub(crate) enum ThroughDraft {
    #[default]
    None,
    /// Whatever is granted beside it.
    All,
    Listed(Vec<OperationKind>),
}
