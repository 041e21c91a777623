//! Predicates: conditions on rows, in permissions. Read with every place checked, written back, and named.

use serde_json::{Map, Value, json};

use crate::acl::Variable;
use crate::check::{World, values};
use crate::codes;
use crate::draft::Form;
use crate::filter::{Condition, Filter, OPERATORS, Operator};
use crate::hash;
use crate::model::{Column, ColumnKind, Entity, FieldKind};
use crate::names::{FieldName, MAX_NAME_BYTES, VariableName};
use crate::node::{Node, NodeValue};
use crate::source::{At, Errors};

/// What a predicate may refer to besides its entity.
pub(super) struct Reader<'a> {
    pub world: &'a World,
    pub role: &'a str,
    pub variables: &'a indexmap::IndexMap<VariableName, Variable>,
}

impl Reader<'_> {
    /// Reads a predicate. Nothing, where it restricts nothing; [`Filter::never`] stands in for a mistake.
    pub fn filter(&self, node: &Node, entity: &Entity, errors: &mut Errors) -> Option<Filter<Value>> {
        let NodeValue::Object(members) = &node.value else {
            let error =
                errors.add(node.at, codes::PREDICATE_INVALID, format!("a predicate is an object, not {}", node.describe()));
            error.hint("for example `{ state: { eq: \"published\" } }`");
            return Some(Filter::never());
        };
        let mut parts = Vec::new();
        for (name, value) in members {
            if !self.is_given(name, value, members, errors) {
                continue;
            }
            let part = match name.as_str() {
                "and" => self.all(value, errors, |node, errors| self.filter(node, entity, errors)).map(Filter::And),
                "or" => self.all(value, errors, |node, errors| self.filter(node, entity, errors)).map(Filter::Or),
                "not" => self.filter(value, entity, errors).map(|filter| Filter::Not(Box::new(filter))),
                "_search" if !entity.fields.contains_key("_search") => {
                    let message = "a predicate cannot search: only filters of requests have `_search`";
                    errors.add(name.at, codes::PREDICATE_INVALID, message).hint("`contains` is a condition on one field");
                    Some(Filter::never())
                }
                _ => self.field(name, value, entity, errors),
            };
            parts.extend(part);
        }
        self.check_empty(node, members.is_empty(), errors);
        match parts.len() {
            0 => None,
            1 => parts.pop(),
            _ => Some(Filter::And(parts)),
        }
    }

    fn field(&self, name: &At<String>, value: &Node, entity: &Entity, errors: &mut Errors) -> Option<Filter<Value>> {
        let Some(field) = self.world.field(entity, name, errors) else { return Some(Filter::never()) };
        let key = field.name.clone();
        match &field.kind {
            FieldKind::Column(column) => self.condition(value, column, errors).map(|condition| Filter::Column(key, condition)),
            FieldKind::Relation(relation) => {
                let target = self.world.entities.get(&relation.target)?;
                // A variable on a relation is one on the target's primary key (content API, section 3.1).
                let inner = if self.as_variable(value).is_some() {
                    let column = target.column(target.primary.as_str())?;
                    let condition = self.condition(value, column, errors)?;
                    Some(Filter::Column(target.primary.clone(), condition))
                } else {
                    self.filter(value, target, errors)
                };
                inner.map(|inner| Filter::Relation(key, Box::new(inner)))
            }
        }
    }

    /// A text that stands for a variable: `"$name"` in SDL, the bare name in JSON.
    fn as_variable(&self, node: &Node) -> Option<At<String>> {
        let text = node.as_text()?;
        match self.world.form {
            Form::Json => Some(text),
            Form::Sdl => text.value.strip_prefix('$').map(|name| At::new(name.to_owned(), text.at)),
        }
    }

    fn condition(&self, node: &Node, column: &Column, errors: &mut Errors) -> Option<Condition<Value>> {
        if let Some(name) = self.as_variable(node) {
            self.check_variable(&name, column, errors);
            return Some(Condition::Variable(VariableName::new(name.as_str())));
        }
        self.plain_condition(node, Some(column), errors)
    }

    /// A condition without variables; on any kind of column when none is given.
    pub fn plain_condition(&self, node: &Node, column: Option<&Column>, errors: &mut Errors) -> Option<Condition<Value>> {
        let NodeValue::Object(members) = &node.value else {
            let error =
                errors.add(node.at, codes::PREDICATE_INVALID, format!("a condition is an object, not {}", node.describe()));
            error.hint(match &node.value {
                NodeValue::String(text) if self.world.form == Form::Sdl => {
                    format!("write `{{ eq: \"{text}\" }}`, or `\"${text}\"` for a variable of the role")
                }
                NodeValue::Name(name) => format!("write `{{ eq: {name} }}`"),
                _ => "for example `{ eq: 1 }`".to_owned(),
            });
            return Some(never());
        };
        let mut parts = Vec::new();
        for (name, value) in members {
            if !self.is_given(name, value, members, errors) {
                continue;
            }
            let part = match name.as_str() {
                "and" => self.all(value, errors, |node, errors| self.plain_condition(node, column, errors)).map(Condition::And),
                "or" => self.all(value, errors, |node, errors| self.plain_condition(node, column, errors)).map(Condition::Or),
                "not" => self.plain_condition(value, column, errors).map(|condition| Condition::Not(Box::new(condition))),
                "isNull" | "null" => Some(boolean(name, value, errors).map_or_else(never, Condition::IsNull)),
                "always" => boolean(name, value, errors).map(|value| if value { always() } else { never() }),
                "never" => boolean(name, value, errors).map(|value| if value { never() } else { always() }),
                _ => self.compare(name, value, column, errors),
            };
            parts.extend(part);
        }
        self.check_empty(node, members.is_empty(), errors);
        match parts.len() {
            0 => None,
            1 => parts.pop(),
            _ => Some(Condition::And(parts)),
        }
    }

    fn compare(&self, name: &At<String>, value: &Node, column: Option<&Column>, errors: &mut Errors) -> Option<Condition<Value>> {
        let Some(operator) = Operator::from_name(name.as_str()) else {
            let error = errors.add(name.at, codes::UNKNOWN_OPERATOR, format!("unknown operator `{}`", name.value));
            error.suggest(name.as_str(), OPERATORS.iter().map(|operator| operator.name()).chain(["isNull", "and", "or", "not"]));
            return Some(never());
        };
        let Some(column) = column else { return Some(Condition::Compare(operator, value.to_json())) };
        if !fits(operator, column) {
            let error = errors.add(name.at, codes::UNKNOWN_OPERATOR, format!("`{}` does not fit this column", name.value));
            let known: Vec<&str> =
                OPERATORS.iter().filter(|operator| fits(**operator, column)).map(|operator| operator.name()).collect();
            error.hint(format!("operators that do: {}", known.iter().copied().chain(["isNull"]).collect::<Vec<_>>().join(", ")));
            return Some(never());
        }
        if let Some(variable) = self.as_variable(value).filter(|_| self.world.form == Form::Sdl) {
            let known = self.variables.contains_key(variable.as_str());
            if known {
                let error = errors.add(
                    value.at,
                    codes::PREDICATE_INVALID,
                    "a variable is a whole condition, not what an operator compares with",
                );
                error.hint(format!("write `\"${}\"` instead of `{{ {}: \"${}\" }}`", variable.value, name.value, variable.value));
                return Some(never());
            }
        }
        let operand = self.operand(operator, value, column).map_err(|(at, problem)| {
            problem.report(at, codes::PREDICATE_INVALID, &format!("what `{}` compares with", name.value), errors);
        });
        Some(operand.map_or_else(|()| never(), |operand| Condition::Compare(operator, operand)))
    }

    fn operand(&self, operator: Operator, value: &Node, column: &Column) -> Result<Value, (usize, values::Problem)> {
        let one = |node: &Node, kind: &ColumnKind| values::operand(node, kind, self.world).map_err(|problem| (node.at, problem));
        match operator {
            Operator::In | Operator::NotIn => {
                let NodeValue::List(items) = &value.value else {
                    return Err((value.at, values::Problem::Expected(format!("a list, not {}", value.describe()))));
                };
                items.iter().map(|item| one(item, &column.kind)).collect::<Result<_, _>>().map(Value::Array)
            }
            Operator::MinLength | Operator::MaxLength => one(value, &ColumnKind::Integer),
            _ => one(value, &column.kind),
        }
    }

    /// Null operands restrict nothing (content API, section 7), which in a permission is hardly ever meant.
    fn is_given(&self, name: &At<String>, value: &Node, members: &[(At<String>, Node)], errors: &mut Errors) -> bool {
        if members.iter().any(|(other, _)| other.value == name.value && other.at < name.at) {
            let error = errors.add(name.at, codes::ARGUMENT_REPEATED, format!("`{}` is given twice", name.value));
            error.hint("conditions on one field are joined by `and: [ … ]`");
        }
        if value.is_null() && self.world.form == Form::Sdl {
            let error = errors.add(value.at, codes::PREDICATE_EMPTY, format!("`{}: null` restricts nothing", name.value));
            error.hint("write `{ isNull: true }` for rows without a value");
        }
        !value.is_null()
    }

    fn check_empty(&self, node: &Node, is_empty: bool, errors: &mut Errors) {
        if is_empty && self.world.form == Form::Sdl {
            let error = errors.add(node.at, codes::PREDICATE_EMPTY, "an empty condition restricts nothing");
            error.hint("leave it out, or say what must hold");
        }
    }

    /// The branches of `and` and `or` that restrict anything; nothing if none does.
    fn all<T>(&self, node: &Node, errors: &mut Errors, mut read: impl FnMut(&Node, &mut Errors) -> Option<T>) -> Option<Vec<T>> {
        let items = node.items();
        self.check_empty(node, items.is_empty(), errors);
        let parts: Vec<T> = items.iter().filter(|item| !item.is_null()).filter_map(|item| read(item, errors)).collect();
        (!parts.is_empty()).then_some(parts)
    }

    fn check_variable(&self, name: &At<String>, column: &Column, errors: &mut Errors) {
        let Some(variable) = self.variables.get(name.as_str()) else {
            if !self.world.lost {
                let error = errors.add(
                    name.at,
                    codes::UNKNOWN_VARIABLE,
                    format!("role `{}` has no variable `{}`", self.role, name.value),
                );
                error.suggest(name.as_str(), self.variables.keys().map(VariableName::as_str));
            }
            return;
        };
        let expected = match variable {
            Variable::Entity { entity, .. } => {
                self.world.entities.get(entity).and_then(|entity| entity.column(entity.primary.as_str()))
            }
            Variable::Predefined(_) => None,
            Variable::Condition { .. } => return,
        };
        let kind = expected.map_or(&ColumnKind::Uuid, |column| &column.kind);
        // A text may hold the id of anything.
        if column.list || !column.is_comparable() || (column.kind != *kind && column.kind != ColumnKind::String) {
            let error = errors.add(
                name.at,
                codes::PREDICATE_INVALID,
                format!("the variable `{}` holds ids, which this column does not", name.value),
            );
            error.hint("compare it with an id or with a relation");
        }
    }
}

