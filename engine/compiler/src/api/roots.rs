//! `Query`, `Mutation`, both transactions, and the results of writes (content API, sections 6, 9, 11 and 12).

use freehold_schema::acl::OperationKind;
use freehold_schema::model::Entity;

use super::aggregates::{aggregate, group};
use super::build::Builder;
use super::definitions::{field, field_with, implementing, object, plain_fields, ty};
use super::entity::{list, paginate};
use super::fixed::RESULT_FIELDS;
use super::{Meaning, OutputField, objects};
use crate::permissions::Access;

impl Builder<'_> {
    /// Adds the root types; tells whether there is a `Mutation`.
    pub(super) fn roots(&mut self) -> bool {
        let schema = self.schema;
        let mut reads = vec![field("schema", ty("_Schema"), Meaning::ModelSchema)];
        let (mut writes, mut batches, mut aggregates) = (Vec::new(), Vec::new(), Vec::new());
        if self.has_objects {
            reads.extend(objects::reads());
            writes.extend(objects::writes());
        }
        for entity in schema.entities.values() {
            reads.extend(self.reads(entity));
            aggregates.extend(self.aggregate_reads(entity));
            writes.extend(self.writes(entity));
            batches.extend(self.batch_writes(entity));
        }
        self.add(object("QueryTransaction", reads.iter().chain(&aggregates).cloned()));
        reads.push(field("transaction", ty("QueryTransaction"), Meaning::QueryTransaction));
        reads.push(field("_info", ty("Info"), Meaning::Info));
        self.add(object("Query", reads.into_iter().chain(aggregates)));
        if writes.is_empty() {
            return false;
        }
        let mut transaction = plain_fields(&RESULT_FIELDS);
        transaction.extend(plain_fields(&[("validation", "_ValidationResult!")]));
        transaction.extend(writes.iter().cloned());
        transaction.push(field("query", ty("Query"), Meaning::MutationQuery));
        transaction.extend(batches.iter().cloned());
        self.add(object("MutationTransaction", transaction));
        let options = [("options", "MutationTransactionOptions")];
        writes.push(field_with("transaction", &options, ty("MutationTransaction!"), Meaning::MutationTransaction));
        writes.push(field("query", ty("Query!"), Meaning::MutationQuery));
        writes.extend(batches);
        self.add(object("Mutation", writes));
        true
    }

    pub(super) fn is_creatable(&self, entity: &str) -> bool {
        self.permissions.allows(Access::Root, entity, OperationKind::Create)
    }

    pub(super) fn is_updatable(&self, entity: &str) -> bool {
        self.permissions.allows(Access::Root, entity, OperationKind::Update) && self.permissions.is_readable(entity)
    }

    pub(super) fn is_deletable(&self, entity: &str) -> bool {
        self.permissions.allows(Access::Root, entity, OperationKind::Delete) && self.permissions.is_readable(entity)
    }

    fn is_at_root(&self, entity: &str, operation: OperationKind) -> bool {
        !self.permissions.is_forbidden_at_root(entity, operation)
    }

    fn is_readable_at_root(&self, entity: &str) -> bool {
        self.permissions.is_readable(entity) && self.is_at_root(entity, OperationKind::Read)
    }

    fn aggregate_reads(&self, entity: &Entity) -> Vec<OutputField> {
        let (id, name) = (&entity.name, entity.name.as_str());
        if !self.is_readable_at_root(name) || !self.has_aggregates(name) {
            return Vec::new();
        }
        let aggregate = aggregate(&format!("aggregate{name}"), name, Meaning::Aggregate(id.clone()));
        vec![aggregate, group(&format!("group{name}"), name, Meaning::Group(id.clone()))]
    }

    fn reads(&self, entity: &Entity) -> Vec<OutputField> {
        let (id, name) = (&entity.name, entity.name.as_str());
        let (by, filter) = (format!("{name}UniqueWhere!"), format!("{name}Where"));
        let mut fields = Vec::new();
        if self.is_readable_at_root(name) {
            let arguments = [("by", by.as_str()), ("filter", filter.as_str())];
            fields.push(field_with(&format!("get{name}"), &arguments, ty(name), Meaning::Get(id.clone())));
            fields.push(list(&format!("list{name}"), name, Meaning::List(id.clone())));
            fields.push(paginate(&format!("paginate{name}"), name, Meaning::Paginate(id.clone())));
        }
        let result = || ty("_ValidationResult!");
        if self.is_creatable(name) {
            let arguments = [("data", &*format!("{name}CreateInput!"))];
            fields.push(field_with(&format!("validateCreate{name}"), &arguments, result(), Meaning::ValidateCreate(id.clone())));
        }
        if self.is_updatable(name) {
            let arguments = [("by", by.as_str()), ("data", &*format!("{name}UpdateInput!"))];
            fields.push(field_with(&format!("validateUpdate{name}"), &arguments, result(), Meaning::ValidateUpdate(id.clone())));
        }
        fields
    }

    fn writes(&mut self, entity: &Entity) -> Vec<OutputField> {
        let (id, name) = (&entity.name, entity.name.as_str());
        let (by, filter) = (format!("{name}UniqueWhere!"), format!("{name}Where"));
        let (create, update) = (format!("{name}CreateInput!"), format!("{name}UpdateInput!"));
        let by_filter = [("by", by.as_str()), ("filter", filter.as_str())];
        let creates = self.is_creatable(name) && self.is_at_root(name, OperationKind::Create);
        let updates = self.is_updatable(name) && self.is_at_root(name, OperationKind::Update);
        let deletes = self.is_deletable(name) && self.is_at_root(name, OperationKind::Delete);
        let mut fields = Vec::new();
        if creates {
            fields.push(self.write("create", "Create", name, &[("data", &create)], Meaning::Create(id.clone())));
        }
        if deletes {
            fields.push(self.write("delete", "Delete", name, &by_filter, Meaning::Delete(id.clone())));
        }
        if updates {
            let arguments = [&by_filter[..], &[("data", update.as_str())]].concat();
            fields.push(self.write("update", "Update", name, &arguments, Meaning::Update(id.clone())));
        }
        if creates && updates {
            let arguments = [&by_filter[..], &[("update", update.as_str()), ("create", create.as_str())]].concat();
            fields.push(self.write("upsert", "Upsert", name, &arguments, Meaning::Upsert(id.clone())));
        }
        fields
    }

    /// Writes of many rows, beyond the recorded contract. They make room for an entity that has one of their names.
    fn batch_writes(&mut self, entity: &Entity) -> Vec<OutputField> {
        let (id, name) = (&entity.name, entity.name.as_str());
        if self.schema.entities.contains_key(&*format!("Many{name}")) || entity.view.is_some() {
            return Vec::new();
        }
        let (filter, limit) = (format!("{name}Where!"), ("limit", "Int"));
        let (create, update) = (format!("[{name}CreateInput!]!"), format!("{name}UpdateInput!"));
        let mut fields = Vec::new();
        if self.is_creatable(name) && self.is_at_root(name, OperationKind::Create) {
            fields.push(self.batch("create", "CreateMany", name, &[("data", &create)], Meaning::CreateMany(id.clone())));
        }
        if self.is_updatable(name) && self.is_at_root(name, OperationKind::Update) {
            let arguments = [("filter", filter.as_str()), ("data", update.as_str()), limit];
            fields.push(self.batch("update", "UpdateMany", name, &arguments, Meaning::UpdateMany(id.clone())));
        }
        if self.is_deletable(name) && self.is_at_root(name, OperationKind::Delete) {
            let arguments = [("filter", filter.as_str()), limit];
            fields.push(self.batch("delete", "DeleteMany", name, &arguments, Meaning::DeleteMany(id.clone())));
        }
        fields
    }

    fn batch(&mut self, verb: &str, kind: &str, entity: &str, arguments: &[(&str, &str)], meaning: Meaning) -> OutputField {
        let result = format!("{entity}{kind}Result");
        let mut fields = plain_fields(&RESULT_FIELDS);
        fields.extend(plain_fields(&[("affected", "Int!"), ("validation", "_ValidationResult!")]));
        self.add(implementing(&result, &["MutationResult"], fields));
        field_with(&format!("{verb}Many{entity}"), arguments, ty(&format!("{result}!")), meaning)
    }

    /// One field that writes, and the type of its result.
    fn write(&mut self, verb: &str, kind: &str, entity: &str, arguments: &[(&str, &str)], meaning: Meaning) -> OutputField {
        let result = format!("{entity}{kind}Result");
        let mut fields = plain_fields(&RESULT_FIELDS);
        if self.permissions.is_readable(entity) {
            fields.push(field("node", ty(entity), Meaning::Node));
        }
        if kind != "Delete" {
            fields.extend(plain_fields(&[("validation", "_ValidationResult!")]));
        }
        self.add(implementing(&result, &["MutationResult"], fields));
        field_with(&format!("{verb}{entity}"), arguments, ty(&format!("{result}!")), meaning)
    }
}
