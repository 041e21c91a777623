//! Rules about fragments: unique, known, used, free of cycles, on composite types, and possible where they are spread.

use std::collections::{HashMap, HashSet};

use super::walk::Walked;
use super::{Context, DOCUMENT_END, Rule};
use crate::api::{TypeDefinition, TypeKind};
use crate::selection::Pos;
use crate::syntax::ast::{Name, Spread};

/// Fragments apply to objects, interfaces and unions.
pub(super) fn on_composite(context: &Context<'_>, fragment: Option<&Name>, on: &Name) {
    if context.api.types.get(&*on.text).is_none_or(TypeDefinition::is_composite) {
        return;
    }
    context.error(on.pos, Rule::FragmentsOnCompositeTypes, vec![on.pos], || match fragment {
        Some(name) => format!("Fragment \"{}\" cannot condition on non composite type \"{}\".", name.text, on.text),
        None => format!("Fragment cannot condition on non composite type \"{}\".", on.text),
    });
}

/// A spread must name a fragment, and one that can apply.
pub(super) fn spread(context: &Context<'_>, parent: Option<&TypeDefinition>, spread: &Spread) {
    let name = &spread.name.text;
    let Some(fragment) = context.fragments.get(&**name) else {
        context.error(spread.pos, Rule::KnownFragmentNames, vec![spread.name.pos], || format!("Unknown fragment \"{name}\"."));
        return;
    };
    let on = context.composite(&fragment.type_condition.text);
    if let (Some(parent), Some(on)) = (parent, on)
        && !overlap(context, parent, on)
    {
        context.error(spread.pos, Rule::PossibleFragmentSpreads, vec![spread.pos], || {
            format!(
                "Fragment \"{name}\" cannot be spread here as objects of type \"{}\" can never be of type \"{}\".",
                parent.name, on.name
            )
        });
    }
}

/// The same for an inline fragment.
pub(super) fn inline(context: &Context<'_>, parent: Option<&TypeDefinition>, on: &Name, pos: Pos) {
    if let (Some(parent), Some(on)) = (parent, context.composite(&on.text))
        && !overlap(context, parent, on)
    {
        context.error(pos, Rule::PossibleFragmentSpreads, vec![pos], || {
            format!("Fragment cannot be spread here as objects of type \"{}\" can never be of type \"{}\".", parent.name, on.name)
        });
    }
}

fn overlap(context: &Context<'_>, a: &TypeDefinition, b: &TypeDefinition) -> bool {
    match (&a.kind, &b.kind) {
        (TypeKind::Object { .. }, TypeKind::Object { .. }) => a.name == b.name,
        (TypeKind::Object { .. }, _) => context.api.is_possible(&b.name, &a.name),
        (_, TypeKind::Object { .. }) => context.api.is_possible(&a.name, &b.name),
        _ => a.name == b.name || context.api.possible_types(&a.name).any(|object| context.api.is_possible(&b.name, &object.name)),
    }
}

/// Rules about all fragments together. Tells whether there are cycles.
pub(super) fn check(context: &Context<'_>, walked: &Walked<'_>) -> bool {
    unique(context);
    unused(context, walked);
    let mut cycles =
        Cycles { context, walked: by_name(context, walked), visited: HashSet::new(), path: Vec::new(), found: false };
    for fragment in &context.document.fragments {
        cycles.visit(&fragment.name.text);
    }
    cycles.found
}

fn unique(context: &Context<'_>) {
    for fragment in &context.document.fragments {
        let (name, pos) = (&fragment.name.text, fragment.name.pos);
        let first = context.fragments[&**name].name.pos;
        if first != pos {
            context.error(fragment.pos, Rule::UniqueFragmentNames, vec![first, pos], || {
                format!("There can be only one fragment named \"{name}\".")
            });
        }
    }
}

fn by_name<'a, 'w>(context: &Context<'a>, walked: &'w Walked<'a>) -> HashMap<&'a str, &'w [&'a Spread]> {
    let mut spreads = HashMap::new();
    for (fragment, uses) in context.document.fragments.iter().zip(&walked.fragments) {
        spreads.entry(&*fragment.name.text).or_insert(uses.spreads.as_slice());
    }
    spreads
}

fn unused(context: &Context<'_>, walked: &Walked<'_>) {
    let spreads = by_name(context, walked);
    let mut used: HashSet<&str> = HashSet::new();
    let mut open: Vec<&str> = walked.operations.iter().flat_map(|uses| &uses.spreads).map(|spread| &*spread.name.text).collect();
    while let Some(name) = open.pop() {
        if used.insert(name) {
            open.extend(spreads.get(name).into_iter().flat_map(|spreads| spreads.iter()).map(|spread| &*spread.name.text));
        }
    }
    for fragment in context.document.fragments.iter().filter(|fragment| !used.contains(&*fragment.name.text)) {
        context.error(DOCUMENT_END, Rule::NoUnusedFragments, vec![fragment.pos], || {
            format!("Fragment \"{}\" is never used.", fragment.name.text)
        });
    }
}

/// graphql-js's `detectCycleRecursive`: each cycle is reported once, with the spreads that make it. Its depth is bounded by the document's nesting limit.
struct Cycles<'c, 'a, 'w> {
    context: &'c Context<'a>,
    walked: HashMap<&'a str, &'w [&'a Spread]>,
    visited: HashSet<&'a str>,
    /// Fragments from the one being looked at down to here, each with the spread that leads on.
    path: Vec<(&'a str, &'a Spread)>,
    found: bool,
}

impl<'a> Cycles<'_, 'a, '_> {
    fn visit(&mut self, fragment: &'a str) {
        if !self.visited.insert(fragment) {
            return;
        }
        let spreads: Vec<&'a Spread> = self.walked.get(fragment).map_or_else(Vec::new, |spreads| spreads.to_vec());
        for spread in spreads {
            self.path.push((fragment, spread));
            match self.path.iter().position(|(name, _)| **name == *spread.name.text) {
                None => self.visit(&spread.name.text),
                Some(start) => self.report(start, spread),
            }
            self.path.pop();
        }
    }

    fn report(&mut self, start: usize, spread: &Spread) {
        self.found = true;
        let cycle = &self.path[start..];
        let locations = cycle.iter().map(|(_, spread)| spread.pos).collect();
        let via: Vec<String> = cycle[..cycle.len() - 1].iter().map(|(_, spread)| format!("\"{}\"", spread.name.text)).collect();
        let event = self.context.fragments[self.path[0].0].pos;
        self.context.error(event, Rule::NoFragmentCycles, locations, || {
            let via = if via.is_empty() { String::new() } else { format!(" via {}", via.join(", ")) };
            format!("Cannot spread fragment \"{}\" within itself{via}.", spread.name.text)
        });
    }
}
