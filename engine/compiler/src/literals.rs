//! Literals as if they were variables, so that texts that differ in them only share one prepared document and its plans.
//!
//! A literal that is compared or stored is taken out of the document; a variable that no client can name takes its place. What its value would be checked for
//! while the document is validated, its scalar type, is checked anew for the literal of each text.

use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value as Json;

use crate::api::{Api, InputField, Meaning, ScalarKind, TypeKind, TypeRef};
use crate::coerce::{Variables, scalars};
use crate::prepare::Prepared;
use crate::selection::Pos;
use crate::syntax::ast::{Argument, Document, Field, OperationType, Selection, SelectionSet, Value, ValueKind};
pub use crate::syntax::outline::Outline;
use crate::syntax::outline::{WRITTEN_ARGUMENTS, is_hole, is_list_hole, outline};

/// A place in a document that a literal was taken out of.
#[derive(Debug, Clone)]
pub(crate) struct Hole {
    /// The name of the variable in its place: digits, which no variable of a client begins with.
    name: Arc<str>,
    kind: ScalarKind,
    pos: Pos,
}

/// The literals of one text, for the holes of the document that it shares.
#[derive(Debug, Clone, Default)]
pub struct Literals(Vec<(Arc<str>, Json)>);

impl Outline {
    /// The outline of a document; None for a text that is too long or no sequence of tokens, which [`crate::prepare::prepare`] refuses.
    #[must_use]
    pub fn of(text: &str, limits: &crate::prepare::Limits) -> Option<Self> {
        if text.len() > limits.bytes { None } else { outline(text, limits.tokens) }
    }

    /// Whether every text with this outline is the same document.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.literals.is_empty()
    }
}

impl Prepared {
    /// Takes out the literals, which `outline` found in the text that this was prepared from. None when one of them must stay: within a value of the scalar Json,
    /// for instance, which is one value to the database.
    #[must_use]
    pub fn share(&self, api: &Api, outline: &Outline) -> Option<Self> {
        let mut document = Document::clone(&self.document);
        let mut holes = Hoisting { api, holes: Vec::new() }.document(&mut document)?;
        holes.sort_by_key(|hole| (hole.pos.line, hole.pos.column));
        // Both found the same ones, each in its own way; were it otherwise, values would go to the wrong places.
        let same = holes.iter().map(|hole| hole.pos).eq(outline.literals.iter().map(|literal| literal.pos));
        same.then(|| self.with_document(document, holes))
    }

    /// The literals of a text with the outline that this was shared under; None when one of them is no value of its type, so that the text is to be refused.
    #[must_use]
    pub fn literals(&self, outline: &Outline) -> Option<Literals> {
        let one = |(hole, literal): (&Hole, &Value)| {
            let value = match &literal.kind {
                ValueKind::List(items) => {
                    items.iter().map(|item| scalars::scalar_from_literal(hole.kind, item).ok()).collect::<Option<Json>>()
                }
                _ => scalars::scalar_from_literal(hole.kind, literal).ok(),
            };
            Some((Arc::clone(&hole.name), value?))
        };
        (self.holes.len() == outline.literals.len()).then_some(())?;
        self.holes.iter().zip(&outline.literals).map(one).collect::<Option<Vec<_>>>().map(Literals)
    }
}

impl Variables {
    /// Puts a text's literals beside the request's variables. They do not change the shape.
    #[must_use]
    pub fn with_literals(mut self, literals: &Literals) -> Self {
        self.values.extend(literals.0.iter().cloned());
        self
    }
}

/// The walk that takes literals out. None: one must stay.
struct Hoisting<'a> {
    api: &'a Api,
    holes: Vec<Hole>,
}

