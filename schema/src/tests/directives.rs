//! The printed definitions and the reader agree.

use crate::sdl::definitions::DEFINITIONS;
use crate::sdl::syntax::TypeRef;
use crate::{Schema, codes};

fn sample(ty: &TypeRef) -> &'static str {
    match ty {
        TypeRef::NonNull(inner) => sample(inner),
        TypeRef::List(_) => "[]",
        TypeRef::Named(name) => match name.value.as_str() {
            "String" => "\"x\"",
            "Boolean" => "true",
            "Int" | "Float" => "1",
            "Check" => "{ defined: true }",
            _ => "[]",
        },
    }
}

/// Every directive that is printed is read at every place where it may stand, whatever else is wrong with it there.
#[test]
fn every_printed_directive_is_read() {
    for directive in &DEFINITIONS.directives {
        let needed = directive.arguments.iter().filter(|argument| matches!(argument.ty, TypeRef::NonNull(_)));
        let arguments: Vec<String> = needed.map(|argument| format!("{}: {}", argument.name, sample(&argument.ty))).collect();
        let arguments = if arguments.is_empty() { String::new() } else { format!("({})", arguments.join(", ")) };
        let used = format!("@{}{arguments}", directive.name.value);
        for location in &directive.locations {
            let place = |wanted: &str| if location == wanted { used.as_str() } else { "" };
            let text = format!(
                "{} {} type A {} {{ a: String {} b: A {} }} enum E {} {{ x {} }}",
                if location == "SCHEMA" { "extend schema" } else { "" },
                place("SCHEMA"),
                place("OBJECT"),
                place("FIELD_DEFINITION"),
                place("FIELD_DEFINITION"),
                place("ENUM"),
                place("ENUM_VALUE"),
            );
            let errors = Schema::from_sdl("x", &text).err().unwrap_or_default();
            let refused = errors.iter().find(|error| {
                [codes::UNKNOWN_DIRECTIVE, codes::DIRECTIVE_LOCATION, codes::UNKNOWN_ARGUMENT, codes::SYNTAX]
                    .contains(&error.code)
            });
            assert_eq!(refused, None, "{text}");
        }
    }
}

/// Nothing is read that is not printed: a directive of another name is refused wherever it stands.
#[test]
fn other_directives_are_refused() {
    let text = "extend schema @x type A @x { a: String @x } enum E @x { v @x }";
    let errors = Schema::from_sdl("x", text).unwrap_err();
    assert_eq!(errors.iter().filter(|error| error.code == codes::UNKNOWN_DIRECTIVE).count(), 5);
}

#[test]
fn every_definition_is_described() {
    let lines: Vec<&str> = crate::directives().lines().collect();
    let is_definition = |line: &str| ["directive ", "scalar ", "enum ", "input "].iter().any(|keyword| line.starts_with(keyword));
    for pair in lines.windows(2).filter(|pair| is_definition(pair[1])) {
        assert!(pair[0].ends_with('"'), "{}", pair[1]);
    }
}
