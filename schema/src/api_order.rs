//! The order of fields in the API (content API, section 4).

use crate::Schema;
use crate::model::{FieldKind, RelationKind};

impl Schema {
    /// The schema with the fields of each entity as the API lists them: columns, then relations in the order of their owning sides. That is the order in which a
    /// Contember engine holds a model that came to it by migrations: they add all columns first, and both sides of a relation at once. Relations of views come last; views themselves keep
    /// their order.
    ///
    /// Tables and the schema's own text are made from the order in which it was written.
    #[must_use]
    pub fn in_api_order(mut self) -> Self {
        let written = self.clone();
        for entity in self.entities.values_mut().filter(|entity| entity.view.is_none()) {
            entity.fields.retain(|_, field| matches!(field.kind, FieldKind::Column(_)));
        }
        let (views, tables): (Vec<_>, Vec<_>) = written.entities.values().partition(|entity| entity.view.is_some());
        for owner in tables.into_iter().chain(views) {
            for field in owner.fields.values() {
                let FieldKind::Relation(relation) = &field.kind else { continue };
                let owns = match relation.kind {
                    RelationKind::ManyHasOne { .. }
                    | RelationKind::OneHasOneOwning { .. }
                    | RelationKind::ManyHasManyOwning { .. } => true,
                    RelationKind::OneHasMany { .. }
                    | RelationKind::OneHasOneInverse { .. }
                    | RelationKind::ManyHasManyInverse { .. } => false,
                };
                if !owns {
                    continue;
                }
                // In a view, which keeps its fields, this changes nothing.
                self.entities[&owner.name].fields.insert(field.name.clone(), field.clone());
                if let Some(other) = relation.other_side() {
                    let inverse = written.entities[&relation.target].fields[other].clone();
                    self.entities[&relation.target].fields.insert(other.clone(), inverse);
                }
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use crate::Schema;

    #[test]
    fn columns_come_before_relations_and_those_in_the_order_of_their_owners() {
        let sdl = "
            type Author { books: [Book!] @inverse(of: \"author\") name: String! favourite: Book @relation }
            type Book { author: Author! @relation title: String! }";
        let schema = Schema::from_sdl("schema.graphql", sdl).unwrap().in_api_order();
        let fields = |entity: &str| schema.entities[entity].fields.keys().map(|name| name.as_str()).collect::<Vec<_>>();
        assert_eq!(fields("Author"), ["id", "name", "favourite", "books"]);
        assert_eq!(fields("Book"), ["id", "title", "author"]);
    }
}
