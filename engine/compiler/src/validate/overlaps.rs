//! Rule OverlappingFieldsCanBeMerged (GraphQL October 2021, 5.3.2 "FieldsInSetCanMerge").
//!
//! Fields with the same response key are compared in pairs, as graphql-js does it. A document can hold very many such pairs, so a pair is compared once and the
//! number of pairs is bounded.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use indexmap::IndexMap;

use super::{Context, Rule};
use crate::api::{OutputField, TypeDefinition, TypeKind, TypeRef};
use crate::error::{ErrorCode, RequestError};
use crate::selection::Pos;
use crate::syntax::ast::{Argument, Field, OperationType, Selection, SelectionSet, Value, ValueKind};

/// Pairs of fields that are compared before the document is refused; a hundred repetitions of one field make 5,000.
const MAX_PAIRS: usize = 100_000;

pub(super) fn check(context: &Context<'_>) -> Result<(), Box<RequestError>> {
    let mut overlaps = Overlaps { context, sets: HashMap::new(), compared: HashSet::new() };
    for operation in &context.document.operations {
        let root = match operation.ty {
            OperationType::Query => "Query",
            OperationType::Mutation => "Mutation",
            OperationType::Subscription => "Subscription",
        };
        overlaps.set(&operation.selection, context.composite(root))?;
    }
    for fragment in &context.document.fragments {
        overlaps.set(&fragment.selection, context.composite(&fragment.type_condition.text))?;
    }
    Ok(())
}

/// A field with the type it is selected on.
#[derive(Clone, Copy)]
struct Candidate<'a> {
    parent: Option<&'a TypeDefinition>,
    field: &'a Field,
    definition: Option<&'a OutputField>,
    /// The fragment it was found in: pairs within one are that fragment's own business.
    fragment: Option<&'a str>,
}

/// Fields by response key, fragments expanded.
type Fields<'a> = IndexMap<&'a Arc<str>, Vec<Candidate<'a>>>;

/// Why two fields cannot be merged.
enum Reason {
    Words(String),
    Subfields(Vec<(Arc<str>, Reason)>),
}

struct Conflict {
    reason: (Arc<str>, Reason),
    first: Vec<Pos>,
    second: Vec<Pos>,
}

struct Overlaps<'c, 'a> {
    context: &'c Context<'a>,
    sets: HashMap<(*const SelectionSet, Option<&'a str>), Rc<Fields<'a>>>,
    compared: HashSet<(*const Field, *const Field, bool)>,
}

impl<'a> Overlaps<'_, 'a> {
    /// Compares within one selection set, then within those below it.
    fn set(&mut self, set: &'a SelectionSet, parent: Option<&'a TypeDefinition>) -> Result<(), Box<RequestError>> {
        let fields = self.fields(set, parent);
        for (key, candidates) in fields.iter().filter(|(_, candidates)| candidates.len() > 1) {
            for (index, a) in candidates.iter().enumerate() {
                for b in &candidates[index + 1..] {
                    if a.fragment.is_some() && a.fragment == b.fragment {
                        continue;
                    }
                    if let Some(conflict) = self.conflict(key, a, b, false)? {
                        self.report(set.pos, conflict);
                    }
                }
            }
        }
        self.below(set, parent)
    }

    fn below(&mut self, set: &'a SelectionSet, parent: Option<&'a TypeDefinition>) -> Result<(), Box<RequestError>> {
        for selection in &set.items {
            match selection {
                Selection::Field(field) => {
                    if let Some(inner) = &field.selection {
                        let definition = parent.and_then(|parent| self.context.api.output_field(&parent.name, &field.name.text));
                        self.set(inner, definition.and_then(|definition| self.context.composite(definition.ty.name())))?;
                    }
                }
                Selection::Inline(inline) => {
                    let inner = inline.type_condition.as_ref().map_or(parent, |on| self.context.composite(&on.text));
                    self.set(&inline.selection, inner)?;
                }
                Selection::Spread(_) => {}
            }
        }
        Ok(())
    }

