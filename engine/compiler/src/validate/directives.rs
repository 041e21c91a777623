//! Rules KnownDirectives and UniqueDirectivesPerLocation, and the directives that exist.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use indexmap::IndexMap;

use super::{Context, Rule, arguments};
use crate::api::{InputField, TypeRef};
use crate::selection::Pos;
use crate::syntax::ast::Directive;

/// Where a directive can stand in an executable document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Location {
    Query,
    Mutation,
    Subscription,
    Field,
    FragmentDefinition,
    FragmentSpread,
    InlineFragment,
    VariableDefinition,
}

/// A directive and the places where it may stand. `@deprecated` and `@specifiedBy` exist, but in no executable place.
pub(super) struct Definition {
    pub(super) name: &'static str,
    pub(super) arguments: IndexMap<Arc<str>, InputField>,
    locations: &'static [Location],
}

static DEFINITIONS: LazyLock<[Definition; 4]> = LazyLock::new(|| {
    let choosing = &[Location::Field, Location::FragmentSpread, Location::InlineFragment];
    let non_null = |name: &str| TypeRef::NonNull(Box::new(TypeRef::Named(name.into())));
    let argument = |name: &str, ty: TypeRef, default: Option<&str>| {
        let default = default.map(serde_json::Value::from);
        IndexMap::from([(name.into(), InputField { name: name.into(), description: None, deprecated: None, ty, default })])
    };
    [
        Definition { name: "include", arguments: argument("if", non_null("Boolean"), None), locations: choosing },
        Definition { name: "skip", arguments: argument("if", non_null("Boolean"), None), locations: choosing },
        Definition {
            name: "deprecated",
            arguments: argument("reason", TypeRef::Named("String".into()), Some("No longer supported")),
            locations: &[],
        },
        Definition { name: "specifiedBy", arguments: argument("url", non_null("String"), None), locations: &[] },
    ]
});

/// The directive of this name.
pub(super) fn definition(name: &str) -> Option<&'static Definition> {
    DEFINITIONS.iter().find(|definition| *definition.name == *name)
}

/// All rules about the directives at one place. `event` is the first token of what carries them.
pub(super) fn check(context: &Context<'_>, directives: &[Directive], location: Location, event: Pos) {
    let mut first: HashMap<&str, Pos> = HashMap::new();
    for directive in directives {
        let name = &directive.name.text;
        let Some(definition) = definition(name) else {
            context
                .error(directive.pos, Rule::KnownDirectives, vec![directive.pos], || format!("Unknown directive \"@{name}\"."));
            continue;
        };
        if !definition.locations.contains(&location) {
            context.error(directive.pos, Rule::KnownDirectives, vec![directive.pos], || {
                format!("Directive \"@{name}\" may not be used on {}.", location.name())
            });
        }
        arguments::known_on_directive(context, directive, definition);
        arguments::required_on_directive(context, directive, definition);
        let known = *first.entry(name).or_insert(directive.pos);
        if known != directive.pos {
            context.error(event, Rule::UniqueDirectivesPerLocation, vec![known, directive.pos], || {
                format!("The directive \"@{name}\" can only be used once at this location.")
            });
        }
    }
}

impl Location {
    fn name(self) -> &'static str {
        match self {
            Self::Query => "QUERY",
            Self::Mutation => "MUTATION",
            Self::Subscription => "SUBSCRIPTION",
            Self::Field => "FIELD",
            Self::FragmentDefinition => "FRAGMENT_DEFINITION",
            Self::FragmentSpread => "FRAGMENT_SPREAD",
            Self::InlineFragment => "INLINE_FRAGMENT",
            Self::VariableDefinition => "VARIABLE_DEFINITION",
        }
    }
}
