//! Reading objects member by member, so that what nobody asked for is noticed.

use crate::codes;
use crate::node::{Node, NodeValue};
use crate::source::{At, Errors, nearest};

/// An object of which members are taken one by one.
pub(super) struct Object<'n> {
    pub at: usize,
    what: String,
    members: Vec<(&'n At<String>, &'n Node)>,
    known: Vec<&'static str>,
}

impl<'n> Object<'n> {
    /// Reports anything but an object.
    pub fn new(node: &'n Node, what: impl Into<String>, errors: &mut Errors) -> Option<Self> {
        let what = what.into();
        Some(Self { at: node.at, members: members(node, &what, errors)?, what, known: Vec::new() })
    }

    /// The member, unless it is absent or null.
    pub fn take(&mut self, key: &'static str) -> Option<&'n Node> {
        self.known.push(key);
        let index = self.members.iter().position(|(name, _)| name.value == key)?;
        Some(self.members.remove(index).1).filter(|node| !node.is_null())
    }

    pub fn need(&mut self, key: &'static str, errors: &mut Errors) -> Option<&'n Node> {
        let found = self.take(key);
        if found.is_none() {
            errors.add(self.at, codes::MISSING_ARGUMENT, format!("{} needs `{key}`", self.what));
        }
        found
    }

    pub fn text(&mut self, key: &'static str, errors: &mut Errors) -> Option<At<String>> {
        self.take(key).and_then(|node| text(node, key, errors))
    }

    pub fn need_text(&mut self, key: &'static str, errors: &mut Errors) -> Option<At<String>> {
        self.need(key, errors).and_then(|node| text(node, key, errors))
    }

    pub fn flag(&mut self, key: &'static str, errors: &mut Errors) -> Option<bool> {
        let node = self.take(key)?;
        if node.as_bool().is_none() {
            wrong(node, key, "`true` or `false`", errors);
        }
        node.as_bool()
    }

    pub fn object(&mut self, key: &'static str, errors: &mut Errors) -> Option<Self> {
        self.take(key).and_then(|node| Object::new(node, format!("`{key}`"), errors))
    }

    /// Members of an object whose keys are names of the schema.
    pub fn map(&mut self, key: &'static str, errors: &mut Errors) -> Vec<(&'n At<String>, &'n Node)> {
        self.take(key).and_then(|node| members(node, &format!("`{key}`"), errors)).unwrap_or_default()
    }

    pub fn list(&mut self, key: &'static str, errors: &mut Errors) -> &'n [Node] {
        match self.take(key) {
            Some(Node { value: NodeValue::List(items), .. }) => items,
            Some(node) => {
                wrong(node, key, "a list", errors);
                &[]
            }
            None => &[],
        }
    }

    pub fn texts(&mut self, key: &'static str, errors: &mut Errors) -> Vec<At<String>> {
        self.list(key, errors).iter().filter_map(|node| text(node, key, errors)).collect()
    }

    /// Leaves out what Freehold does not have and does not need.
    pub fn ignore(&mut self, keys: &[&'static str]) {
        for key in keys {
            self.take(key);
        }
    }

    /// Reports members that nobody took and that look like misspelt ones. What looks like nothing we know comes from a later version of other tools, and is left out.
    pub fn finish(self, errors: &mut Errors) {
        for (name, _) in self.untaken() {
            if nearest(&name.value, &self.known).is_some() {
                self.unknown(name, errors);
            }
        }
    }

    /// Reports members that nobody took: for permissions, where leaving something out may give rights away.
    pub fn finish_strictly(self, errors: &mut Errors) {
        self.untaken().for_each(|(name, _)| self.unknown(name, errors));
    }

    /// Members that nobody took, except those that say nothing.
    fn untaken(&self) -> impl Iterator<Item = &(&'n At<String>, &'n Node)> {
        self.members.iter().filter(|(_, node)| match &node.value {
            NodeValue::Null | NodeValue::Bool(false) => false,
            NodeValue::List(items) => !items.is_empty(),
            NodeValue::Object(members) => !members.is_empty(),
            _ => true,
        })
    }

    fn unknown(&self, name: &At<String>, errors: &mut Errors) {
        let error = errors.add(name.at, codes::UNKNOWN_KEY, format!("{} has no key `{}`", self.what, name.value));
        error.suggest(&name.value, self.known.iter().copied());
    }
}

/// The members of an object; a key that is given twice is a mistake.
pub(super) fn members<'n>(node: &'n Node, what: &str, errors: &mut Errors) -> Option<Vec<(&'n At<String>, &'n Node)>> {
    let NodeValue::Object(members) = &node.value else {
        errors.add(node.at, codes::ARGUMENT_TYPE, format!("{what} is an object, not {}", node.describe()));
        return None;
    };
    let mut found: Vec<(&At<String>, &Node)> = Vec::new();
    for (name, value) in members {
        if found.iter().any(|(known, _)| known.value == name.value) {
            errors.add(name.at, codes::ARGUMENT_REPEATED, format!("`{}` is given twice", name.value));
        } else {
            found.push((name, value));
        }
    }
    Some(found)
}

pub(super) fn text(node: &Node, what: &str, errors: &mut Errors) -> Option<At<String>> {
    let text = node.as_text();
    if text.is_none() {
        wrong(node, what, "a text", errors);
    }
    text
}

pub(super) fn wrong(node: &Node, what: &str, expected: &str, errors: &mut Errors) {
    errors.add(node.at, codes::ARGUMENT_TYPE, format!("`{what}` is {expected}, not {}", node.describe()));
}