    fn fields(&mut self, set: &'a SelectionSet, parent: Option<&'a TypeDefinition>) -> Rc<Fields<'a>> {
        let key = (std::ptr::from_ref(set), parent.map(|parent| &*parent.name));
        if let Some(known) = self.sets.get(&key) {
            return Rc::clone(known);
        }
        let mut fields = Fields::new();
        self.expand(set, parent, None, &mut fields, &mut HashSet::new());
        let fields = Rc::new(fields);
        self.sets.insert(key, Rc::clone(&fields));
        fields
    }

    fn expand(
        &self,
        set: &'a SelectionSet,
        parent: Option<&'a TypeDefinition>,
        fragment: Option<&'a str>,
        fields: &mut Fields<'a>,
        visited: &mut HashSet<&'a str>,
    ) {
        for selection in &set.items {
            match selection {
                Selection::Field(field) => {
                    let definition = parent.and_then(|parent| self.context.api.output_field(&parent.name, &field.name.text));
                    fields.entry(field.response_key()).or_default().push(Candidate { parent, field, definition, fragment });
                }
                Selection::Inline(inline) => {
                    let inner = inline.type_condition.as_ref().map_or(parent, |on| self.context.composite(&on.text));
                    self.expand(&inline.selection, inner, fragment, fields, visited);
                }
                Selection::Spread(spread) => {
                    if visited.insert(&spread.name.text)
                        && let Some(found) = self.context.fragments.get(&*spread.name.text)
                    {
                        let inner = self.context.composite(&found.type_condition.text);
                        // Found through two fragments, a field belongs to the outer one, whose own set holds it too.
                        let owner = fragment.or(Some(&spread.name.text));
                        self.expand(&found.selection, inner, owner, fields, visited);
                    }
                }
            }
        }
    }

    fn conflict(
        &mut self,
        key: &Arc<str>,
        a: &Candidate<'a>,
        b: &Candidate<'a>,
        parents_exclusive: bool,
    ) -> Result<Option<Conflict>, Box<RequestError>> {
        let exclusive = parents_exclusive || are_exclusive(a.parent, b.parent);
        let pair = (std::ptr::from_ref(a.field), std::ptr::from_ref(b.field), exclusive);
        if pair.0 == pair.1 || !self.compared.insert(pair) {
            return Ok(None);
        }
        if self.compared.len() > MAX_PAIRS {
            let message = "The operation repeats fields too often to be checked.".to_owned();
            return Err(Box::new(RequestError { message, locations: vec![b.field.pos], code: ErrorCode::TooComplex }));
        }
        if let Some(words) = difference(a, b, exclusive) {
            let reason = (Arc::clone(key), Reason::Words(words));
            return Ok(Some(Conflict { reason, first: vec![a.field.pos], second: vec![b.field.pos] }));
        }
        self.conflict_below(key, a, b, exclusive)
    }

    fn conflict_below(
        &mut self,
        key: &Arc<str>,
        a: &Candidate<'a>,
        b: &Candidate<'a>,
        exclusive: bool,
    ) -> Result<Option<Conflict>, Box<RequestError>> {
        let (Some(set_a), Some(set_b)) = (&a.field.selection, &b.field.selection) else { return Ok(None) };
        let type_of =
            |candidate: &Candidate<'a>| candidate.definition.and_then(|definition| self.context.composite(definition.ty.name()));
        let (type_a, type_b) = (type_of(a), type_of(b));
        let (fields_a, fields_b) = (self.fields(set_a, type_a), self.fields(set_b, type_b));
        let mut conflicts = Vec::new();
        for (inner_key, candidates) in fields_a.iter() {
            for inner_a in candidates {
                for inner_b in fields_b.get(inner_key).into_iter().flatten() {
                    conflicts.extend(self.conflict(inner_key, inner_a, inner_b, exclusive)?);
                }
            }
        }
        if conflicts.is_empty() {
            return Ok(None);
        }
        let (mut first, mut second, mut reasons) = (vec![a.field.pos], vec![b.field.pos], Vec::new());
        for conflict in conflicts {
            first.extend(conflict.first);
            second.extend(conflict.second);
            reasons.push(conflict.reason);
        }
        Ok(Some(Conflict { reason: (Arc::clone(key), Reason::Subfields(reasons)), first, second }))
    }

    fn report(&self, event: Pos, conflict: Conflict) {
        let locations = conflict.first.into_iter().chain(conflict.second).collect();
        let (key, reason) = conflict.reason;
        self.context.error(event, Rule::OverlappingFieldsCanBeMerged, locations, || {
            format!(
                "Fields \"{key}\" conflict because {}. Use different aliases on the fields to fetch both if this was intentional.",
                words(&reason)
            )
        });
    }
}

