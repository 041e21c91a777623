//! Types, tables, keys and indexes.

use crate::ddl::{Constraint, Context, column_of, columns_of, literal};
use crate::encryption::LOOKUP_BYTES;
use crate::ident::Ident;
use crate::model::{
    Column, ColumnKind, Direction, Entity, EnumType, Field, FieldKind, Index, IndexField, JoiningColumn, JoiningTable, OnDelete,
    RelationKind, Unique, UniqueKind,
};
use crate::names::FieldName;
use crate::search::{self, Search};

/// Object keys that are safe in a URL's path and in an object store, see ARCHITECTURE.md "An image".
const IMAGE_KEY: &str = "^[A-Za-z0-9][A-Za-z0-9._~/-]*$";
const MAX_IMAGE_KEY: u32 = 512;

impl Context<'_> {
    pub(super) fn enum_type(&self, item: &EnumType) -> String {
        let values: Vec<String> = item.values.iter().map(|value| literal(&value.name)).collect();
        format!("CREATE TYPE {}.{} AS ENUM ({})", self.namespace, item.pg_type, values.join(", "))
    }

    pub(super) fn table(&self, entity: &Entity) -> String {
        let mut lines = Vec::new();
        for field in entity.fields.values() {
            match &field.kind {
                FieldKind::Column(column) => lines.push(self.column(column)),
                FieldKind::Relation(relation) => {
                    let joining = relation.joining_column();
                    lines.extend(joining.map(|joining| self.reference(joining, self.target(field), relation.has_nullable_key())));
                }
            }
        }
        lines.extend(search_column(entity));
        let primary = self.names.get(&Constraint::Primary { entity: entity.name.clone() });
        lines.push(format!("CONSTRAINT {primary} PRIMARY KEY ({})", column_of(entity, &entity.primary)));
        lines.extend(entity.fields.values().filter_map(|field| self.image_check(entity, field)));
        format!("CREATE TABLE {} (\n  {}\n)", self.qualified(&entity.table), lines.join(",\n  "))
    }

    pub(super) fn qualified(&self, table: &Ident) -> String {
        format!("{}.{table}", self.namespace)
    }

    fn pg_type(&self, column: &Column) -> String {
        let base = match &column.kind {
            ColumnKind::Enum(name) => self.qualified(&self.schema.enums[name].pg_type),
            // Only types that the checks know get here, so this is no place for anybody's SQL.
            _ => column.pg_type.clone(),
        };
        if column.list { format!("{base}[]") } else { base }
    }

    fn column(&self, column: &Column) -> String {
        let mut line = format!("{} {}", column.column, self.pg_type(column));
        if let Some(collation) = &column.collation {
            line.push_str(&format!(" COLLATE {collation}"));
        }
        if !column.nullable {
            line.push_str(" NOT NULL");
        }
        if let Some(sequence) = &column.sequence {
            let when = if sequence.always { "ALWAYS" } else { "BY DEFAULT" };
            let start = sequence.start.map(|start| format!(" (START WITH {start})")).unwrap_or_default();
            line.push_str(&format!(" GENERATED {when} AS IDENTITY{start}"));
        }
        line
    }

    /// A foreign key's column has the type of the primary key that it refers to.
    fn reference(&self, joining: &JoiningColumn, target: &Entity, nullable: bool) -> String {
        let not_null = if nullable { "" } else { " NOT NULL" };
        format!("{} {}{not_null}", joining.column, self.pg_type(target.primary_column()))
    }

    /// An image is an object whose key names one object of the tenant and nothing else: no step upwards, no empty step.
    fn image_check(&self, entity: &Entity, field: &Field) -> Option<String> {
        let FieldKind::Column(Column { column, kind: ColumnKind::StoredImage, .. }) = &field.kind else { return None };
        let name = self.names.get(&Constraint::Image { entity: entity.name.clone(), field: field.name.clone() });
        let key = format!("{column} ->> 'key'");
        // A missing key gives NULL, and a CHECK passes on NULL, hence the COALESCE.
        let sound = [
            format!("jsonb_typeof({column}) = 'object'"),
            format!("jsonb_typeof({column} -> 'key') = 'string'"),
            format!("({key}) ~ {}", literal(IMAGE_KEY)),
            format!("strpos({key}, '..') = 0"),
            format!("strpos({key}, '//') = 0"),
            format!("length({key}) <= {MAX_IMAGE_KEY}"),
        ];
        Some(format!("CONSTRAINT {name} CHECK ({column} IS NULL OR COALESCE({}, false))", sound.join(" AND ")))
    }

    pub(super) fn junction(&self, entity: &Entity, field: &Field) -> String {
        let links = joining_table(field);
        let target = self.target(field);
        let of = || (entity.name.clone(), field.name.clone());
        let ((e1, f1), (e2, f2), (e3, f3)) = (of(), of(), of());
        let foreign_key = |name: &Ident, joining: &JoiningColumn, to: &Entity| {
            let to_column = column_of(to, &to.primary);
            let on_delete = on_delete(joining.on_delete);
            format!(
                "CONSTRAINT {name} FOREIGN KEY ({}) REFERENCES {} ({to_column}){on_delete}",
                joining.column,
                self.qualified(&to.table)
            )
        };
        let lines = [
            self.reference(&links.owner, entity, false),
            self.reference(&links.target, target, false),
            format!(
                "CONSTRAINT {} PRIMARY KEY ({}, {})",
                self.names.get(&Constraint::Junction { entity: e1, field: f1 }),
                links.owner.column,
                links.target.column
            ),
            foreign_key(self.names.get(&Constraint::JunctionOwner { entity: e2, field: f2 }), &links.owner, entity),
            foreign_key(self.names.get(&Constraint::JunctionTarget { entity: e3, field: f3 }), &links.target, target),
        ];
        format!("CREATE TABLE {} (\n  {}\n)", self.qualified(&links.table), lines.join(",\n  "))
    }

    /// The primary key of links serves look-ups from the owner; this one serves those from the target.
    pub(super) fn junction_index(&self, entity: &Entity, field: &Field) -> String {
        let links = joining_table(field);
        let name = self.names.get(&Constraint::JunctionIndex { entity: entity.name.clone(), field: field.name.clone() });
        format!("CREATE INDEX {name} ON {} ({}, {})", self.qualified(&links.table), links.target.column, links.owner.column)
    }

    pub(super) fn foreign_keys(&self, entity: &Entity) -> Vec<String> {
        let foreign_key = |field: &Field| {
            let FieldKind::Relation(relation) = &field.kind else { return None };
            let joining = relation.joining_column()?;
            let target = self.target(field);
            let name = self.names.get(&Constraint::ForeignKey { entity: entity.name.clone(), field: field.name.clone() });
            Some(format!(
                "ALTER TABLE {} ADD CONSTRAINT {name} FOREIGN KEY ({}) REFERENCES {} ({}){} DEFERRABLE INITIALLY IMMEDIATE",
                self.qualified(&entity.table),
                joining.column,
                self.qualified(&target.table),
                column_of(target, &target.primary),
                on_delete(joining.on_delete),
            ))
        };
        entity.fields.values().filter_map(foreign_key).collect()
    }

    pub(super) fn uniques(&self, entity: &Entity) -> Vec<String> {
        let mut statements = Vec::new();
        for (index, unique) in entity.uniques.iter().enumerate() {
            statements.push(self.unique(entity, index, unique));
        }
        for field in entity.fields.values() {
            let FieldKind::Relation(relation) = &field.kind else { continue };
            let RelationKind::OneHasOneOwning { joining, .. } = &relation.kind else { continue };
            let name = self.names.get(&Constraint::OneHasOne { entity: entity.name.clone(), field: field.name.clone() });
            statements.push(format!(
                "ALTER TABLE {} ADD CONSTRAINT {name} UNIQUE ({})",
                self.qualified(&entity.table),
                joining.column
            ));
        }
        statements
    }

    pub(super) fn unique(&self, entity: &Entity, index: usize, unique: &Unique) -> String {
        let name = self.names.get(&Constraint::Unique { entity: entity.name.clone(), index });
        let table = self.qualified(&entity.table);
        let columns = columns_of(entity, &unique.fields);
        let timing = match &unique.kind {
            UniqueKind::Immediate => "",
            UniqueKind::Deferrable => " DEFERRABLE INITIALLY IMMEDIATE",
            UniqueKind::Deferred => " DEFERRABLE INITIALLY DEFERRED",
            UniqueKind::Index { nulls_not_distinct, method } => {
                let using = using(method.as_deref());
                let nulls = if *nulls_not_distinct { " NULLS NOT DISTINCT" } else { "" };
                return format!("CREATE UNIQUE INDEX {name} ON {table}{using} ({columns}){nulls}");
            }
        };
        format!("ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE ({columns}){timing}")
    }

    pub(super) fn indexes(&self, entity: &Entity) -> Vec<String> {
        let mut statements: Vec<String> = Vec::new();
        for field in entity.fields.values() {
            let FieldKind::Relation(relation) = &field.kind else { continue };
            let RelationKind::ManyHasOne { joining, .. } = &relation.kind else { continue };
            if !entity.indexes.iter().any(|index| covers(index, field)) {
                let name = self.names.get(&Constraint::RelationIndex { entity: entity.name.clone(), field: field.name.clone() });
                statements.push(format!("CREATE INDEX {name} ON {} ({})", self.qualified(&entity.table), joining.column));
            }
        }
        statements.extend(entity.indexes.iter().enumerate().map(|(index, item)| self.index(entity, index, item)));
        if entity.searchable().next().is_some() {
            let name = self.names.get(&Constraint::Search { entity: entity.name.clone() });
            statements.push(format!("CREATE INDEX {name} ON {} USING gin ({})", self.qualified(&entity.table), search::column()));
        }
        statements.extend(entity.lookups().map(|(field, column)| self.lookup(entity, field, column)));
        statements
    }

    /// Finds equal values of an encrypted column. The compiler compares the same expression.
    fn lookup(&self, entity: &Entity, field: &str, column: &Column) -> String {
        let name = self.names.get(&Constraint::Lookup { entity: entity.name.clone(), field: FieldName::new(field) });
        format!("CREATE INDEX {name} ON {} (substring({}, 1, {LOOKUP_BYTES}))", self.qualified(&entity.table), column.column)
    }

    pub(super) fn index(&self, entity: &Entity, place: usize, index: &Index) -> String {
        let name = self.names.get(&Constraint::Index { entity: entity.name.clone(), index: place });
        let keys: Vec<String> = index.fields.iter().map(|field| index_key(entity, field)).collect();
        let using = using(index.method.as_deref());
        let mut statement = format!("CREATE INDEX {name} ON {}{using} ({})", self.qualified(&entity.table), keys.join(", "));
        if !index.include.is_empty() {
            statement.push_str(&format!(" INCLUDE ({})", columns_of(entity, &index.include)));
        }
        if let Some(predicate) = &index.predicate {
            statement.push_str(&format!(" WHERE {predicate}"));
        }
        statement
    }
}

