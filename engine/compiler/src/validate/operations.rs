//! Rules UniqueOperationNames and LoneAnonymousOperation.

use std::collections::HashMap;

use super::{Context, Rule};
use crate::selection::Pos;

pub(super) fn check(context: &Context<'_>) {
    let operations = &context.document.operations;
    let mut first: HashMap<&str, Pos> = HashMap::new();
    for operation in operations {
        match &operation.name {
            Some(name) => {
                let known = *first.entry(&name.text).or_insert(name.pos);
                if known != name.pos {
                    context.error(operation.pos, Rule::UniqueOperationNames, vec![known, name.pos], || {
                        format!("There can be only one operation named \"{}\".", name.text)
                    });
                }
            }
            None if operations.len() > 1 => {
                context.error(operation.pos, Rule::LoneAnonymousOperation, vec![operation.pos], || {
                    "This anonymous operation must be the only defined operation.".to_owned()
                });
            }
            None => {}
        }
    }
}