fn words(reason: &Reason) -> String {
    match reason {
        Reason::Words(words) => words.clone(),
        Reason::Subfields(reasons) => {
            let parts = reasons.iter().map(|(key, reason)| format!("subfields \"{key}\" conflict because {}", words(reason)));
            parts.collect::<Vec<_>>().join(" and ")
        }
    }
}

/// Two different objects: a row is only ever one of them, so the fields never meet.
fn are_exclusive(a: Option<&TypeDefinition>, b: Option<&TypeDefinition>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => {
            a.name != b.name && matches!(a.kind, TypeKind::Object { .. }) && matches!(b.kind, TypeKind::Object { .. })
        }
        _ => false,
    }
}

fn difference(a: &Candidate<'_>, b: &Candidate<'_>, exclusive: bool) -> Option<String> {
    if !exclusive {
        let (name_a, name_b) = (&a.field.name.text, &b.field.name.text);
        if name_a != name_b {
            return Some(format!("\"{name_a}\" and \"{name_b}\" are different fields"));
        }
        if !same_arguments(&a.field.arguments, &b.field.arguments) {
            return Some("they have differing arguments".to_owned());
        }
    }
    let (type_a, type_b) = (&a.definition?.ty, &b.definition?.ty);
    types_conflict(type_a, type_b, a, b).then(|| format!("they return conflicting types \"{type_a}\" and \"{type_b}\""))
}

fn same_arguments(a: &[Argument], b: &[Argument]) -> bool {
    let same = |argument: &Argument| {
        b.iter()
            .find(|other| other.name.text == argument.name.text)
            .is_some_and(|other| same_value(&argument.value, &other.value))
    };
    a.len() == b.len() && a.iter().all(same)
}

/// Equal as written, but for the order of an object's members.
fn same_value(a: &Value, b: &Value) -> bool {
    match (&a.kind, &b.kind) {
        (ValueKind::List(a), ValueKind::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_value(a, b)),
        (ValueKind::Object(a), ValueKind::Object(b)) => same_arguments(a, b),
        (ValueKind::List(_) | ValueKind::Object(_), _) | (_, ValueKind::List(_) | ValueKind::Object(_)) => false,
        _ => a.to_string() == b.to_string(),
    }
}

fn types_conflict(type_a: &TypeRef, type_b: &TypeRef, a: &Candidate<'_>, b: &Candidate<'_>) -> bool {
    match (type_a, type_b) {
        (TypeRef::List(inner_a), TypeRef::List(inner_b)) | (TypeRef::NonNull(inner_a), TypeRef::NonNull(inner_b)) => {
            types_conflict(inner_a, inner_b, a, b)
        }
        (TypeRef::Named(name_a), TypeRef::Named(name_b)) => {
            let has_fields = |candidate: &Candidate<'_>| candidate.field.selection.is_some();
            // Leaves must be the same type; composites are compared field by field.
            name_a != name_b && !(has_fields(a) && has_fields(b))
        }
        _ => true,
    }
}
