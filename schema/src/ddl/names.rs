//! Names of constraints and indexes (content API, section 15). Writing them out, rather than leaving them to PostgreSQL, makes them known here:
//! the engine maps a violated constraint back to the fields it is about.

use indexmap::IndexMap;

use crate::Schema;
use crate::hash;
use crate::ident::Ident;
use crate::model::{Entity, FieldKind, Index, RelationKind, Unique};
use crate::names::{EntityName, FieldName, MAX_NAME_BYTES};
use crate::search;

/// What a constraint or an index of the content namespace is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Constraint {
    /// The primary key of an entity.
    Primary {
        /// The entity.
        entity: EntityName,
    },
    /// A unique key, by its place in [`Entity::uniques`].
    Unique {
        /// The entity.
        entity: EntityName,
        /// Its place.
        index: usize,
    },
    /// The unique key that a one-has-one relation implies.
    OneHasOne {
        /// The owning entity.
        entity: EntityName,
        /// The relation.
        field: FieldName,
    },
    /// The foreign key of a has-one relation.
    ForeignKey {
        /// The owning entity.
        entity: EntityName,
        /// The relation.
        field: FieldName,
    },
    /// The check of an image's value.
    Image {
        /// The entity.
        entity: EntityName,
        /// The column.
        field: FieldName,
    },
    /// A plain index, by its place in [`Entity::indexes`].
    Index {
        /// The entity.
        entity: EntityName,
        /// Its place.
        index: usize,
    },
    /// The index on what is searched in an entity.
    Search {
        /// The entity.
        entity: EntityName,
    },
    /// The index on the lookup hashes of an encrypted column.
    Lookup {
        /// The entity.
        entity: EntityName,
        /// The column.
        field: FieldName,
    },
    /// The index on a many-has-one relation's column.
    RelationIndex {
        /// The owning entity.
        entity: EntityName,
        /// The relation.
        field: FieldName,
    },
    /// The primary key of a many-has-many relation's links.
    Junction {
        /// The owning entity.
        entity: EntityName,
        /// The relation.
        field: FieldName,
    },
    /// The foreign key from a link to the owning entity.
    JunctionOwner {
        /// The owning entity.
        entity: EntityName,
        /// The relation.
        field: FieldName,
    },
    /// The foreign key from a link to the target.
    JunctionTarget {
        /// The owning entity.
        entity: EntityName,
        /// The relation.
        field: FieldName,
    },
    /// The index on a link's second column.
    JunctionIndex {
        /// The owning entity.
        entity: EntityName,
        /// The relation.
        field: FieldName,
    },
}

/// All constraints and indexes of a schema with their names.
#[derive(Debug, Clone)]
pub struct Names {
    by_constraint: IndexMap<Constraint, Ident>,
    by_name: IndexMap<Ident, Constraint>,
}

impl Names {
    /// Names everything that [`super::create`] makes.
    ///
    /// Two names that would be equal, and names that PostgreSQL would cut, get a hash of what they are about.
    #[must_use]
    pub fn new(schema: &Schema) -> Self {
        let mut names = Self { by_constraint: IndexMap::new(), by_name: IndexMap::new() };
        // Given names first: they must stay as they are.
        for entity in schema.entities.values() {
            for (constraint, name) in given_names(entity) {
                names.insert(constraint, name);
            }
        }
        let tables: Vec<&Ident> = schema.entities.values().flat_map(tables).collect();
        for entity in schema.entities.values() {
            for (constraint, name) in derived_names(entity) {
                if !names.by_constraint.contains_key(&constraint) {
                    let ident = names.free(&name, &constraint, &tables);
                    names.insert(constraint, ident);
                }
            }
        }
        names
    }

    /// The name of a constraint or an index.
    ///
    /// # Panics
    /// If it is of another schema.
    #[must_use]
    pub fn get(&self, constraint: &Constraint) -> &Ident {
        self.by_constraint.get(constraint).expect("the constraint is of the schema that was named")
    }

    /// What the constraint or index of this name is about, if it is one of the schema's.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Constraint> {
        self.by_name.iter().find(|(ident, _)| ident.as_str() == name).map(|(_, constraint)| constraint)
    }

    fn insert(&mut self, constraint: Constraint, name: Ident) {
        self.by_name.insert(name.clone(), constraint.clone());
        self.by_constraint.insert(constraint, name);
    }

    fn free(&self, name: &str, constraint: &Constraint, tables: &[&Ident]) -> Ident {
        let is_taken = |name: &str| self.find(name).is_some() || tables.iter().any(|table| table.as_str() == name);
        let fits = name.len() <= MAX_NAME_BYTES && !is_taken(name);
        let name = if fits { name.to_owned() } else { hash::shorten(name, &format!("{constraint:?}")) };
        Ident::new(&name).expect("made of identifiers, and shortened")
    }
}

