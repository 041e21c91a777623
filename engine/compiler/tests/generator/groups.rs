//! Groups: only the keys that are grouped by may be selected and ordered by.

use freehold_compiler::api::{OutputField, TypeDefinition, TypeKind, TypeRef};

use super::operation::State;
use super::{Generator, INPUT_DEPTH};

/// Whether a field's rows are told by the keys that its `by` lists.
pub(super) fn is_group(field: &OutputField) -> bool {
    field.arguments.get("by").is_some_and(|by| match &by.ty {
        TypeRef::NonNull(inner) => matches!(**inner, TypeRef::List(_)),
        TypeRef::Named(_) | TypeRef::List(_) => false,
    })
}

impl Generator<'_> {
    pub(super) fn group(&self, state: &mut State<'_>, field: &OutputField, depth: usize) -> String {
        let TypeKind::Enum(known) = &self.definition(field.arguments["by"].ty.name()).kind else { panic!("keys are an enum") };
        let known: Vec<&str> = known.iter().map(|value| &*value.name).collect();
        let keys: Vec<&str> = state.random.some(&known, 2).into_iter().copied().collect();
        state.size.inputs += keys.len();
        let mut given = vec![format!("by: [{}]", keys.join(", "))];
        for argument in field.arguments.values() {
            let value = match &*argument.name {
                "orderBy" if state.random.percent(60) => format!("[{}]", self.group_order(state, argument.ty.name(), &keys)),
                "filter" if state.random.percent(50) => self.value(state, argument, INPUT_DEPTH).to_string(),
                "limit" | "offset" if state.random.percent(15) => self.value(state, argument, INPUT_DEPTH).to_string(),
                _ => continue,
            };
            given.push(format!("{}: {value}", argument.name));
        }
        let mut chosen = Vec::new();
        for member in self.fields(field.ty.name()) {
            if &*member.name == "key" {
                let values = self.fields(member.ty.name()).filter(|value| keys.contains(&&*value.name));
                let values: Vec<String> = values.map(|value| self.field(state, value, depth.saturating_sub(1))).collect();
                chosen.push(format!("key {{ {} }}", values.join(" ")));
            } else if state.random.percent(40) {
                chosen.push(self.field(state, member, depth));
            }
        }
        format!("{}({}) {{ {} }}", field.name, given.join(", "), chosen.join(" "))
    }

    fn group_order(&self, state: &mut State<'_>, ty: &str, keys: &[&str]) -> String {
        state.size.inputs += 2;
        let direction = *state.random.pick(&["asc", "desc", "ascNullsFirst", "descNullsLast"]);
        let members = |ty: &str| -> Vec<String> {
            let fields = TypeDefinition::input_fields(self.definition(ty));
            fields.into_iter().flat_map(|fields| fields.keys()).map(ToString::to_string).collect()
        };
        let by = state.random.pick(&members(ty)).clone();
        if by == "key" {
            return format!("{{key: {{{}: {direction}}}}}", state.random.pick(keys));
        }
        let below = members(self.definition(ty).input_fields().expect("an order is an input")[by.as_str()].ty.name());
        if below.is_empty() {
            format!("{{{by}: {direction}}}")
        } else {
            format!("{{{by}: {{{}: {direction}}}}}", state.random.pick(&below))
        }
    }
}
