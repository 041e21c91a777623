//! A generated operation, and what is noted while it is made.

use std::fmt::Write as _;
use std::ops::{AddAssign, Sub};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::random::Random;

/// How much an operation asks for, fragments expanded.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    pub fields: usize,
    /// Input objects, lists and leaves.
    pub inputs: usize,
}

impl AddAssign for Size {
    fn add_assign(&mut self, other: Size) {
        self.fields += other.fields;
        self.inputs += other.inputs;
    }
}

impl Sub for Size {
    type Output = Size;

    fn sub(self, other: Size) -> Size {
        Size { fields: self.fields - other.fields, inputs: self.inputs - other.inputs }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Fragment {
    pub name: String,
    pub on: Arc<str>,
    pub depth: usize,
    pub selection: String,
    pub size: Size,
}

#[derive(Debug, Clone)]
pub(super) struct Variable {
    pub name: String,
    /// As declared, with its wrappers.
    pub ty: String,
    pub default: Option<String>,
    /// None when the request does not give it.
    pub value: Option<Value>,
    /// Whether it always has a value other than null.
    pub is_certain: bool,
}

/// One operation.
#[derive(Debug, Clone)]
pub struct Operation {
    root: &'static str,
    /// Root fields, each with its alias.
    pub roots: Vec<String>,
    is_transaction: bool,
    fragments: Vec<Fragment>,
    variables: Vec<Variable>,
    /// Of the whole operation.
    pub size: Size,
}

impl Operation {
    /// The document: with those fragments and variables that its root fields use.
    pub fn text(&self) -> String {
        let roots = self.roots.join("\n");
        let fragments = self.used_fragments(&roots);
        let mut definitions = String::new();
        for fragment in &fragments {
            let _ = write!(definitions, "\nfragment {} on {} {{ {} }}", fragment.name, fragment.on, fragment.selection);
        }
        let declared: Vec<String> = self
            .variables
            .iter()
            .filter(|variable| mentions(&roots, "$", &variable.name) || mentions(&definitions, "$", &variable.name))
            .map(|variable| {
                let default = variable.default.as_ref().map_or_else(String::new, |default| format!(" = {default}"));
                format!("${}: {}{default}", variable.name, variable.ty)
            })
            .collect();
        let declared = if declared.is_empty() { String::new() } else { format!(" R({})", declared.join(", ")) };
        let keyword = self.root.to_ascii_lowercase();
        let roots = if self.is_transaction { format!("transaction {{ {roots} }}") } else { roots };
        format!("{keyword}{declared} {{ {roots} }}{definitions}")
    }

    /// Values of its variables, more than [`Operation::text`] may declare.
    pub fn variables(&self) -> Map<String, Value> {
        self.variables.iter().filter_map(|variable| Some((variable.name.clone(), variable.value.clone()?))).collect()
    }

    /// The same with one of its root fields.
    pub fn single(&self, root: usize) -> Operation {
        Operation { roots: vec![self.roots[root].clone()], ..self.clone() }
    }

    fn used_fragments(&self, roots: &str) -> Vec<&Fragment> {
        let mut used: Vec<&Fragment> = Vec::new();
        // A fragment only spreads earlier ones.
        for fragment in self.fragments.iter().rev() {
            let is_used = |text: &str| mentions(text, "...", &fragment.name);
            if is_used(roots) || used.iter().any(|user| is_used(&user.selection)) {
                used.push(fragment);
            }
        }
        used
    }
}

/// Whether the text has the name with that prefix as a whole word.
fn mentions(text: &str, prefix: &str, name: &str) -> bool {
    let word = format!("{prefix}{name}");
    text.match_indices(&word).any(|(at, _)| !text[at + word.len()..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_'))
}

/// What is noted while an operation is made.
pub(super) struct State<'r> {
    pub random: &'r mut Random,
    pub fragments: Vec<Fragment>,
    pub variables: Vec<Variable>,
    pub size: Size,
    n_aliases: usize,
}

impl<'r> State<'r> {
    pub fn new(random: &'r mut Random) -> Self {
        State { random, fragments: Vec::new(), variables: Vec::new(), size: Size::default(), n_aliases: 0 }
    }

    /// A response key that nothing else has. Some look like the names that SQL gives to rows.
    pub fn alias(&mut self) -> String {
        self.n_aliases += 1;
        format!("{}{}", self.random.pick(&["t", "again_", "select"]), self.n_aliases)
    }

    pub fn finish(self, root: &'static str, roots: Vec<String>, is_transaction: bool) -> Operation {
        let (fragments, variables, size) = (self.fragments, self.variables, self.size);
        Operation { root, roots, is_transaction, fragments, variables, size }
    }
}