impl Hoisting<'_> {
    fn document(mut self, document: &mut Document) -> Option<Vec<Hole>> {
        for operation in &mut document.operations {
            let root = match operation.ty {
                OperationType::Query => "Query",
                OperationType::Mutation => "Mutation",
                OperationType::Subscription => return None,
            };
            self.selection(root, &mut operation.selection)?;
        }
        for fragment in &mut document.fragments {
            let on = Arc::clone(&fragment.type_condition.text);
            self.selection(&on, &mut fragment.selection)?;
        }
        Some(self.holes)
    }

    fn selection(&mut self, on: &str, set: &mut SelectionSet) -> Option<()> {
        for item in &mut set.items {
            match item {
                Selection::Field(field) => self.field(on, field)?,
                Selection::Inline(inline) => {
                    let on = inline.type_condition.as_ref().map_or(on.into(), |condition| Arc::clone(&condition.text));
                    self.selection(&on, &mut inline.selection)?;
                }
                Selection::Spread(_) => {}
            }
        }
        Some(())
    }

    fn field(&mut self, on: &str, field: &mut Field) -> Option<()> {
        let definition = self.api.output_field(on, &field.name.text)?;
        // Introspection reads the text itself.
        if definition.meaning == Meaning::Introspection {
            return (!field.arguments.iter().any(|argument| holds_hole(&argument.value))).then_some(());
        }
        self.members(&definition.arguments, &mut field.arguments)?;
        let Some(selection) = &mut field.selection else { return Some(()) };
        self.selection(definition.ty.name(), selection)
    }

    fn members(&mut self, fields: &IndexMap<Arc<str>, InputField>, members: &mut [Argument]) -> Option<()> {
        members.iter_mut().try_for_each(|member| {
            let is_written = WRITTEN_ARGUMENTS.contains(&&*member.name.text) && is_hole(&member.value);
            if is_written { Some(()) } else { self.value(&fields.get(&member.name.text)?.ty, &mut member.value) }
        })
    }

    fn value(&mut self, ty: &TypeRef, value: &mut Value) -> Option<()> {
        if is_hole(value) {
            return self.take(ty, value);
        }
        let is_whole = matches!(&value.kind, ValueKind::List(items) if is_list_hole(items));
        match (bare(ty), &mut value.kind) {
            (TypeRef::List(inner), ValueKind::List(_)) if is_whole => self.take(inner, value),
            (TypeRef::List(inner), ValueKind::List(items)) => items.iter_mut().try_for_each(|item| self.value(inner, item)),
            (TypeRef::List(inner), ValueKind::Object(_)) => self.value(inner, value),
            (TypeRef::Named(name), ValueKind::Object(members)) => {
                match self.api.types.get(name).map(|definition| &definition.kind) {
                    Some(TypeKind::Input(fields)) => self.members(fields, members),
                    _ => (!holds_hole(value)).then_some(()),
                }
            }
            _ => (!holds_hole(value)).then_some(()),
        }
    }

    /// Takes out a literal at a place of type `ty`.
    fn take(&mut self, ty: &TypeRef, value: &mut Value) -> Option<()> {
        let TypeRef::Named(name) = bare(ty) else { return None };
        let TypeKind::Scalar(kind) = self.api.types.get(name)?.kind else { return None };
        if kind == ScalarKind::Json {
            return None;
        }
        let name: Arc<str> = format!("{}:{}", value.pos.line, value.pos.column).into();
        value.kind = ValueKind::Variable(Arc::clone(&name));
        self.holes.push(Hole { name, kind, pos: value.pos });
        Some(())
    }
}

fn bare(ty: &TypeRef) -> &TypeRef {
    if let TypeRef::NonNull(inner) = ty { inner } else { ty }
}

