//! Size of operations with fragments expanded, counted without expanding: a fragment is measured once.

use std::collections::HashMap;

use crate::error::{ErrorCode, RequestError};
use crate::prepare::Limits;
use crate::selection::Pos;
use crate::syntax::ast::{Document, Field, Fragment, Selection, SelectionSet};

/// What a selection set comes to. Sums saturate.
#[derive(Debug, Default, Clone, Copy)]
struct Size {
    fields: usize,
    aliases: usize,
    /// Fields inside each other, outside introspection.
    depth: usize,
    /// Fields inside each other, whatever they are: what `depth` becomes below `__schema` and `__type`.
    full_depth: usize,
    introspection_depth: usize,
    /// Objects below `__schema` and `__type`, as if every list were of the usual length and the API had one type.
    introspected: usize,
    /// What `introspected` becomes below `__schema` and `__type`.
    objects: usize,
    /// Selection sets and fragments inside each other: how deep every later recursion goes.
    height: usize,
}

/// How many times the fields of one operation all definitions together may have.
const DEFINITIONS_TO_OPERATION: usize = 4;

/// Objects of introspection for each type of the API, estimated. The standard query has about 500; types of fields of types of fields, or the same again and again,
/// would be megabytes made of nothing but the API's own description.
const MAX_INTROSPECTED: usize = 1_500;

pub(crate) fn check(document: &Document, limits: &Limits) -> Result<(), Box<RequestError>> {
    if let Some(operation) = document.operations.get(limits.operations) {
        let message = format!("The document has {} operations, allowed are {}.", document.operations.len(), limits.operations);
        return Err(Box::new(RequestError { message, locations: vec![operation.pos], code: ErrorCode::TooComplex }));
    }
    let fragments = document.fragments.iter().map(|fragment| (&*fragment.name.text, fragment)).collect();
    let mut measure = Measure { fragments, sizes: HashMap::new(), nesting: limits.nesting };
    let mut total = 0_usize;
    for fragment in &document.fragments {
        total = total.saturating_add(measure.fragment(&fragment.name.text, 0, fragment.pos)?.fields);
    }
    for operation in &document.operations {
        let size = measure.set(&operation.selection, 0)?;
        let refuse = |message: String, code| Err(Box::new(RequestError { message, locations: vec![operation.pos], code }));
        if size.depth > limits.depth {
            return refuse(
                format!("The operation is {} fields deep, allowed are {}.", size.depth, limits.depth),
                ErrorCode::TooDeep,
            );
        }
        if size.introspection_depth > limits.introspection_depth {
            let (found, allowed) = (size.introspection_depth, limits.introspection_depth);
            return refuse(format!("The introspection is {found} fields deep, allowed are {allowed}."), ErrorCode::TooDeep);
        }
        if size.introspected > MAX_INTROSPECTED {
            return refuse("The introspection asks for too much at once.".to_owned(), ErrorCode::TooComplex);
        }
        if size.fields > limits.fields {
            return refuse(
                format!("The operation has {} fields, allowed are {}.", size.fields, limits.fields),
                ErrorCode::TooComplex,
            );
        }
        if size.aliases > limits.aliases {
            let (found, allowed) = (size.aliases, limits.aliases);
            return refuse(format!("The operation has {found} aliases, allowed are {allowed}."), ErrorCode::TooComplex);
        }
        total = total.saturating_add(size.fields);
    }
    // Validation looks at each definition with its fragments expanded, used or not.
    if total > limits.fields.saturating_mul(DEFINITIONS_TO_OPERATION) {
        let message = "The document's operations and fragments together have too many fields.".to_owned();
        return Err(Box::new(RequestError { message, locations: Vec::new(), code: ErrorCode::TooComplex }));
    }
    Ok(())
}

/// About how many objects there are in a list of introspection.
fn usual_length(field: &str) -> usize {
    match field {
        "fields" | "inputFields" | "possibleTypes" => 8,
        "args" => 3,
        "enumValues" => 4,
        _ => 1,
    }
}

struct Measure<'a> {
    fragments: HashMap<&'a str, &'a Fragment>,
    /// None while the fragment is being measured: a cycle, which another rule reports.
    sizes: HashMap<&'a str, Option<Size>>,
    nesting: usize,
}

impl<'a> Measure<'a> {
    fn set(&mut self, set: &'a SelectionSet, level: usize) -> Result<Size, Box<RequestError>> {
        self.refuse_too_deep(level, set.pos)?;
        let mut total = Size::default();
        for selection in &set.items {
            let size = match selection {
                Selection::Field(field) => self.field(field, level)?,
                Selection::Spread(spread) => self.fragment(&spread.name.text, level + 1, spread.pos)?,
                Selection::Inline(inline) => self.set(&inline.selection, level + 1)?,
            };
            total = Size {
                fields: total.fields.saturating_add(size.fields),
                aliases: total.aliases.saturating_add(size.aliases),
                depth: total.depth.max(size.depth),
                full_depth: total.full_depth.max(size.full_depth),
                introspection_depth: total.introspection_depth.max(size.introspection_depth),
                introspected: total.introspected.saturating_add(size.introspected),
                objects: total.objects.saturating_add(size.objects),
                height: total.height.max(size.height + 1),
            };
        }
        Ok(total)
    }

    fn field(&mut self, field: &'a Field, level: usize) -> Result<Size, Box<RequestError>> {
        let below = match &field.selection {
            Some(set) => self.set(set, level + 1)?,
            None => Size::default(),
        };
        let is_introspection = matches!(&*field.name.text, "__schema" | "__type");
        let (depth, introspection_depth) =
            if is_introspection { (1, below.full_depth + 1) } else { (below.depth + 1, below.introspection_depth) };
        let objects = usize::from(field.selection.is_some()).saturating_add(below.objects);
        let objects = objects.saturating_mul(usual_length(&field.name.text));
        Ok(Size {
            fields: below.fields.saturating_add(1),
            aliases: below.aliases.saturating_add(usize::from(field.alias.is_some())),
            depth,
            full_depth: below.full_depth + 1,
            introspection_depth,
            introspected: if is_introspection { objects } else { below.introspected },
            objects,
            height: below.height,
        })
    }

    fn fragment(&mut self, name: &'a str, level: usize, pos: Pos) -> Result<Size, Box<RequestError>> {
        if let Some(known) = self.sizes.get(name) {
            let size = known.unwrap_or_default();
            self.refuse_too_deep(level + size.height, pos)?;
            return Ok(size);
        }
        let Some(fragment) = self.fragments.get(name).copied() else { return Ok(Size::default()) };
        self.sizes.insert(name, None);
        let size = self.set(&fragment.selection, level)?;
        self.sizes.insert(name, Some(size));
        Ok(size)
    }

    fn refuse_too_deep(&self, level: usize, pos: Pos) -> Result<(), Box<RequestError>> {
        if level <= self.nesting {
            return Ok(());
        }
        let message = format!("The document is nested deeper than {} levels.", self.nesting);
        Err(Box::new(RequestError { message, locations: vec![pos], code: ErrorCode::TooDeep }))
    }
}