fn boolean(name: &At<String>, value: &Node, errors: &mut Errors) -> Option<bool> {
    let found = value.as_bool();
    if found.is_none() {
        errors.add(
            value.at,
            codes::PREDICATE_INVALID,
            format!("`{}` is `true` or `false`, not {}", name.value, value.describe()),
        );
    }
    found
}

fn always() -> Condition<Value> {
    Condition::And(Vec::new())
}

fn never() -> Condition<Value> {
    Condition::Or(vec![Condition::Not(Box::new(always()))])
}

/// Which operators a column's conditions have (content API, section 7).
fn fits(operator: Operator, column: &Column) -> bool {
    use Operator as O;
    if column.list {
        return matches!(operator, O::MinLength | O::MaxLength | O::Includes);
    }
    if column.encryption.is_some() {
        return column.is_comparable() && matches!(operator, O::Eq | O::NotEq | O::In | O::NotIn);
    }
    match operator {
        O::Eq | O::NotEq | O::In | O::NotIn | O::Lt | O::Lte | O::Gt | O::Gte => {
            !matches!(column.kind, ColumnKind::Json | ColumnKind::StoredImage)
        }
        O::Contains
        | O::StartsWith
        | O::EndsWith
        | O::ContainsCI
        | O::StartsWithCI
        | O::EndsWithCI
        | O::Similar
        | O::WordSimilar => column.kind == ColumnKind::String,
        O::MinLength | O::MaxLength => false,
        O::Includes => column.kind == ColumnKind::Json,
    }
}

