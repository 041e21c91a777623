//! Writing permissions: the grants of a role on an entity, sorted by predicate, each predicate one `@allow`; roles with the same one share it.

use indexmap::IndexMap;

use crate::acl::{EntityGrants, EntityPermissions, Grant, OperationKind};
use crate::check::{name_of, write_filter};
use crate::model::{Entity, Schema};
use crate::names::{FieldName, PredicateName};
use crate::node::{quote, write};
use crate::sdl::permissions::OPERATIONS;
use crate::sdl::print::Written;

/// What one `@allow` says besides its roles.
#[derive(PartialEq)]
struct Allow {
    read: Vec<FieldName>,
    create: Vec<FieldName>,
    update: Vec<FieldName>,
    delete: bool,
    when: Option<String>,
    through: Vec<&'static str>,
    custom_primary: bool,
    predicate: Option<String>,
}

pub(super) fn allows(schema: &Schema, entity: &Entity) -> Vec<String> {
    let mut groups: Vec<(Vec<&str>, Allow)> = Vec::new();
    for role in schema.roles.values() {
        let EntityGrants::Listed(listed) = &role.entities else { continue };
        let Some(permissions) = listed.get(&entity.name) else { continue };
        for allow in of_role(permissions) {
            match groups.iter_mut().find(|(_, known)| *known == allow) {
                Some((roles, _)) => roles.push(role.name.as_str()),
                None => groups.push((vec![role.name.as_str()], allow)),
            }
        }
    }
    groups.iter().map(|(roles, allow)| written(roles, allow, entity)).collect()
}

fn of_role(permissions: &EntityPermissions) -> Vec<Allow> {
    let predicates = std::iter::once(None).chain(permissions.predicates.keys().map(Some));
    predicates.filter_map(|predicate| of_predicate(permissions, predicate)).collect()
}

fn of_predicate(permissions: &EntityPermissions, predicate: Option<&PredicateName>) -> Option<Allow> {
    let is_here = |grant: &Grant| match (grant, predicate) {
        (Grant::Always, None) => true,
        (Grant::When(name), Some(predicate)) => name == predicate,
        _ => false,
    };
    let fields = |grants: &IndexMap<FieldName, Grant>| -> Vec<FieldName> {
        grants.iter().filter(|(_, grant)| is_here(grant)).map(|(field, _)| field.clone()).collect()
    };
    let (read, create, update) = (fields(&permissions.read), fields(&permissions.create), fields(&permissions.update));
    let delete = permissions.delete.as_ref().is_some_and(is_here);
    let granted = |operation: OperationKind| match operation {
        OperationKind::Read => !read.is_empty(),
        OperationKind::Create => !create.is_empty(),
        OperationKind::Update => !update.is_empty(),
        OperationKind::Delete => delete,
    };
    let given = OPERATIONS.iter().filter(|(_, operation)| granted(*operation));
    let through: Vec<&str> =
        given.clone().filter(|(_, operation)| permissions.no_root.contains(operation)).map(|(name, _)| *name).collect();
    if given.count() == 0 {
        return None;
    }
    let filter = predicate.map(|name| (name, &permissions.predicates[name]));
    Some(Allow {
        custom_primary: permissions.custom_primary && !create.is_empty(),
        read,
        create,
        update,
        delete,
        when: filter.map(|(_, filter)| write(&write_filter(filter, "$"))),
        through,
        predicate: filter.filter(|(name, filter)| name.as_str() != name_of(filter)).map(|(name, _)| name.as_str().to_owned()),
    })
}

fn written(roles: &[&str], allow: &Allow, entity: &Entity) -> String {
    let granted = [!allow.read.is_empty(), !allow.create.is_empty(), !allow.update.is_empty(), allow.delete];
    let all_through = allow.through.len() == granted.iter().filter(|granted| **granted).count();
    let through = match allow.through.as_slice() {
        [] => None,
        _ if all_through => Some("true".to_owned()),
        some => Some(format!("[{}]", some.iter().map(|name| quote(name)).collect::<Vec<_>>().join(", "))),
    };
    Written::new("allow")
        .texts("roles", roles.iter().copied())
        .raw_some("read", fields(&allow.read, entity))
        .raw_some("create", fields(&allow.create, entity))
        .raw_some("update", fields(&allow.update, entity))
        .flag("delete", allow.delete)
        .raw_some("when", allow.when.as_deref())
        .raw_some("through", through)
        .flag("customPrimary", allow.custom_primary)
        .text("predicate", allow.predicate.as_deref())
        .done()
}

/// `true` for all fields but the primary, which is what `true` means to the reader.
fn fields(fields: &[FieldName], entity: &Entity) -> Option<String> {
    if fields.is_empty() {
        return None;
    }
    let all = entity.fields.keys().filter(|field| **field != entity.primary);
    if all.clone().eq(fields.iter()) {
        return Some("true".to_owned());
    }
    Some(format!("[{}]", fields.iter().map(|field| quote(field.as_str())).collect::<Vec<_>>().join(", ")))
}
