//! Unique keys, indexes and orders in SDL.

use crate::codes;
use crate::draft::{IndexDraft, IndexFieldDraft, OrderDraft, UniqueDraft};
use crate::model::Direction;
use crate::node::{Node, NodeValue};
use crate::sdl::definitions::Checked;
use crate::source::{At, Errors};

/// The words for directions, in SDL and in JSON.
pub(crate) const DIRECTIONS: [(&str, Direction); 4] = [
    ("asc", Direction::Asc),
    ("desc", Direction::Desc),
    ("ascNullsFirst", Direction::AscNullsFirst),
    ("descNullsLast", Direction::DescNullsLast),
];

/// The word for a direction.
pub(crate) fn direction_name(direction: Direction) -> &'static str {
    DIRECTIONS.iter().find(|(_, known)| *known == direction).map(|(name, _)| *name).expect("the table has every direction")
}

/// Reads a direction's word.
pub(crate) fn direction(word: &str, at: usize, errors: &mut Errors) -> Option<Direction> {
    let found = DIRECTIONS.iter().find(|(name, _)| *name == word).map(|(_, direction)| *direction);
    if found.is_none() {
        let error = errors.add(at, codes::ORDER_INVALID, format!("unknown direction `{word}`"));
        error.suggest(word, DIRECTIONS.iter().map(|(name, _)| *name));
    }
    found
}

/// The fields of a unique key or an index: given on a type, and the field itself on a field.
fn own_fields<T>(
    directive: Checked<'_>,
    field: Option<T>,
    errors: &mut Errors,
    read: impl FnOnce(&mut Errors) -> Vec<T>,
) -> Option<Vec<T>> {
    let name = directive.name();
    match (field, directive.has("fields")) {
        (Some(field), false) => Some(vec![field]),
        (Some(_), true) => {
            let at = directive.argument_at("fields");
            let error = errors.add(at, codes::ARGUMENT_CONFLICT, format!("`@{name}` on a field is of that field"));
            error.hint(format!("write `@{name}(fields: …)` on the type"));
            None
        }
        (None, true) => Some(read(errors)),
        (None, false) => {
            let error =
                errors.add(directive.at(), codes::MISSING_ARGUMENT, format!("`@{name}` on a type needs the argument `fields`"));
            error.hint(format!("write `@{name}(fields: [\"…\"])`, or put `@{name}` on the field"));
            None
        }
    }
}

pub(crate) fn unique(directive: Checked<'_>, field: Option<At<String>>, errors: &mut Errors) -> Option<UniqueDraft> {
    let fields = own_fields(directive, field, errors, |_| directive.texts("fields"))?;
    Some(UniqueDraft {
        at: directive.at(),
        fields,
        name: directive.text("name"),
        deferred: directive.word("timing").map(|word| At::new(word.value == "DEFERRED", word.at)),
        index: directive.flag("index").unwrap_or(false),
        nulls_not_distinct: directive.flag("nullsNotDistinct").unwrap_or(false),
        method: directive.text("method"),
    })
}

pub(crate) fn index(directive: Checked<'_>, field: Option<At<String>>, errors: &mut Errors) -> Option<IndexDraft> {
    let own = field.map(|field| IndexFieldDraft { field, direction: None, op_class: None });
    let fields = own_fields(directive, own, errors, |errors| {
        let nodes = directive.node("fields").map(Node::items).unwrap_or_default();
        nodes.iter().filter_map(|node| index_field(node, errors)).collect()
    })?;
    Some(IndexDraft {
        at: directive.at(),
        fields,
        name: directive.text("name"),
        method: directive.text("method"),
        predicate: directive.text("where"),
        include: directive.texts("include"),
    })
}

fn index_field(node: &Node, errors: &mut Errors) -> Option<IndexFieldDraft> {
    match &node.value {
        NodeValue::String(text) => {
            let (field, direction) = field_and_direction(text, node.at, errors)?;
            Some(IndexFieldDraft { field, direction, op_class: None })
        }
        NodeValue::Object(members) => {
            let mut draft = None;
            let (mut dir, mut op_class) = (None, None);
            for (name, value) in members {
                match (name.as_str(), value.as_text()) {
                    ("field", Some(field)) => draft = Some(field),
                    ("direction", Some(word)) => dir = direction(&word.value, word.at, errors),
                    ("opClass", Some(class)) => op_class = Some(class),
                    ("field" | "direction" | "opClass", None) => {
                        errors.add(
                            value.at,
                            codes::ARGUMENT_TYPE,
                            format!("`{}` is a text, not {}", name.value, value.describe()),
                        );
                    }
                    _ => {
                        let error =
                            errors.add(name.at, codes::UNKNOWN_ARGUMENT, format!("an index's field has no `{}`", name.value));
                        error.suggest(&name.value, ["field", "direction", "opClass"]);
                    }
                }
            }
            if draft.is_none() {
                errors.add(node.at, codes::MISSING_ARGUMENT, "an index's field needs `field`");
            }
            draft.map(|field| IndexFieldDraft { field, direction: dir, op_class })
        }
        _ => {
            errors.add(
                node.at,
                codes::ARGUMENT_TYPE,
                format!("an index's field is a text or an object, not {}", node.describe()),
            );
            None
        }
    }
}

/// `"publishedAt desc"`.
fn field_and_direction(text: &str, at: usize, errors: &mut Errors) -> Option<(At<String>, Option<Direction>)> {
    let mut words = text.split_whitespace();
    let field = words.next().unwrap_or_default();
    let direction = match words.next() {
        Some(word) => Some(direction(word, at, errors)?),
        None => None,
    };
    if field.is_empty() || words.next().is_some() {
        let error = errors.add(at, codes::ORDER_INVALID, format!("`{text}` is not a field with a direction"));
        error.hint("write `\"publishedAt desc\"`");
        return None;
    }
    Some((At::new(field.to_owned(), at), direction))
}

pub(crate) fn order_by(node: Option<&Node>, errors: &mut Errors) -> Vec<OrderDraft> {
    let mut orders = Vec::new();
    for item in node.map(Node::items).unwrap_or_default() {
        let Some(text) = item.as_text() else {
            let error = errors.add(item.at, codes::ARGUMENT_TYPE, format!("an order is a text, not {}", item.describe()));
            error.hint("write `\"publishedAt desc\"`");
            continue;
        };
        if let Some((path, direction)) = field_and_direction(&text.value, text.at, errors) {
            let path = path.value.split('.').map(|step| At::new(step.to_owned(), text.at)).collect();
            orders.push(OrderDraft { path, direction: direction.unwrap_or(Direction::Asc) });
        }
    }
    orders
}
