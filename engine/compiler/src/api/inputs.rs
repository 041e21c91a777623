//! Types through which an entity is written (content API, section 10).

use std::collections::HashSet;

use freehold_schema::acl::OperationKind;
use freehold_schema::model::{Entity, Field, FieldKind, OnDelete, Relation, RelationKind};
use freehold_schema::names::FieldName;

use super::build::{Builder, capital, column_ref, documented};
use super::definitions::{input, input_field, input_of, ty};
use super::{InputField, TypeRef};
use crate::permissions::Access;

/// Whether an input creates or changes a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writing {
    Create,
    Update,
}

impl Writing {
    fn name(self) -> &'static str {
        match self {
            Self::Create => "Create",
            Self::Update => "Update",
        }
    }

    fn operation(self) -> OperationKind {
        match self {
            Self::Create => OperationKind::Create,
            Self::Update => OperationKind::Update,
        }
    }
}

impl<'a> Builder<'a> {
    /// All inputs of an entity, with and without each back relation.
    pub(super) fn inputs(&mut self, entity: &'a Entity) {
        let name = entity.name.as_str();
        for writing in [Writing::Create, Writing::Update] {
            let exists = match writing {
                Writing::Create => self.is_creatable(name),
                Writing::Update => self.is_updatable(name),
            };
            if !exists {
                continue;
            }
            let mut fields = Vec::new();
            for field in entity.fields.values() {
                if let Some(ty) = self.written(entity, field, writing) {
                    fields.push(documented(field, ty));
                }
            }
            let backs: HashSet<Option<&FieldName>> = self.back_relations(entity).into_iter().map(Some).chain([None]).collect();
            for back in backs {
                let kept = fields.iter().filter(|field| back.is_none_or(|back| *field.name != *back.as_str())).cloned();
                // GraphQL has no empty input objects.
                let dummy = input_field("_dummy_field_", ty("Boolean"));
                self.add(input_of(&input_name(name, back, writing), kept.chain([dummy])));
            }
        }
    }

