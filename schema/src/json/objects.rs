//! `s3` of roles: `{ "articles/**": { "read": true, "upload": true | { "maxSize": 1000000 } } }`.

use indexmap::IndexMap;
use serde_json::{Value, json};

use crate::acl::{ObjectGrant, UploadGrant};
use crate::draft::ObjectGrantDraft;
use crate::json::object::{Object, members, wrong};
use crate::json::write::Members;
use crate::key_pattern::KeyPattern;
use crate::node::{Node, NodeValue};
use crate::source::{At, Errors};

pub(super) fn read(node: &Node, errors: &mut Errors) -> Vec<ObjectGrantDraft> {
    let found = members(node, "`s3`", errors).unwrap_or_default();
    found.into_iter().filter_map(|(keys, node)| grant(keys, node, errors)).collect()
}

fn grant(keys: &At<String>, node: &Node, errors: &mut Errors) -> Option<ObjectGrantDraft> {
    let mut object = Object::new(node, format!("rule `{}`", keys.value), errors)?;
    let read = object.flag("read", errors).unwrap_or(false);
    let (upload, max_size) = object.take("upload").map_or((false, None), |node| upload(node, errors));
    object.finish_strictly(errors);
    Some(ObjectGrantDraft { keys: keys.clone(), read, upload, max_size })
}

/// Whether uploads are allowed, and up to which size.
fn upload(node: &Node, errors: &mut Errors) -> (bool, Option<Node>) {
    match &node.value {
        NodeValue::Bool(allowed) => (*allowed, None),
        NodeValue::Object(_) => {
            let object = Object::new(node, "`upload`", errors);
            let max_size = object.and_then(|mut object| {
                let max_size = object.take("maxSize").cloned();
                object.finish_strictly(errors);
                max_size
            });
            (true, max_size)
        }
        _ => {
            wrong(node, "upload", "`true`, `false` or an object with `maxSize`", errors);
            (false, None)
        }
    }
}

pub(super) fn write(grants: &IndexMap<KeyPattern, ObjectGrant>) -> Value {
    Value::Object(grants.iter().map(|(keys, grant)| (keys.as_str().to_owned(), write_grant(grant))).collect())
}

fn write_grant(grant: &ObjectGrant) -> Value {
    let upload = grant.upload.map(|upload| match upload {
        UploadGrant::Unlimited => Value::Bool(true),
        UploadGrant::UpTo(max_size) => json!({ "maxSize": max_size }),
    });
    Members::new().with_flag("read", grant.read).with_some("upload", upload).done()
}