/// A predicate as JSON: a filter whose variables are written with `sigil` before their names.
pub(crate) fn write_filter(filter: &Filter<Value>, sigil: &str) -> Value {
    let list = |parts: &[Filter<Value>]| Value::Array(parts.iter().map(|part| write_filter(part, sigil)).collect());
    match filter {
        Filter::And(parts) => {
            merged(parts.iter().map(|part| write_filter(part, sigil))).unwrap_or_else(|| json!({ "and": list(parts) }))
        }
        Filter::Or(parts) => json!({ "or": list(parts) }),
        Filter::Not(inner) => json!({ "not": write_filter(inner, sigil) }),
        Filter::Column(name, condition) => object(name, write_condition(condition, sigil)),
        Filter::Search(text) => json!({ "_search": text }),
        Filter::Relation(name, inner) => object(name, write_filter(inner, sigil)),
    }
}

fn object(name: &FieldName, value: Value) -> Value {
    Value::Object(Map::from_iter([(name.as_str().to_owned(), value)]))
}

/// Parts that must all hold as one object, when their keys differ; reading it gives the same parts in the same order.
fn merged(parts: impl Iterator<Item = Value>) -> Option<Value> {
    let mut all = Map::new();
    let mut count = 0;
    for part in parts {
        let Value::Object(members) = part else { return None };
        // An object of several members would be read as part of this one.
        if members.len() != 1 {
            return None;
        }
        count += 1;
        all.extend(members);
    }
    (count > 1 && all.len() == count).then_some(Value::Object(all))
}

