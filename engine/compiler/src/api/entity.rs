//! Types through which an entity is read: object, meta, filter, order, unique filters, connection.

use freehold_schema::acl::OperationKind;
use freehold_schema::model::{Column, Entity, Field, FieldKind, Relation, RelationKind};
use freehold_schema::names::FieldName;

use super::aggregates::{aggregate, group};
use super::build::{Builder, capital, column_ref};
use super::definitions::{field, field_with, input_field, input_of, non_null, object, ty};
use super::keys::unique_keys;
use super::{InputField, Meaning, OutputField, RELEVANCE, SEARCH, TypeDefinition};
use crate::permissions::Access;

impl<'a> Builder<'a> {
    pub(super) fn entity(&mut self, entity: &'a Entity) {
        let name = entity.name.as_str();
        let fields = self.visible_fields(entity);
        self.object(entity, &fields);
        let meta = fields.iter().map(|it| field(it.name.as_str(), ty("FieldMeta"), Meaning::MetaOf(it.name.clone())));
        self.add(object(&format!("{name}Meta"), meta));
        self.filter(entity, &fields);
        self.order(entity, &fields);
        self.aggregates(entity, &fields);
        let unique = self.unique_members(entity, None);
        self.add(input_of(&format!("{name}UniqueWhere"), unique));
        let connection = [
            field("pageInfo", ty("PageInfo!"), Meaning::PageInfo),
            field("edges", ty(&format!("[{name}Edge!]!")), Meaning::Edges),
        ];
        self.add(object(&format!("{name}Connection"), connection));
        let edge = [field("node", ty(&format!("{name}!")), Meaning::Node), field("cursor", ty("String!"), Meaning::Cursor)];
        self.add(object(&format!("{name}Edge"), edge));
    }

    fn object(&mut self, entity: &'a Entity, visible: &[&'a Field]) {
        let name = entity.name.as_str();
        let mut fields = vec![field("_meta", ty(&format!("{name}Meta")), Meaning::Meta)];
        for field in visible {
            let output = self.output_field(entity, field);
            fields.push(OutputField { description: field.description.clone(), deprecated: field.deprecated.clone(), ..output });
        }
        for (field, relation) in has_many(visible) {
            fields.extend(self.reduced(entity, field, relation));
        }
        for (it, relation) in has_many(visible) {
            let field = format!("paginate{}", capital(it.name.as_str()));
            fields.push(paginate(&field, relation.target.as_str(), Meaning::PaginateHasMany(it.name.clone())));
        }
        for (it, relation) in has_many(visible).into_iter().filter(|(_, relation)| self.has_aggregates(relation.target.as_str()))
        {
            let (name, target) = (capital(it.name.as_str()), relation.target.as_str());
            fields.push(aggregate(&format!("aggregate{name}"), target, Meaning::AggregateHasMany(it.name.clone())));
            fields.push(group(&format!("group{name}"), target, Meaning::GroupHasMany(it.name.clone())));
        }
        // A model's own field wins over a generated one of the same name.
        let mut seen = std::collections::HashSet::new();
        fields.retain(|field| seen.insert(field.name.clone()));
        let description = entity.description.clone();
        self.add(TypeDefinition { description, ..object(name, fields) });
    }

    fn output_field(&mut self, entity: &Entity, it: &Field) -> OutputField {
        let name = it.name.as_str();
        match &it.kind {
            FieldKind::Column(column) => {
                let value = column_ref(&self.column_type(column), column);
                let ty = if self.is_non_null(entity, it, column) { non_null(value) } else { value };
                field(name, ty, Meaning::Column(it.name.clone()))
            }
            FieldKind::Relation(relation) => {
                let target = relation.target.as_str();
                if relation.is_has_many() {
                    return list(name, target, Meaning::HasMany(it.name.clone()));
                }
                field_with(name, &[("filter", &format!("{target}Where"))], ty(target), Meaning::HasOne(it.name.clone()))
            }
        }
    }

    /// Whether every row that can be seen has a value that can be seen.
    pub(super) fn is_non_null(&self, entity: &Entity, it: &Field, column: &Column) -> bool {
        // The one type serves rows reached from the root and through relations, where the caller may see different fields.
        let is_seen = |access| {
            let rule = self.permissions.field(access, entity.name.as_str(), OperationKind::Read, it.name.as_str());
            rule.is_always() || rule == self.permissions.rows(access, entity.name.as_str())
        };
        !column.nullable && is_seen(Access::Root) && is_seen(Access::Relation)
    }

    /// `rByF` per single field that identifies a child among its siblings, and `rBy` for any key.
    fn reduced(&mut self, entity: &Entity, it: &Field, relation: &Relation) -> Vec<OutputField> {
        let RelationKind::OneHasMany { owned_by, .. } = &relation.kind else { return Vec::new() };
        let Some(target) = self.schema.entities.get(&relation.target) else { return Vec::new() };
        let (name, relation_name) = (entity.name.as_str(), it.name.as_str());
        let mut fields = Vec::new();
        let mut single: Vec<&FieldName> = Vec::new();
        let keys = unique_keys(target);
        for key in keys.iter().skip(1) {
            let rest: Vec<&FieldName> = key.iter().filter(|member| *member != owned_by).collect();
            if let [only] = rest.as_slice()
                && !single.contains(only)
            {
                single.push(only);
            }
        }
        for member in single {
            let Some(input) = self.unique_member(target, member) else { continue };
            let type_name = format!("{name}{}By{}UniqueWhere", capital(relation_name), capital(member.as_str()));
            self.add(input_of(&type_name, [input]));
            fields.push(by(&format!("{relation_name}By{}", capital(member.as_str())), &type_name, target, it));
        }
        let type_name = format!("{}Of{name}ByUniqueWhere", capital(relation_name));
        let members = self.unique_members(target, Some(owned_by));
        self.add(input_of(&type_name, members));
        fields.push(by(&format!("{relation_name}By"), &type_name, target, it));
        fields.retain(|field| !entity.fields.contains_key(&*field.name));
        fields
    }

    /// Members of all keys whose members are all visible.
    fn unique_members(&mut self, entity: &Entity, without: Option<&FieldName>) -> Vec<InputField> {
        let mut members: Vec<InputField> = Vec::new();
        for key in unique_keys(entity) {
            let rest = key.iter().filter(|member| Some(*member) != without);
            let Some(inputs) = rest.map(|member| self.unique_member(entity, member)).collect::<Option<Vec<_>>>() else {
                continue;
            };
            for input in inputs {
                if !members.iter().any(|known| known.name == input.name) {
                    members.push(input);
                }
            }
        }
        members
    }

    fn unique_member(&mut self, entity: &Entity, member: &FieldName) -> Option<InputField> {
        let it = entity.fields.get(member).filter(|field| self.is_visible(entity, field))?;
        let value = match &it.kind {
            FieldKind::Column(column) => self.column_type(column),
            FieldKind::Relation(relation) => format!("{}UniqueWhere", relation.target),
        };
        Some(input_field(member.as_str(), ty(&value)))
    }

    fn filter(&mut self, entity: &Entity, visible: &[&Field]) {
        let name = format!("{}Where", entity.name);
        let mut fields: Vec<InputField> = Vec::new();
        for it in visible {
            let value = match &it.kind {
                FieldKind::Column(column) => self.condition(column),
                FieldKind::Relation(relation) => format!("{}Where", relation.target),
            };
            fields.push(input_field(it.name.as_str(), ty(&value)));
        }
        fields.push(input_field("and", ty(&format!("[{name}]"))));
        fields.push(input_field("or", ty(&format!("[{name}]"))));
        fields.push(input_field("not", ty(&name)));
        fields.extend(self.searching(
            entity,
            SEARCH,
            "Rows whose texts have these words: `word \"a phrase\" or another -without`.",
        ));
        self.add(input_of(&name, fields));
    }

    fn order(&mut self, entity: &Entity, visible: &[&Field]) {
        let sortable = visible.iter().filter_map(|it| {
            let value = match &it.kind {
                FieldKind::Column(column) if column.is_sortable() => "OrderDirection".to_owned(),
                FieldKind::Column(_) => return None,
                FieldKind::Relation(relation) if relation.is_has_many() => return None,
                FieldKind::Relation(relation) => format!("{}OrderBy", relation.target),
            };
            Some(input_field(it.name.as_str(), ty(&value)))
        });
        let random = [input_field("_random", ty("Boolean")), input_field("_randomSeeded", ty("Int"))];
        let relevance =
            self.searching(entity, RELEVANCE, "Rows first whose texts have these words most often and closest together.");
        self.add(input_of(&format!("{}OrderBy", entity.name), random.into_iter().chain(sortable).chain(relevance)));
    }

    /// An input field that takes a text to search for, when any text of the entity may be searched. The model's own field of this name wins.
    fn searching(&self, entity: &Entity, name: &str, description: &str) -> Option<InputField> {
        let offered = entity.searchable().any(|(field, _, _)| self.reading(entity, &FieldName::new(field)).is_granted());
        (offered && !entity.fields.contains_key(name))
            .then(|| InputField { description: Some(description.to_owned()), ..input_field(name, ty("String")) })
    }
}