/// The words of all searchable columns, kept by PostgreSQL. Never NULL. The compiler writes the same expression for those who may not read all of them.
fn search_column(entity: &Entity) -> Option<String> {
    let most = entity.searched_characters();
    let vector = |(_, column, search): (&str, &Column, Search)| {
        let (language, weight) = (search.language.name(), search.weight.name());
        format!("setweight(to_tsvector('{language}'::regconfig, coalesce(left({}, {most}), '')), '{weight}')", column.column)
    };
    let vectors: Vec<String> = entity.searchable().map(vector).collect();
    let vectors = Some(vectors.join(" || ")).filter(|_| !vectors.is_empty())?;
    Some(format!("{} tsvector NOT NULL GENERATED ALWAYS AS ({vectors}) STORED", search::column()))
}

/// Whether the schema's own index is the one that the relation would get anyway.
fn covers(index: &Index, field: &Field) -> bool {
    let is_btree = index.method.as_deref().is_none_or(|method| method == "btree");
    is_btree
        && index.predicate.is_none()
        && matches!(index.fields.as_slice(), [only] if only.field == field.name && only.op_class.is_none())
}

fn index_key(entity: &Entity, field: &IndexField) -> String {
    let mut key = column_of(entity, &field.field).to_string();
    if let Some(class) = &field.op_class {
        let class = Ident::new(class).expect("a checked operator class is a name");
        key.push_str(&format!(" {class}"));
    }
    key.push_str(match field.direction {
        None => "",
        Some(Direction::Asc) => " ASC",
        Some(Direction::Desc) => " DESC",
        Some(Direction::AscNullsFirst) => " ASC NULLS FIRST",
        Some(Direction::DescNullsLast) => " DESC NULLS LAST",
    });
    key
}

fn using(method: Option<&str>) -> String {
    method.map(|method| format!(" USING {method}")).unwrap_or_default()
}

fn on_delete(on_delete: OnDelete) -> &'static str {
    match on_delete {
        OnDelete::Restrict => "",
        OnDelete::Cascade => " ON DELETE CASCADE",
        OnDelete::SetNull => " ON DELETE SET NULL",
    }
}

/// The links of an owning many-has-many relation.
pub(super) fn joining_table(field: &Field) -> &JoiningTable {
    match &field.kind {
        FieldKind::Relation(relation) => match &relation.kind {
            RelationKind::ManyHasManyOwning { joining_table, .. } => joining_table,
            _ => unreachable!("only owning many-has-many relations have links"),
        },
        FieldKind::Column(_) => unreachable!("only relations have links"),
    }
}