    /// Fields of the entity that are the other side of some relation.
    fn back_relations(&self, entity: &'a Entity) -> Vec<&'a FieldName> {
        let relations = entity.fields.values().filter(|field| match &field.kind {
            FieldKind::Relation(relation) => relation.other_side().is_some(),
            FieldKind::Column(_) => false,
        });
        relations.map(|field| &field.name).collect()
    }

    /// Type of a field in an input; None when it cannot be written.
    fn written(&mut self, entity: &Entity, field: &Field, writing: Writing) -> Option<TypeRef> {
        match &field.kind {
            FieldKind::Column(column) => {
                let is_primary = field.name == entity.primary;
                let may_choose = writing == Writing::Create && self.permissions.custom_primary(entity.name.as_str());
                if (is_primary && !may_choose) || !self.may_write(entity.name.as_str(), writing, &field.name) {
                    return None;
                }
                let name = self.column_type(column);
                Some(column_ref(if name == "StoredImage" { "StoredImageInput" } else { &name }, column))
            }
            FieldKind::Relation(relation) => {
                let name = self.relation_input(entity, field, relation, writing)?;
                Some(if relation.is_has_many() { ty(&format!("[{name}!]")) } else { ty(&name) })
            }
        }
    }

    fn may_write(&self, entity: &str, writing: Writing, field: &FieldName) -> bool {
        self.permissions.field(Access::Root, entity, writing.operation(), field.as_str()).is_granted()
    }

    /// `ECreate<R>EntityRelationInput` or `EUpdate<R>EntityRelationInput`; None when no operation is left.
    fn relation_input(&mut self, entity: &Entity, field: &Field, relation: &Relation, writing: Writing) -> Option<String> {
        let operations = self.operations(entity, field, relation, writing);
        if operations.is_empty() {
            return None;
        }
        let types = RelationTypes::new(entity, field, relation);
        let mut fields: Vec<InputField> = Vec::new();
        for operation in operations {
            let value = match operation {
                Nested::Connect => types.unique.clone(),
                Nested::Create => types.create.clone(),
                Nested::ConnectOrCreate => {
                    let members = [("connect", &*format!("{}!", types.unique)), ("create", &*format!("{}!", types.create))];
                    self.add(input(&types.connect_or_create, &members));
                    types.connect_or_create.clone()
                }
                Nested::Update if relation.is_has_many() => {
                    let members = [("by", &*format!("{}!", types.unique)), ("data", &*format!("{}!", types.update))];
                    self.add(input(&types.update_item, &members));
                    types.update_item.clone()
                }
                Nested::Update => types.update.clone(),
                Nested::Upsert => {
                    self.upsert_input(relation, &types);
                    types.upsert.clone()
                }
                Nested::Disconnect | Nested::Delete if relation.is_has_many() => types.unique.clone(),
                Nested::Disconnect | Nested::Delete => "Boolean".to_owned(),
            };
            fields.push(input_field(operation.name(), ty(&value)));
        }
        if relation.is_has_many() {
            fields.push(input_field("alias", ty("String")));
        }
        let name = format!("{}{}{}EntityRelationInput", entity.name, writing.name(), capital(field.name.as_str()));
        self.add(input_of(&name, fields));
        Some(name)
    }

    fn upsert_input(&mut self, relation: &Relation, types: &RelationTypes) {
        let (unique, update, create) = (format!("{}!", types.unique), format!("{}!", types.update), format!("{}!", types.create));
        let values = [("update", update.as_str()), ("create", create.as_str())];
        if relation.is_has_many() {
            self.add(input(&types.upsert, &[&[("by", unique.as_str())][..], &values].concat()));
        } else {
            self.add(input(&types.upsert, &values));
        }
    }

    /// The table of content API, section 10.2, in the order in which the input lists them.
    fn operations(&self, entity: &Entity, field: &Field, relation: &Relation, writing: Writing) -> Vec<Nested> {
        let target = relation.target.as_str();
        let (owner, owning) = match &relation.kind {
            RelationKind::ManyHasOne { .. } | RelationKind::OneHasOneOwning { .. } | RelationKind::ManyHasManyOwning { .. } => {
                (entity.name.as_str(), &field.name)
            }
            RelationKind::OneHasMany { owned_by, .. }
            | RelationKind::OneHasOneInverse { owned_by, .. }
            | RelationKind::ManyHasManyInverse { owned_by, .. } => (target, owned_by),
        };
        if !self.may_write(owner, writing, owning) {
            return Vec::new();
        }
        let (readable, creatable) = (self.permissions.is_readable(target), self.is_creatable(target));
        let (updatable, deletable) = (self.is_updatable(target), self.is_deletable(target));
        let is_granted = |operation: &Nested| match operation {
            Nested::Connect | Nested::Disconnect => readable,
            Nested::Create => creatable,
            Nested::ConnectOrCreate => readable && creatable,
            Nested::Update => updatable,
            Nested::Upsert => creatable && updatable,
            Nested::Delete => deletable,
        };
        let listed: &[Nested] = match (writing, relation.is_has_many()) {
            (Writing::Create, _) => &Nested::ON_CREATE,
            (Writing::Update, true) => &Nested::ON_UPDATE_MANY,
            (Writing::Update, false) => &Nested::ON_UPDATE_ONE,
        };
        let allowed = |operation: &&Nested| is_granted(operation) && self.is_possible(relation, writing, **operation);
        listed.iter().filter(allowed).copied().collect()
    }

    /// Whether the structure leaves room for the operation, whoever asks.
    fn is_possible(&self, relation: &Relation, writing: Writing, operation: Nested) -> bool {
        if self.both_sides_required(relation) {
            let cascades = relation.joining_column().is_some_and(|joining| joining.on_delete == OnDelete::Cascade);
            return match writing {
                Writing::Create => operation == Nested::Create,
                Writing::Update => operation == Nested::Update || (operation == Nested::Delete && cascades),
            };
        }
        match (&relation.kind, operation) {
            (RelationKind::ManyHasOne { nullable: false, .. }, Nested::Disconnect) => false,
            (RelationKind::ManyHasOne { nullable: false, joining, .. }, Nested::Delete) => joining.on_delete == OnDelete::Cascade,
            _ => true,
        }
    }

    fn both_sides_required(&self, relation: &Relation) -> bool {
        let is_required = |relation: &Relation| match &relation.kind {
            RelationKind::OneHasOneOwning { nullable, .. } | RelationKind::OneHasOneInverse { nullable, .. } => !nullable,
            RelationKind::ManyHasOne { .. }
            | RelationKind::OneHasMany { .. }
            | RelationKind::ManyHasManyOwning { .. }
            | RelationKind::ManyHasManyInverse { .. } => false,
        };
        let target = self.schema.entities.get(&relation.target);
        let other = target.and_then(|target| target.relation(relation.other_side()?.as_str()));
        is_required(relation) && other.is_some_and(is_required)
    }
}

/// `EWithout<Back>CreateInput` and its kin.
fn input_name(entity: &str, back: Option<&FieldName>, writing: Writing) -> String {
    let without = back.map_or_else(String::new, |back| format!("Without{}", capital(back.as_str())));
    format!("{entity}{without}{}Input", writing.name())
}

/// Names of the types around one relation.
struct RelationTypes {
    unique: String,
    create: String,
    update: String,
    connect_or_create: String,
    update_item: String,
    upsert: String,
}

impl RelationTypes {
    fn new(entity: &Entity, field: &Field, relation: &Relation) -> Self {
        let (name, relation_name) = (entity.name.as_str(), capital(field.name.as_str()));
        let (target, back) = (relation.target.as_str(), relation.other_side());
        Self {
            unique: format!("{target}UniqueWhere"),
            create: input_name(target, back, Writing::Create),
            update: input_name(target, back, Writing::Update),
            connect_or_create: format!("{name}ConnectOrCreate{relation_name}RelationInput"),
            update_item: format!("{name}Update{relation_name}RelationInput"),
            upsert: format!("{name}Upsert{relation_name}RelationInput"),
        }
    }
}

/// Operations on a related row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Nested {
    Connect,
    Create,
    ConnectOrCreate,
    Update,
    Upsert,
    Disconnect,
    Delete,
}

impl Nested {
    const ON_CREATE: [Self; 3] = [Self::Connect, Self::Create, Self::ConnectOrCreate];
    const ON_UPDATE_ONE: [Self; 7] =
        [Self::Connect, Self::Create, Self::ConnectOrCreate, Self::Update, Self::Upsert, Self::Disconnect, Self::Delete];
    const ON_UPDATE_MANY: [Self; 7] =
        [Self::Create, Self::Update, Self::Upsert, Self::Connect, Self::ConnectOrCreate, Self::Disconnect, Self::Delete];

    fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Create => "create",
            Self::ConnectOrCreate => "connectOrCreate",
            Self::Update => "update",
            Self::Upsert => "upsert",
            Self::Disconnect => "disconnect",
            Self::Delete => "delete",
        }
    }
}