fn holds_hole(value: &Value) -> bool {
    match &value.kind {
        ValueKind::List(items) => items.iter().any(holds_hole),
        ValueKind::Object(members) => members.iter().any(|member| holds_hole(&member.value)),
        ValueKind::Variable(_)
        | ValueKind::Int(_)
        | ValueKind::Float(_)
        | ValueKind::String { .. }
        | ValueKind::Boolean(_)
        | ValueKind::Null
        | ValueKind::Enum(_) => is_hole(value),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use freehold_schema::names::RoleName;

    use super::*;
    use crate::caller::{Caller, Membership};
    use crate::permissions::Permissions;
    use crate::plan::Plan;
    use crate::prepare::{Limits, prepare};
    use crate::testing::{api, blog};

    const LIMITS: fn() -> Limits = Limits::default;

    fn outline_of(text: &str) -> Outline {
        Outline::of(text, &LIMITS()).unwrap()
    }

    fn shared(text: &str) -> Option<Prepared> {
        let api = api(&blog(), &["admin"]);
        prepare(&api, text, None, &LIMITS()).unwrap().share(&api, &outline_of(text))
    }

    #[test]
    fn texts_that_differ_in_values_have_one_outline() {
        let outline = outline_of("{ listArticle(filter: {slug: {eq: \"a\"}, rank: {in: [1, 2]}}, limit: 3) { id } } # so\n").text;
        let same = outline_of("{listArticle(filter:{slug:{eq:\"other\"} rank:{in:[7]}} limit:3){id}}").text;
        assert_eq!(outline, same);
        assert_eq!(outline, "{ listArticle( filter:{ slug:{ eq:%s0} rank:{ in:%I1}} limit: 3){ id}}");
        for other in [
            "{ listArticle(filter: {slug: {eq: \"a\"}, rank: {in: [1, 2]}}, limit: 4) { id } }",
            "{ listArticle(filter: {slug: {eq: 1}, rank: {in: [1, 2]}}, limit: 3) { id } }",
            "{ listArticle(filter: {slug: {eq: \"a\"}, rank: {in: []}}, limit: 3) { id } }",
            "{ listArticle(filter: {slug: {eq: \"a\"}, rank: {in: [1, null]}}, limit: 3) { id } }",
            "{ listArticle(filter: {slug: {eq: \"a\"}, rank: {in: [-1]}}, limit: 3) { id } }",
        ] {
            assert_ne!(outline_of(other).text, outline, "{other}");
        }
        assert!(Outline::of("{ a(b: \"", &LIMITS()).is_none());
        assert!(Outline::of("{ a", &Limits { tokens: 1, ..LIMITS() }).is_none());
    }

    #[test]
    fn equal_literals_are_told_from_different_ones() {
        let pair =
            |a: &str, b: &str| format!("{{ x: getTag(by: {{name: {a}}}) {{ id }} x: getTag(by: {{name: {b}}}) {{ id }} }}");
        let equal = outline_of(&pair("\"a\"", "\"a\"")).text;
        assert_eq!(equal, outline_of(&pair("\"b\"", "\"b\"")).text);
        assert_ne!(equal, outline_of(&pair("\"a\"", "\"b\"")).text);
        let invalid = prepare(&api(&blog(), &["admin"]), &pair("\"a\"", "\"b\""), None, &LIMITS());
        assert!(invalid.is_err(), "such fields cannot be merged");
    }

    #[test]
    fn what_a_literal_must_be_is_checked_for_each_text() {
        let text =
            |id: &str, rank: &str| format!("{{ listArticle(filter: {{id: {{eq: {id}}}, rank: {{in: [{rank}]}}}}) {{ id }} }}");
        let id = "\"11111111-1111-1111-1111-111111111111\"";
        let prepared = shared(&text(id, "1, 2")).unwrap();
        assert!(prepared.literals(&outline_of(&text("\"22222222222222222222222222222222\"", "5"))).is_some());
        assert!(prepared.literals(&outline_of(&text("\"no uuid\"", "5"))).is_none());
        assert!(prepared.literals(&outline_of(&text(id, "3000000000"))).is_none());
    }

    #[test]
    fn a_document_keeps_literals_that_are_part_of_the_plan() {
        for text in [
            "mutation { createArticle(data: {slug: \"a\", meta: {a: 1}}) { ok } }",
            "{ __type(name: \"Article\") { name } }",
            "query($n: String = \"a\") { getTag(by: {name: $n}) { id } listTag(filter: {name: {in: \"a\"}}) { id } }",
        ] {
            assert!(shared(text).is_none(), "{text}");
        }
        for text in [
            "mutation { createArticle(data: {slug: \"a\", meta: {a: true}, keywords: [\"a\", \"b\"]}) { ok } }",
            "query($n: String = \"a\", $l: [Int!] = [1]) { getTag(by: {name: $n}) { id } listArticle(filter: {rank: {in: $l}}) { id } }",
            "{ listTag(orderBy: [{_randomSeeded: 3}], offset: 2, limit: 1) { ...F } } fragment F on Tag { articles(filter: {rank: {gt: 3}}) { id } }",
            "{ listArticle(filter: {rank: {eq: -1}}) { ... on Article { id } } }",
        ] {
            assert!(shared(text).is_some(), "{text}");
        }
    }

    /// The statement of a text, and its binds as they are for that text.
    fn statement(prepared: &Prepared, literals: &Literals) -> String {
        let schema = blog();
        let admin = Membership { role: RoleName::new("admin"), variables: BTreeMap::new() };
        let caller = Caller::resolve_stored(&schema, None, &[admin]);
        let permissions = Permissions::new(&schema, caller.role_set());
        let api = Api::build(&schema, &permissions);
        let variables = prepared.coerce(&api, &serde_json::Map::new()).unwrap().with_literals(literals);
        let Plan::Query(plan) = crate::compile::compile(&schema, &permissions, &api, prepared, &variables, &caller).unwrap()
        else {
            panic!("a query")
        };
        let statement = plan.statement.unwrap();
        let steps = crate::bind::StepOutputs::new();
        let context = crate::bind::BindContext {
            variables: &variables,
            caller: &caller,
            new_ids: &[],
            now: "",
            authorship: "00000000-0000-0000-0000-000000000001 request ",
            marker: "",
            cipher: None,
            steps: &steps,
        };
        format!("{} {:?}", statement.sql(), statement.bind(&context).unwrap())
    }

    #[test]
    fn a_shared_plan_has_the_statement_and_the_values_of_each_text() {
        let api = api(&blog(), &["admin"]);
        let text = |slug: &str, ranks: &str, offset: &str| {
            format!(
                "{{ listArticle(filter: {{slug: {{startsWith: {slug}}}, rank: {{in: {ranks}}}}}, offset: {offset}) {{ title }} }}"
            )
        };
        let first = shared(&text("\"a\"", "[1, 2]", "3")).unwrap();
        for text in [text("\"a\"", "[1, 2]", "3"), text("\"b%\"", "[7]", "4")] {
            let alone = prepare(&api, &text, None, &LIMITS()).unwrap();
            let literals = first.literals(&outline_of(&text)).unwrap();
            assert_eq!(statement(&first, &literals), statement(&alone, &Literals::default()), "{text}");
        }
    }
}