/// A condition as JSON, see [`write_filter`].
pub(crate) fn write_condition(condition: &Condition<Value>, sigil: &str) -> Value {
    let list = |parts: &[Condition<Value>]| Value::Array(parts.iter().map(|part| write_condition(part, sigil)).collect());
    match condition {
        _ if *condition == always() => json!({ "always": true }),
        _ if *condition == never() => json!({ "never": true }),
        Condition::And(parts) => {
            merged(parts.iter().map(|part| write_condition(part, sigil))).unwrap_or_else(|| json!({ "and": list(parts) }))
        }
        Condition::Or(parts) => json!({ "or": list(parts) }),
        Condition::Not(inner) => json!({ "not": write_condition(inner, sigil) }),
        Condition::IsNull(value) => json!({ "isNull": value }),
        Condition::Compare(operator, value) => json!({ operator.name(): value }),
        Condition::Variable(name) => Value::String(format!("{sigil}{name}")),
    }
}

/// The name of a predicate that was given none, made from its content: `{ state: { eq: "published" } }` is `state_eq_published`.
pub(crate) fn name_of(filter: &Filter<Value>) -> String {
    let value = write_filter(filter, "");
    let mut words = Vec::new();
    collect_words(&value, &mut words);
    let letters = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' };
    let mut name: String = words.join("_").chars().map(letters).collect();
    if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        name.insert(0, '_');
    }
    if name.len() > MAX_NAME_BYTES { hash::shorten(&name, &value.to_string()) } else { name }
}

fn collect_words(value: &Value, words: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                words.push(name.clone());
                collect_words(value, words);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_words(item, words)),
        Value::String(text) => words.push(text.clone()),
        other => words.push(other.to_string()),
    }
}
