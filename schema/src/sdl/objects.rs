//! `s3` of `@role`: `[{ keys: "articles/**", read: true, upload: true, maxSize: 1000000 }]`.

use indexmap::IndexMap;

use crate::acl::{ObjectGrant, UploadGrant};
use crate::draft::ObjectGrantDraft;
use crate::key_pattern::KeyPattern;
use crate::node::{Node, NodeValue, quote};

/// Reads a rule whose members have the right types.
pub(super) fn read(node: &Node) -> Option<ObjectGrantDraft> {
    let NodeValue::Object(members) = &node.value else { return None };
    let member = |name: &str| {
        members.iter().find(|(member, _)| member.value == name).map(|(_, value)| value).filter(|value| !value.is_null())
    };
    let flag = |name: &str| member(name).and_then(Node::as_bool).unwrap_or(false);
    Some(ObjectGrantDraft {
        keys: member("keys").and_then(Node::as_text)?,
        read: flag("read"),
        upload: flag("upload"),
        max_size: member("maxSize").filter(|node| is_whole(node)).cloned(),
    })
}

/// Anything else was reported with the other members' types.
fn is_whole(node: &Node) -> bool {
    matches!(&node.value, NodeValue::Number(number) if number.is_i64() || number.is_u64())
}

pub(super) fn print(grants: &IndexMap<KeyPattern, ObjectGrant>) -> String {
    let grants: Vec<String> = grants.iter().map(|(keys, grant)| print_grant(keys, grant)).collect();
    format!("[{}]", grants.join(", "))
}

fn print_grant(keys: &KeyPattern, grant: &ObjectGrant) -> String {
    let read = if grant.read { ", read: true" } else { "" };
    let upload = match grant.upload {
        None => String::new(),
        Some(UploadGrant::Unlimited) => ", upload: true".to_owned(),
        Some(UploadGrant::UpTo(max_size)) => format!(", upload: true, maxSize: {max_size}"),
    };
    format!("{{ keys: {}{read}{upload} }}", quote(keys.as_str()))
}
