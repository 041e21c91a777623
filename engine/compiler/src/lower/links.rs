//! How rows of two entities belong together.

use freehold_schema::ident::Ident;
use freehold_schema::model::{Entity, FieldKind, JoiningTable, Relation, RelationKind};

use super::Env;
use crate::sql::{Alias, SqlWriter};

/// The columns that connect a row with its related rows: `near` is a column of the row, `far` one of the related row. With a junction, each equals a column of that.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Link<'a> {
    pub near: &'a Ident,
    pub far: &'a Ident,
    pub junction: Option<Junction<'a>>,
}

/// A junction table seen from one side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Junction<'a> {
    pub table: &'a Ident,
    pub near: &'a Ident,
    pub far: &'a Ident,
}

impl<'a> Link<'a> {
    /// The link behind a relation of `entity`.
    pub fn of(env: &Env<'a>, entity: &'a Entity, relation: &'a Relation) -> Self {
        let target = env.entity(relation.target.as_str());
        let (here, there) = (&entity.primary_column().column, &target.primary_column().column);
        match &relation.kind {
            RelationKind::ManyHasOne { joining, .. } | RelationKind::OneHasOneOwning { joining, .. } => {
                Self { near: &joining.column, far: there, junction: None }
            }
            RelationKind::OneHasMany { owned_by, .. } | RelationKind::OneHasOneInverse { owned_by, .. } => {
                let joining =
                    owner(target, owned_by.as_str()).joining_column().expect("a checked schema's owning side has a foreign key");
                Self { near: here, far: &joining.column, junction: None }
            }
            RelationKind::ManyHasManyOwning { joining_table, .. } => {
                let JoiningTable { table, owner, target, .. } = joining_table;
                let junction = Junction { table, near: &owner.column, far: &target.column };
                Self { near: here, far: there, junction: Some(junction) }
            }
            RelationKind::ManyHasManyInverse { owned_by, .. } => {
                let RelationKind::ManyHasManyOwning { joining_table, .. } = &owner(target, owned_by.as_str()).kind else {
                    unreachable!("a checked schema's inverse side names an owning side")
                };
                let JoiningTable { table, owner, target, .. } = joining_table;
                let junction = Junction { table, near: &target.column, far: &owner.column };
                Self { near: here, far: there, junction: Some(junction) }
            }
        }
    }

    /// The same link, seen from the related row.
    pub fn reversed(self) -> Self {
        let reversed = |Junction { table, near, far }| Junction { table, near: far, far: near };
        Self { near: self.far, far: self.near, junction: self.junction.map(reversed) }
    }

    /// Whether the row's own column holds the key of the related row, which then exists.
    pub fn holds_key(&self, entity: &Entity, target: &Entity) -> bool {
        let is_key = self.junction.is_none() && self.far == &target.primary_column().column;
        is_key && entity.view.is_none() && target.view.is_none()
    }

    /// Writes `far = near`, for a link without junction.
    pub fn write(&self, sql: &mut SqlWriter, here: Alias, there: Alias) {
        sql.column(there, self.far).syntax(" = ").column(here, self.near);
    }
}

fn owner<'a>(entity: &'a Entity, field: &str) -> &'a Relation {
    match &entity.fields[field].kind {
        FieldKind::Relation(relation) => relation,
        FieldKind::Column(_) => unreachable!("a checked schema's inverse side names an owning side"),
    }
}