fn tables(entity: &Entity) -> Vec<&Ident> {
    let junctions = entity.fields.values().filter_map(|field| match &field.kind {
        FieldKind::Relation(relation) => match &relation.kind {
            RelationKind::ManyHasManyOwning { joining_table, .. } => Some(&joining_table.table),
            _ => None,
        },
        FieldKind::Column(_) => None,
    });
    std::iter::once(&entity.table).chain(junctions).collect()
}

fn given_names(entity: &Entity) -> Vec<(Constraint, Ident)> {
    let unique = |(index, unique): (usize, &Unique)| {
        unique.name.clone().map(|name| (Constraint::Unique { entity: entity.name.clone(), index }, name))
    };
    let index = |(index, item): (usize, &Index)| {
        item.name.clone().map(|name| (Constraint::Index { entity: entity.name.clone(), index }, name))
    };
    let uniques = entity.uniques.iter().enumerate().filter_map(unique);
    uniques.chain(entity.indexes.iter().enumerate().filter_map(index)).collect()
}

fn derived_names(entity: &Entity) -> Vec<(Constraint, String)> {
    let table = entity.table.as_str();
    let name = entity.name.clone();
    let key =
        |fields: &[&FieldName]| fields.iter().map(|field| super::column_of(entity, field).as_str()).collect::<Vec<_>>().join("_");
    let mut names = vec![(Constraint::Primary { entity: name.clone() }, format!("{table}_pkey"))];
    for (index, unique) in entity.uniques.iter().enumerate() {
        let fields: Vec<&FieldName> = unique.fields.iter().collect();
        names.push((Constraint::Unique { entity: name.clone(), index }, format!("{table}_{}_key", key(&fields))));
    }
    if entity.searchable().next().is_some() {
        names.push((Constraint::Search { entity: name.clone() }, format!("{table}_{}_idx", search::column().as_str())));
    }
    for field in entity.fields.values() {
        names.extend(field_names(entity, field));
    }
    for (index, item) in entity.indexes.iter().enumerate() {
        let fields: Vec<&FieldName> = item.fields.iter().map(|field| &field.field).collect();
        names.push((Constraint::Index { entity: name.clone(), index }, format!("{table}_{}_idx", key(&fields))));
    }
    names
}

fn field_names(entity: &Entity, item: &crate::model::Field) -> Vec<(Constraint, String)> {
    let table = entity.table.as_str();
    let (entity, field) = (entity.name.clone(), item.name.clone());
    match &item.kind {
        FieldKind::Column(column) if column.kind == crate::model::ColumnKind::StoredImage => {
            vec![(Constraint::Image { entity, field }, format!("{table}_{}_check", column.column.as_str()))]
        }
        FieldKind::Column(column) if column.encryption.is_some_and(|encryption| encryption.lookup) => {
            vec![(Constraint::Lookup { entity, field }, format!("{table}_{}_lookup", column.column.as_str()))]
        }
        FieldKind::Column(_) => Vec::new(),
        FieldKind::Relation(relation) => match &relation.kind {
            RelationKind::ManyHasOne { joining, .. } => {
                let column = joining.column.as_str();
                let foreign_key = Constraint::ForeignKey { entity: entity.clone(), field: field.clone() };
                let index = Constraint::RelationIndex { entity, field };
                vec![(foreign_key, format!("{table}_{column}_fkey")), (index, format!("{table}_{column}_idx"))]
            }
            RelationKind::OneHasOneOwning { joining, .. } => {
                let column = joining.column.as_str();
                let foreign_key = Constraint::ForeignKey { entity: entity.clone(), field: field.clone() };
                let unique = Constraint::OneHasOne { entity, field };
                vec![(foreign_key, format!("{table}_{column}_fkey")), (unique, format!("{table}_{column}_key"))]
            }
            RelationKind::ManyHasManyOwning { joining_table, .. } => {
                let links = joining_table.table.as_str();
                let (owner, target) = (joining_table.owner.column.as_str(), joining_table.target.column.as_str());
                let of = || (entity.clone(), field.clone());
                let ((e1, f1), (e2, f2), (e3, f3), (e4, f4)) = (of(), of(), of(), of());
                vec![
                    (Constraint::Junction { entity: e1, field: f1 }, format!("{links}_pkey")),
                    (Constraint::JunctionOwner { entity: e2, field: f2 }, format!("{links}_{owner}_fkey")),
                    (Constraint::JunctionTarget { entity: e3, field: f3 }, format!("{links}_{target}_fkey")),
                    (Constraint::JunctionIndex { entity: e4, field: f4 }, format!("{links}_{target}_idx")),
                ]
            }
            RelationKind::OneHasMany { .. } | RelationKind::OneHasOneInverse { .. } | RelationKind::ManyHasManyInverse { .. } => {
                Vec::new()
            }
        },
    }
}
