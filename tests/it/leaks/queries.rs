//! Random queries of one role, made from what introspection tells that role: nested relations, filters, orders, cuts, totals, keys, aggregates, groups.

use std::collections::HashMap;

use serde::Deserialize;

use super::random::Random;

/// Asks for as much of the types as the generator looks at.
pub const INTROSPECTION: &str = "{ __schema { types { name kind enumValues { name } inputFields { name type { ...T } }
    fields { name args { name type { ...T } } type { ...T } } } } }
  fragment T on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }";

#[derive(Deserialize)]
struct Type {
    name: String,
    kind: String,
    #[serde(rename = "enumValues")]
    values: Option<Vec<EnumValue>>,
    #[serde(rename = "inputFields")]
    inputs: Option<Vec<Input>>,
    fields: Option<Vec<Field>>,
}

#[derive(Deserialize)]
struct EnumValue {
    name: String,
}

#[derive(Deserialize)]
struct Field {
    name: String,
    args: Vec<Input>,
    #[serde(rename = "type")]
    ty: Reference,
}

#[derive(Deserialize)]
struct Input {
    name: String,
    #[serde(rename = "type")]
    ty: Reference,
}

#[derive(Deserialize)]
struct Reference {
    kind: String,
    name: Option<String>,
    #[serde(rename = "ofType")]
    inner: Option<Box<Reference>>,
}

impl Reference {
    fn name(&self) -> &str {
        self.inner.as_ref().map_or_else(|| self.name.as_deref().unwrap(), |inner| inner.name())
    }

    fn is_list(&self) -> bool {
        self.kind == "LIST" || self.inner.as_ref().is_some_and(|inner| inner.is_list())
    }
}

/// One operation; its root fields have the aliases `r0`, `r1`, ….
pub struct Query {
    pub roots: Vec<String>,
    is_transaction: bool,
}

impl Query {
    pub fn text(&self) -> String {
        let roots = self.roots.join("\n");
        if self.is_transaction { format!("{{ transaction {{ {roots} }} }}") } else { format!("{{ {roots} }}") }
    }

    /// The same with one of its root fields.
    pub fn single(&self, root: usize) -> Query {
        Query { roots: vec![self.roots[root].clone()], is_transaction: self.is_transaction }
    }
}

/// GraphQL literals that occur in the data, so that filters and keys hit something, seen or unseen.
pub struct Literals {
    pub ids: Vec<String>,
    pub texts: &'static [&'static str],
    pub times: &'static [&'static str],
}

pub struct Generator<'a> {
    types: HashMap<String, Type>,
    literals: &'a Literals,
}

/// Relations inside each other, below a root field.
const DEPTH: usize = 3;
/// Input objects inside each other.
const INPUT_DEPTH: usize = 4;

impl<'a> Generator<'a> {
    pub fn new(introspection: &serde_json::Value, literals: &'a Literals) -> Self {
        let types: Vec<Type> = serde_json::from_value(introspection["data"]["__schema"]["types"].clone())
            .unwrap_or_else(|error| panic!("{error}: {introspection}"));
        Generator { types: types.into_iter().map(|ty| (ty.name.clone(), ty)).collect(), literals }
    }

    pub fn query(&self, random: &mut Random) -> Query {
        let offered: Vec<&Field> = self.fields("Query").iter().filter(|field| is_read(&field.name)).collect();
        let n_roots = 1 + random.below(3);
        let roots = (0..n_roots).map(|index| {
            let field = *random.pick(&offered);
            format!("r{index}: {}", self.field(random, field, DEPTH))
        });
        Query { roots: roots.collect(), is_transaction: random.percent(10) }
    }

    fn fields(&self, ty: &str) -> &[Field] {
        self.types[ty].fields.as_deref().unwrap()
    }

    fn is_leaf(&self, ty: &str) -> bool {
        matches!(self.types[ty].kind.as_str(), "SCALAR" | "ENUM")
    }

    fn field(&self, random: &mut Random, field: &Field, depth: usize) -> String {
        if is_group(field) {
            return self.group(random, field, depth);
        }
        let arguments = self.arguments(random, field);
        let selection = self.selection(random, field.ty.name(), depth);
        format!("{}{arguments}{selection}", field.name)
    }

