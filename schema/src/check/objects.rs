//! What roles may do with objects of the storage.

use indexmap::IndexMap;

use crate::acl::{ObjectGrant, UploadGrant};
use crate::codes;
use crate::draft::ObjectGrantDraft;
use crate::key_pattern::KeyPattern;
use crate::node::{Node, NodeValue};
use crate::source::Errors;

/// Every object, as the built-in administrators have them.
pub(super) fn everything() -> IndexMap<KeyPattern, ObjectGrant> {
    IndexMap::from([("**".parse().expect("`**` is a pattern"), ObjectGrant::EVERYTHING)])
}

pub(super) fn lower(drafts: &[ObjectGrantDraft], errors: &mut Errors) -> IndexMap<KeyPattern, ObjectGrant> {
    let mut grants = IndexMap::new();
    for draft in drafts {
        let Some(keys) = pattern(draft, errors) else { continue };
        let grant = ObjectGrant { read: draft.read, upload: upload(draft, errors) };
        if grants.contains_key(&keys) {
            errors.add(draft.keys.at, codes::ARGUMENT_REPEATED, format!("the keys `{keys}` are given twice"));
        }
        grants.insert(keys, grant);
    }
    // Both forms can say that nothing is granted; the schema says it by nothing.
    grants.retain(|_, grant| grant.read || grant.upload.is_some());
    grants
}

fn pattern(draft: &ObjectGrantDraft, errors: &mut Errors) -> Option<KeyPattern> {
    match draft.keys.value.parse() {
        Ok(pattern) => Some(pattern),
        Err(problem) => {
            let error = errors.add(draft.keys.at, codes::KEY_PATTERN_INVALID, format!("`{}`: {problem}", draft.keys.value));
            error.hint("write for example `articles/**` or `**/*.jpg`");
            None
        }
    }
}

fn upload(draft: &ObjectGrantDraft, errors: &mut Errors) -> Option<UploadGrant> {
    let Some(node) = &draft.max_size else { return draft.upload.then_some(UploadGrant::Unlimited) };
    if !draft.upload {
        errors.add(node.at, codes::ARGUMENT_CONFLICT, "`maxSize` limits what `upload` allows, and nothing is allowed");
    }
    let max_size = max_size(node);
    if max_size.is_none() {
        errors.add(node.at, codes::ARGUMENT_TYPE, "`maxSize` is a whole number of bytes, at least 1");
    }
    max_size.map(UploadGrant::UpTo)
}

fn max_size(node: &Node) -> Option<u64> {
    match &node.value {
        NodeValue::Number(number) => number.as_u64().filter(|size| *size > 0),
        _ => None,
    }
}
