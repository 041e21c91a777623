//! Random valid operations of an API: nested relations, filters, orders, cuts, totals, keys, aggregates, groups; with aliases, fragments, directives and variables.
//!
//! It looks at the types only, so what an API gains is asked for as well. The compiler's property tests use it, and so do the tests that send operations to
//! an engine (`tests/it/random.rs`).

mod groups;
mod inputs;
mod operation;
pub mod random;

use std::sync::Arc;

use freehold_compiler::api::{Api, OutputField, TypeDefinition, TypeKind};

use groups::is_group;
pub use operation::Operation;
use operation::{Fragment, State};
use random::Random;

/// What operations may use.
#[derive(Clone, Copy)]
pub struct Style {
    /// `Query` or `Mutation`.
    pub root: &'static str,
    /// Root fields that are asked for.
    pub is_root: fn(&str) -> bool,
    /// Relations inside each other, below a root field.
    pub depth: usize,
    /// Members of input objects that are given.
    pub is_member: fn(&str) -> bool,
    /// Whether there are fragments, directives and variables.
    pub is_composed: bool,
}

impl Style {
    /// Reads of rows, with everything that has the same outcome each time.
    pub const READS: Style = Style {
        root: "Query",
        is_root: |name| ["get", "list", "paginate", "aggregate", "group"].iter().any(|start| name.starts_with(start)),
        depth: 3,
        // The operators of pg_trgm need the extension, and chance is different each time.
        is_member: |name| !matches!(name, "similar" | "wordSimilar" | "_random"),
        is_composed: true,
    };
}

/// Values to write: such as occur in the data, so that filters and keys hit something, or such as are recognised wherever they turn up.
#[derive(Debug, Clone)]
pub struct Literals {
    pub ids: Vec<String>,
    pub texts: Vec<String>,
    /// Times of day and instants, as text.
    pub times: Vec<String>,
    pub clocks: Vec<String>,
    pub decimals: Vec<String>,
}

/// Generates operations of one API.
pub struct Generator<'a> {
    api: &'a Api,
    style: Style,
    literals: &'a Literals,
}

/// Which response keys a selection may use.
#[derive(Clone, Copy, PartialEq)]
enum Keys {
    /// Names of fields: nothing else is merged with it.
    Names,
    /// Names of leaves: it is merged with others of the same type.
    NamesOfLeaves,
    /// None but aliases: it is merged with others whose fields have the same names and other types.
    Aliases,
}

/// Input objects inside each other.
const INPUT_DEPTH: usize = 4;

impl<'a> Generator<'a> {
    pub fn new(api: &'a Api, style: Style, literals: &'a Literals) -> Self {
        Generator { api, style, literals }
    }

    /// A new operation; its root fields have the aliases `r0`, `r1`, ….
    pub fn operation(&self, random: &mut Random) -> Operation {
        let mut state = State::new(random);
        let is_transaction = self.style.root == "Query" && state.random.percent(10);
        let root = if is_transaction { "QueryTransaction" } else { self.style.root };
        let offered: Vec<&OutputField> = self.fields(root).filter(|field| (self.style.is_root)(&field.name)).collect();
        let n_roots = 1 + state.random.below(3);
        let roots: Vec<String> = (0..n_roots)
            .map(|index| {
                let field = *state.random.pick(&offered);
                format!("r{index}: {}", self.field(&mut state, field, self.style.depth))
            })
            .collect();
        state.finish(self.style.root, roots, is_transaction)
    }

    /// A value of one argument of a root field.
    pub fn argument(&self, random: &mut Random, root: &str, argument: &str) -> String {
        let field = self.fields(self.style.root).find(|field| *field.name == *root).expect("the API has this root field");
        self.value(&mut State::new(random), &field.arguments[argument], INPUT_DEPTH).to_string()
    }