    /// Groups by some keys: only those may be selected and ordered by.
    fn group(&self, random: &mut Random, field: &Field, depth: usize) -> String {
        let by = &field.args.iter().find(|argument| argument.name == "by").unwrap().ty;
        let known = self.types[by.name()].values.as_deref().unwrap();
        let keys: Vec<&str> = random.some(known, 2).into_iter().map(|value| value.name.as_str()).collect();
        let mut given = vec![format!("by: [{}]", keys.join(", "))];
        for argument in &field.args {
            let value = match argument.name.as_str() {
                "filter" if random.percent(50) => self.input(random, argument.ty.name(), INPUT_DEPTH),
                "orderBy" if random.percent(60) => format!("[{}]", self.group_order(random, argument.ty.name(), &keys)),
                "limit" if random.percent(20) => random.pick(&["1", "2", "100"]).to_string(),
                "offset" if random.percent(10) => random.below(3).to_string(),
                _ => continue,
            };
            given.push(format!("{}: {value}", argument.name));
        }
        let mut chosen = Vec::new();
        for member in self.fields(field.ty.name()) {
            if member.name == "key" {
                let values = self.fields(member.ty.name()).iter().filter(|value| keys.contains(&value.name.as_str()));
                let values: Vec<String> = values.map(|value| self.field(random, value, depth.saturating_sub(1))).collect();
                chosen.push(format!("key {{ {} }}", values.join(" ")));
            } else if random.percent(40) {
                chosen.push(self.field(random, member, depth));
            }
        }
        format!("{}({}) {{ {} }}", field.name, given.join(", "), chosen.join(" "))
    }

    fn group_order(&self, random: &mut Random, ty: &str, keys: &[&str]) -> String {
        let direction = random.pick(&["asc", "desc", "ascNullsFirst", "descNullsLast"]);
        let by = random.pick(self.types[ty].inputs.as_deref().unwrap());
        if by.name == "key" {
            return format!("{{key: {{{}: {direction}}}}}", random.pick(keys));
        }
        match &self.types[by.ty.name()].inputs {
            None => format!("{{{}: {direction}}}", by.name),
            Some(fields) => format!("{{{}: {{{}: {direction}}}}}", by.name, random.pick(fields).name),
        }
    }

    fn selection(&self, random: &mut Random, ty: &str, depth: usize) -> String {
        if self.is_leaf(ty) {
            return String::new();
        }
        let mut chosen = Vec::new();
        while chosen.is_empty() {
            for field in self.fields(ty) {
                let is_relation = !field.args.is_empty();
                let is_lookup = field.args.iter().any(|argument| argument.name == "by") && !is_group(field);
                let is_wanted = match field.name.as_str() {
                    // There are many of them.
                    _ if is_lookup => depth > 0 && random.percent(6),
                    "id" | "edges" | "node" => random.percent(85),
                    "_meta" => random.percent(15),
                    _ if is_relation => depth > 0 && random.percent(22),
                    _ => random.percent(60),
                };
                if is_wanted {
                    chosen.push(self.field(random, field, depth - usize::from(is_relation)));
                }
            }
        }
        if depth > 0 && random.percent(15) {
            // The same relation once more, with other arguments.
            let relations: Vec<&Field> = self.fields(ty).iter().filter(|field| !field.args.is_empty()).collect();
            if !relations.is_empty() {
                let relation = *random.pick(&relations);
                chosen.push(format!("again: {}", self.field(random, relation, depth - 1)));
            }
        }
        format!(" {{ {} }}", chosen.join(" "))
    }

    fn arguments(&self, random: &mut Random, field: &Field) -> String {
        let is_cut = random.percent(50);
        let mut given = Vec::new();
        for argument in &field.args {
            let value = match argument.name.as_str() {
                "by" => self.input(random, argument.ty.name(), INPUT_DEPTH),
                "filter" if random.percent(55) => self.input(random, argument.ty.name(), INPUT_DEPTH),
                "orderBy" if random.percent(60) => self.list(random, argument.ty.name(), INPUT_DEPTH),
                "limit" | "first" if is_cut => random.pick(&["0", "1", "2", "3", "5", "100"]).to_string(),
                "offset" | "skip" if is_cut && random.percent(30) => random.below(4).to_string(),
                "last" if !is_cut && random.percent(30) => random.below(4).to_string(),
                "filter" | "orderBy" | "limit" | "first" | "offset" | "skip" | "after" | "before" | "last" => continue,
                other => panic!("the generator does not know the argument `{other}` of `{}`", field.name),
            };
            given.push(format!("{}: {value}", argument.name));
        }
        if given.is_empty() { String::new() } else { format!("({})", given.join(", ")) }
    }

    fn list(&self, random: &mut Random, ty: &str, depth: usize) -> String {
        let n_items = 1 + random.below(2);
        let items: Vec<String> = (0..n_items).map(|_| self.input(random, ty, depth)).collect();
        format!("[{}]", items.join(", "))
    }

