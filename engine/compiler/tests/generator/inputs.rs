//! Values of arguments, written into the document or given as variables.

use std::fmt;

use freehold_compiler::api::{EnumValue, InputField, ScalarKind, TypeKind, TypeRef};
use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::Generator;
use super::operation::{State, Variable};

/// A value.
#[derive(Debug, Clone)]
pub(super) enum Given {
    Leaf(Value),
    Enum(String),
    List(Vec<Given>),
    Object(Vec<(String, Given)>),
    Variable(String),
}

impl fmt::Display for Given {
    /// As GraphQL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |items: Vec<String>| items.join(", ");
        match self {
            Given::Leaf(value) => write!(f, "{}", literal(value)),
            Given::Enum(name) => f.write_str(name),
            Given::List(items) => write!(f, "[{}]", joined(items.iter().map(ToString::to_string).collect())),
            Given::Object(members) => {
                write!(f, "{{{}}}", joined(members.iter().map(|(name, value)| format!("{name}: {value}")).collect()))
            }
            Given::Variable(name) => write!(f, "${name}"),
        }
    }
}

/// JSON as GraphQL writes it: members have no quotes.
fn literal(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(literal).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| format!("{name}: {}", literal(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.to_string(),
    }
}

impl Given {
    /// As the value of a variable, which holds no other one.
    fn json(&self) -> Value {
        match self {
            Given::Leaf(value) => value.clone(),
            Given::Enum(name) => json!(name),
            Given::List(items) => items.iter().map(Given::json).collect(),
            Given::Object(members) => {
                Value::Object(members.iter().map(|(name, value)| (name.clone(), value.json())).collect::<Map<_, _>>())
            }
            Given::Variable(name) => panic!("a variable's value mentions ${name}"),
        }
    }
}

/// Where a value stands.
#[derive(Clone, Copy)]
struct Place {
    /// Whether it must be there and not null: what is left of keys and orders otherwise is refused, or another order.
    is_certain: bool,
    may_vary: bool,
}

impl Generator<'_> {
    /// A value of an argument.
    pub(super) fn value(&self, state: &mut State<'_>, argument: &InputField, depth: usize) -> Given {
        if let ("limit" | "first" | "last" | "offset" | "skip", "Int") = (&*argument.name, &**argument.ty.name()) {
            return self.amount(state, &argument.name);
        }
        let is_certain = !matches!(&*argument.name, "filter") || argument.ty.is_non_null();
        self.typed(state, &argument.ty, Place { is_certain, may_vary: self.style.is_composed }, depth)
    }

    fn amount(&self, state: &mut State<'_>, argument: &str) -> Given {
        state.size.inputs += 1;
        let number = if matches!(argument, "limit" | "first" | "last") {
            *state.random.pick(&[0, 1, 2, 3, 5, 100])
        } else {
            state.random.below(4)
        };
        let value = Given::Leaf(json!(number));
        if self.style.is_composed && state.random.percent(30) {
            self.variable(state, "Int", Some(value.json()), true)
        } else {
            value
        }
    }

    /// A declared variable of type `Boolean!`, for a directive.
    pub(super) fn boolean_variable(&self, state: &mut State<'_>) -> String {
        let value = state.random.percent(50);
        self.variable(state, "Boolean!", Some(json!(value)), true).to_string()
    }

    fn variable(&self, state: &mut State<'_>, ty: &str, value: Option<Value>, is_certain: bool) -> Given {
        let name = format!("v{}", state.variables.len());
        state.variables.push(Variable { name: name.clone(), ty: ty.to_owned(), default: None, value, is_certain });
        Given::Variable(name)
    }

    fn typed(&self, state: &mut State<'_>, ty: &TypeRef, place: Place, depth: usize) -> Given {
        state.size.inputs += 1;
        if place.may_vary && state.random.percent(12) {
            return self.varying(state, ty, place, depth);
        }
        match ty {
            TypeRef::NonNull(inner) => {
                state.size.inputs -= 1;
                self.typed(state, inner, Place { is_certain: true, ..place }, depth)
            }
            _ if !place.is_certain && state.random.percent(3) => Given::Leaf(Value::Null),
            TypeRef::List(inner) => {
                let n_items = 1 + state.random.below(2);
                let items = (0..n_items).map(|_| self.typed(state, inner, place, depth));
                Given::List(items.collect())
            }
            TypeRef::Named(name) => self.named(state, name, place, depth),
        }
    }

    /// A variable in the place of a value: with and without default, given, null or absent where that is allowed.
    fn varying(&self, state: &mut State<'_>, ty: &TypeRef, place: Place, depth: usize) -> Given {
        let is_certain = place.is_certain || ty.is_non_null();
        let bare = match ty {
            TypeRef::NonNull(inner) => inner,
            TypeRef::List(_) | TypeRef::Named(_) => ty,
        };
        let declared = if is_certain || state.random.percent(30) { format!("{bare}!") } else { bare.to_string() };
        let known: Vec<String> = state
            .variables
            .iter()
            .filter(|variable| variable.ty == declared && (variable.is_certain || !is_certain))
            .map(|variable| variable.name.clone())
            .collect();
        if !known.is_empty() && state.random.percent(40) {
            return Given::Variable(state.random.pick(&known).clone());
        }
        let value = self.typed(state, bare, Place { is_certain: true, may_vary: false }, depth);
        if declared.ends_with('!') {
            return self.variable(state, &declared, Some(value.json()), true);
        }
        let (given, default) = match state.random.below(10) {
            0 => (None, None),
            1 => (Some(Value::Null), None),
            2 => (None, Some(value.to_string())),
            _ => (Some(value.json()), None),
        };
        let variable = self.variable(state, &declared, given, false);
        state.variables.last_mut().expect("it was just made").default = default;
        variable
    }

    fn named(&self, state: &mut State<'_>, name: &str, place: Place, depth: usize) -> Given {
        match &self.definition(name).kind {
            TypeKind::Input(fields) => self.object(state, name, fields, place, depth),
            TypeKind::Enum(values) => Given::Enum(value_of(state, values)),
            TypeKind::Scalar(kind) => Given::Leaf(self.scalar(state, *kind)),
            TypeKind::Object { .. } | TypeKind::Interface { .. } | TypeKind::Union(_) => panic!("{name} is no input"),
        }
    }

    fn object(
        &self,
        state: &mut State<'_>,
        name: &str,
        fields: &IndexMap<std::sync::Arc<str>, InputField>,
        place: Place,
        depth: usize,
    ) -> Given {
        let offered: Vec<&InputField> = fields.values().filter(|field| (self.style.is_member)(&field.name)).collect();
        let mut chosen: Vec<&InputField> = if name.ends_with("OrderBy") || name.ends_with("EntityRelationInput") {
            self.choose(state, &offered, depth, 1)
        } else if name.ends_with("UniqueWhere") {
            // Most keys are one field; the id is the one that every entity has.
            let by_id = offered.iter().copied().find(|input| &*input.name == "id").filter(|_| state.random.percent(40));
            let most = if state.random.percent(70) { 1 } else { 2 };
            by_id.map_or_else(|| self.choose(state, &offered, depth, most), |id| vec![id])
        } else if name.ends_with("Condition") {
            let wanted = *state.random.pick(&["isNull", "eq", "notEq"]);
            let usual = offered.iter().copied().find(|input| &*input.name == wanted).filter(|_| state.random.percent(50));
            usual.map_or_else(|| self.choose(state, &offered, depth, 2), |usual| vec![usual])
        } else {
            self.choose(state, &offered, depth, 2)
        };
        for field in fields.values().filter(|field| field.ty.is_non_null() && field.default.is_none()) {
            if !chosen.iter().any(|chosen| chosen.name == field.name) {
                chosen.push(field);
            }
        }
        let is_certain = name.ends_with("OrderBy") || name.ends_with("UniqueWhere");
        let place = Place { is_certain, ..place };
        let members = chosen.into_iter().map(|field| {
            let is_search = matches!(&*field.name, "_search" | "_relevance") && state.random.percent(70);
            let value = if is_search {
                Given::Leaf(self.search(state))
            } else {
                self.typed(state, &field.ty, place, depth.saturating_sub(1))
            };
            (field.name.to_string(), value)
        });
        Given::Object(members.collect())
    }

    /// Some members of an input object; at the bottom only those that end there.
    fn choose<'i>(&self, state: &mut State<'_>, offered: &[&'i InputField], depth: usize, most: usize) -> Vec<&'i InputField> {
        let ends = |input: &InputField| {
            let ty = input.ty.name();
            self.definition(ty).is_leaf() || ty.ends_with("Condition") && !matches!(&*input.name, "and" | "or" | "not")
        };
        let low: Vec<&InputField> = offered.iter().copied().filter(|input| ends(input)).collect();
        // A key may have relations only; then there is nothing else to say.
        let offered = match (depth, low.is_empty()) {
            (0, true) => return Vec::new(),
            (0 | 1, false) => low,
            _ => offered.to_vec(),
        };
        if offered.is_empty() {
            return Vec::new();
        }
        state.random.some(&offered, most).into_iter().copied().collect()
    }

    /// A text in web-search syntax.
    fn search(&self, state: &mut State<'_>) -> Value {
        state.size.inputs += 1;
        let (one, two) = (state.random.pick(&self.literals.texts), state.random.pick(&self.literals.texts));
        json!(match state.random.below(5) {
            0 => format!("-{one}"),
            1 => format!("{one} or {two}"),
            2 => format!("\"{one} {two}\""),
            _ => format!("{one} {two}"),
        })
    }

    fn scalar(&self, state: &mut State<'_>, kind: ScalarKind) -> Value {
        let (random, literals) = (&mut *state.random, self.literals);
        match kind {
            ScalarKind::Int => json!(random.below(5)),
            ScalarKind::Float => json!(*random.pick(&[0.5, 1.0, 2.0])),
            ScalarKind::Decimal => json!(random.pick(&literals.decimals)),
            ScalarKind::Boolean => json!(random.percent(50)),
            ScalarKind::Uuid | ScalarKind::Id => json!(random.pick(&literals.ids)),
            ScalarKind::DateTime | ScalarKind::Date => json!(random.pick(&literals.times)),
            ScalarKind::Time => json!(random.pick(&literals.clocks)),
            ScalarKind::Json => {
                let text = random.pick(&literals.texts).clone();
                random.pick(&[json!({ "a": 1 }), json!([1, text]), json!({}), json!({ "a": { "b": text } })]).clone()
            }
            ScalarKind::String => json!(random.pick(&literals.texts)),
        }
    }
}

fn value_of(state: &mut State<'_>, values: &[EnumValue]) -> String {
    state.random.pick(values).name.to_string()
}