    fn definition(&self, ty: &str) -> &'a TypeDefinition {
        &self.api.types[ty]
    }

    fn fields(&self, ty: &str) -> impl Iterator<Item = &'a OutputField> {
        self.definition(ty).output_fields().into_iter().flat_map(|fields| fields.values())
    }

    fn field(&self, state: &mut State<'_>, field: &OutputField, depth: usize) -> String {
        state.size.fields += 1;
        if is_group(field) {
            return self.group(state, field, depth);
        }
        let arguments = self.arguments(state, field);
        let directive = self.directive(state);
        let selection = if self.definition(field.ty.name()).is_leaf() {
            String::new()
        } else {
            format!(" {{ {} }}", self.selection(state, field.ty.name(), depth, Keys::Names))
        };
        format!("{}{arguments}{directive}{selection}", field.name)
    }

    /// Fields of a type.
    fn selection(&self, state: &mut State<'_>, ty: &str, depth: usize, keys: Keys) -> String {
        let mut chosen: Vec<String> = Vec::new();
        for field in self.fields(ty).filter(|field| !is_root(ty) || (self.style.is_root)(&field.name)) {
            let is_deeper = !field.arguments.is_empty() && !self.definition(field.ty.name()).is_leaf();
            let chance = match &*field.name {
                // There are many of them.
                _ if is_deeper && field.arguments.contains_key("by") && !is_group(field) => 6,
                "id" | "edges" | "node" => 85,
                "_meta" => 15,
                _ if is_deeper => 22,
                _ => 60,
            };
            if (depth == 0 && is_deeper) || !state.random.percent(chance) {
                continue;
            }
            let text = self.field(state, field, depth - usize::from(is_deeper));
            let is_plain = field.arguments.is_empty() && self.definition(field.ty.name()).is_leaf();
            let may_have_name = keys == Keys::Names || keys == Keys::NamesOfLeaves && is_plain;
            let has_name = may_have_name && !state.random.percent(10);
            chosen.push(if has_name { text } else { format!("{}: {text}", state.alias()) });
        }
        self.other_types(state, ty, depth, &mut chosen);
        if self.style.is_composed {
            self.compose(state, ty, depth, keys, &mut chosen);
        }
        if chosen.is_empty() || state.random.percent(5) {
            state.size.fields += 1;
            chosen.push("__typename".to_owned());
        }
        chosen.join(" ")
    }

    /// Of an interface or union: what its objects have beyond it.
    fn other_types(&self, state: &mut State<'_>, ty: &str, depth: usize, chosen: &mut Vec<String>) {
        if matches!(self.definition(ty).kind, TypeKind::Object { .. }) {
            return;
        }
        for object in self.api.possible_types(ty) {
            if state.random.percent(60) {
                let selection = self.selection(state, &object.name, depth, Keys::Aliases);
                chosen.push(format!("... on {} {{ {selection} }}", object.name));
            }
        }
    }

    /// The same relation once more, the same field once more, fragments.
    fn compose(&self, state: &mut State<'_>, ty: &str, depth: usize, keys: Keys, chosen: &mut Vec<String>) {
        let relations: Vec<&OutputField> =
            self.fields(ty).filter(|field| !field.arguments.is_empty() && !self.definition(field.ty.name()).is_leaf()).collect();
        if depth > 0 && !is_root(ty) && !relations.is_empty() && state.random.percent(15) {
            let relation = *state.random.pick(&relations);
            let text = self.field(state, relation, depth - 1);
            chosen.push(format!("{}: {text}", state.alias()));
        }
        if keys == Keys::Aliases {
            return;
        }
        if state.random.percent(10) {
            let (directive, on) =
                (self.directive(state), if state.random.percent(50) { format!(" on {ty}") } else { String::new() });
            let selection = self.selection(state, ty, depth.saturating_sub(1), Keys::NamesOfLeaves);
            chosen.push(format!("...{on}{directive} {{ {selection} }}"));
        }
        if state.random.percent(12) {
            let name = self.fragment(state, ty, depth);
            let directive = self.directive(state);
            chosen.push(format!("...{name}{directive}"));
        }
    }

    /// A fragment of the type that is no deeper than allowed: an earlier one, or a new one.
    fn fragment(&self, state: &mut State<'_>, ty: &str, depth: usize) -> String {
        let fits = |fragment: &&Fragment| *fragment.on == *ty && fragment.depth <= depth;
        if let Some(known) = state.fragments.iter().rev().find(fits)
            && state.random.percent(50)
        {
            state.size += known.size;
            return known.name.clone();
        }
        let before = state.size;
        let selection = self.selection(state, ty, depth.saturating_sub(1), Keys::NamesOfLeaves);
        let name = format!("F{}", state.fragments.len());
        let size = state.size - before;
        state.fragments.push(Fragment { name: name.clone(), on: Arc::from(ty), depth, selection, size });
        name
    }

    fn directive(&self, state: &mut State<'_>) -> String {
        if !self.style.is_composed || !state.random.percent(6) {
            return String::new();
        }
        let kind = *state.random.pick(&["skip", "include"]);
        let value = if state.random.percent(50) {
            state.random.pick(&["true", "false"]).to_string()
        } else {
            self.boolean_variable(state)
        };
        format!(" @{kind}(if: {value})")
    }

    fn arguments(&self, state: &mut State<'_>, field: &OutputField) -> String {
        let is_cut = state.random.percent(50);
        let mut given = Vec::new();
        for argument in field.arguments.values() {
            let is_given = match &*argument.name {
                _ if argument.ty.is_non_null() => true,
                "filter" => state.random.percent(55),
                "orderBy" => state.random.percent(60),
                "limit" | "first" => is_cut,
                "offset" | "skip" => is_cut && state.random.percent(30),
                "last" => !is_cut && state.random.percent(30),
                // A cursor comes from an earlier answer.
                "after" | "before" => false,
                _ => state.random.percent(50),
            };
            if is_given {
                let value = self.value(state, argument, INPUT_DEPTH);
                given.push(format!("{}: {value}", argument.name));
            }
        }
        if given.is_empty() { String::new() } else { format!("({})", given.join(", ")) }
    }
}

/// Whether fields of the type are root fields.
fn is_root(ty: &str) -> bool {
    matches!(ty, "Query" | "QueryTransaction" | "Mutation" | "MutationTransaction")
}