fn has_many<'f>(fields: &[&'f Field]) -> Vec<(&'f Field, &'f Relation)> {
    let relations = fields.iter().filter_map(|field| match &field.kind {
        FieldKind::Relation(relation) if relation.is_has_many() => Some((*field, relation)),
        FieldKind::Relation(_) | FieldKind::Column(_) => None,
    });
    relations.collect()
}

fn by(name: &str, key: &str, target: &Entity, it: &Field) -> OutputField {
    let arguments = [("by", &*format!("{key}!")), ("filter", &*format!("{}Where", target.name))];
    field_with(name, &arguments, ty(target.name.as_str()), Meaning::ReducedHasMany(it.name.clone()))
}

/// `name(filter, orderBy, offset, limit): [T!]!`
pub(super) fn list(name: &str, target: &str, meaning: Meaning) -> OutputField {
    let (filter, order) = (format!("{target}Where"), format!("[{target}OrderBy!]"));
    let arguments = [("filter", filter.as_str()), ("orderBy", order.as_str()), ("offset", "Int"), ("limit", "Int")];
    field_with(name, &arguments, ty(&format!("[{target}!]!")), meaning)
}

/// `name(filter, orderBy, skip, first, after, before, last): TConnection!`
pub(super) fn paginate(name: &str, target: &str, meaning: Meaning) -> OutputField {
    let (filter, order) = (format!("{target}Where"), format!("[{target}OrderBy!]"));
    let contract = [("filter", filter.as_str()), ("orderBy", order.as_str()), ("skip", "Int"), ("first", "Int")];
    let cursors = [("after", "String"), ("before", "String"), ("last", "Int")];
    let arguments = [&contract[..], &cursors].concat();
    field_with(name, &arguments, ty(&format!("{target}Connection!")), meaning)
}