    fn input(&self, random: &mut Random, ty: &str, depth: usize) -> String {
        let definition = &self.types[ty];
        let Some(inputs) = &definition.inputs else { return self.literal(random, definition) };
        let chosen = if ty.ends_with("OrderBy") {
            self.choose(random, inputs, depth, 1, |name| name != "_random")
        } else if ty.ends_with("UniqueWhere") {
            // Most keys are one field; the id is the one that every entity has.
            let by_id = inputs.iter().find(|input| input.name == "id").filter(|_| random.percent(40));
            let most = if random.percent(70) { 1 } else { 2 };
            by_id.map_or_else(|| self.choose(random, inputs, depth, most, |_| true), |id| vec![id])
        } else if ty.ends_with("Condition") {
            let usual = inputs.iter().find(|input| input.name == *random.pick(&["isNull", "eq", "notEq"]));
            // The operators of pg_trgm need the extension.
            let offered = |name: &str| !matches!(name, "similar" | "wordSimilar");
            usual
                .filter(|_| random.percent(50))
                .map_or_else(|| self.choose(random, inputs, depth, 2, offered), |usual| vec![usual])
        } else {
            self.choose(random, inputs, depth, 2, |_| true)
        };
        let members = chosen.into_iter().map(|input| {
            let (name, depth) = (input.ty.name(), depth.saturating_sub(1));
            let value = if matches!(input.name.as_str(), "_search" | "_relevance") {
                format!("\"{}\"", self.search(random))
            } else if input.ty.is_list() {
                self.list(random, name, depth)
            } else {
                self.input(random, name, depth)
            };
            format!("{}: {value}", input.name)
        });
        format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
    }

    /// Some members of an input object; at the bottom only those that end there.
    fn choose<'i>(
        &self,
        random: &mut Random,
        inputs: &'i [Input],
        depth: usize,
        most: usize,
        is_offered: impl Fn(&str) -> bool,
    ) -> Vec<&'i Input> {
        let ends = |input: &Input| {
            self.is_leaf(input.ty.name())
                || input.ty.name().ends_with("Condition") && !matches!(input.name.as_str(), "and" | "or" | "not")
        };
        let offered: Vec<&Input> = inputs.iter().filter(|input| is_offered(&input.name)).collect();
        let low: Vec<&Input> = offered.iter().copied().filter(|input| ends(input)).collect();
        // A key may have relations only; then there is nothing else to say.
        let offered = match (depth, low.is_empty()) {
            (0, true) => return Vec::new(),
            (0 | 1, false) => low,
            _ => offered,
        };
        random.some(&offered, most).into_iter().copied().collect()
    }

    /// A text in web-search syntax.
    fn search(&self, random: &mut Random) -> String {
        let (one, two) = (random.pick(self.literals.texts), random.pick(self.literals.texts));
        match random.below(6) {
            0 => format!("-{one}"),
            1 => format!("{one} or {two}"),
            2 => format!("{one} {two}"),
            3 => format!("\\\"{one} {two}\\\""),
            _ => one.to_string(),
        }
    }

    fn literal(&self, random: &mut Random, ty: &Type) -> String {
        if let Some(values) = ty.values.as_ref().filter(|values| !values.is_empty()) {
            return random.pick(values).name.clone();
        }
        match ty.name.as_str() {
            "Int" => random.below(5).to_string(),
            "Float" => random.pick(&["0.5", "1", "2"]).to_string(),
            "Decimal" => random.pick(&["\"1\"", "\"2.5\"", "\"12.5\""]).to_string(),
            "Boolean" => random.pick(&["true", "false"]).to_string(),
            "UUID" => format!("\"{}\"", random.pick(&self.literals.ids)),
            "DateTime" | "Date" => format!("\"{}\"", random.pick(self.literals.times)),
            "Time" => random.pick(&["\"13:45\"", "\"08:00\""]).to_string(),
            "Json" => random.pick(&["{a: 1}", "[1]", "{}"]).to_string(),
            // Text, and its aliases.
            _ => format!("\"{}\"", random.pick(self.literals.texts)),
        }
    }
}

/// Whether a field's rows are told by the keys that its `by` lists.
fn is_group(field: &Field) -> bool {
    field.args.iter().any(|argument| argument.name == "by" && argument.ty.is_list())
}

fn is_read(root: &str) -> bool {
    ["get", "list", "paginate", "aggregate", "group"].iter().any(|start| root.starts_with(start))
}
