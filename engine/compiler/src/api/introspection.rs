//! Types of `__schema` and `__type` (GraphQL October 2021, section 4.2): validation needs them; the answers are the type system's business.

use serde_json::Value;

use super::definitions::{enumeration, field_with, object, plain_fields, ty};
use super::{Meaning, OutputField, TypeDefinition};

pub(super) fn types() -> Vec<TypeDefinition> {
    let schema = plain_fields(&[
        ("description", "String"),
        ("types", "[__Type!]!"),
        ("queryType", "__Type!"),
        ("mutationType", "__Type"),
        ("subscriptionType", "__Type"),
        ("directives", "[__Directive!]!"),
    ]);
    let mut described =
        plain_fields(&[("kind", "__TypeKind!"), ("name", "String"), ("description", "String"), ("specifiedByURL", "String")]);
    described.push(with_deprecated("fields", "[__Field!]"));
    described.extend(plain_fields(&[("interfaces", "[__Type!]"), ("possibleTypes", "[__Type!]")]));
    described.push(with_deprecated("enumValues", "[__EnumValue!]"));
    described.push(with_deprecated("inputFields", "[__InputValue!]"));
    described.extend(plain_fields(&[("ofType", "__Type"), ("isOneOf", "Boolean")]));
    let named = || plain_fields(&[("name", "String!"), ("description", "String")]);
    let deprecation = || plain_fields(&[("isDeprecated", "Boolean!"), ("deprecationReason", "String")]);
    let joined = |parts: [Vec<OutputField>; 3]| parts.into_iter().flatten();
    let field_parts = [named(), vec![with_deprecated("args", "[__InputValue!]!")], plain_fields(&[("type", "__Type!")])];
    let directive_parts = [
        named(),
        plain_fields(&[("isRepeatable", "Boolean!"), ("locations", "[__DirectiveLocation!]!")]),
        vec![with_deprecated("args", "[__InputValue!]!")],
    ];
    vec![
        object("__Schema", schema),
        object("__Type", described),
        enumeration("__TypeKind", &["SCALAR", "OBJECT", "INTERFACE", "UNION", "ENUM", "INPUT_OBJECT", "LIST", "NON_NULL"]),
        object("__Field", joined(field_parts).chain(deprecation())),
        object(
            "__InputValue",
            joined([named(), plain_fields(&[("type", "__Type!"), ("defaultValue", "String")]), deprecation()]),
        ),
        object("__EnumValue", named().into_iter().chain(deprecation())),
        object("__Directive", joined(directive_parts)),
        enumeration(
            "__DirectiveLocation",
            &[
                "QUERY",
                "MUTATION",
                "SUBSCRIPTION",
                "FIELD",
                "FRAGMENT_DEFINITION",
                "FRAGMENT_SPREAD",
                "INLINE_FRAGMENT",
                "VARIABLE_DEFINITION",
                "SCHEMA",
                "SCALAR",
                "OBJECT",
                "FIELD_DEFINITION",
                "ARGUMENT_DEFINITION",
                "INTERFACE",
                "UNION",
                "ENUM",
                "ENUM_VALUE",
                "INPUT_OBJECT",
                "INPUT_FIELD_DEFINITION",
            ],
        ),
    ]
}

/// A list that leaves deprecated members out unless they are asked for.
fn with_deprecated(name: &str, text: &str) -> OutputField {
    let mut field = field_with(name, &[("includeDeprecated", "Boolean")], ty(text), Meaning::Plain);
    for argument in field.arguments.values_mut() {
        argument.default = Some(Value::Bool(false));
    }
    field
}
