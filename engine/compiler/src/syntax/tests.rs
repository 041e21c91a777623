//! Syntax errors, positions and printed values, as graphql-js has them.

use super::ast::{Document, Selection, ValueKind};
use super::{ParseLimits, parse};

const LIMITS: ParseLimits = ParseLimits { tokens: 1_000, nesting: 50 };

fn error(text: &str) -> String {
    let error = parse(text, LIMITS).expect_err(text);
    format!("{} @{}:{}", error.message, error.locations[0].line, error.locations[0].column)
}

fn document(text: &str) -> Document {
    parse(text, LIMITS).unwrap_or_else(|error| panic!("{text}: {}", error.message))
}

#[test]
fn errors_are_those_of_graphql_js() {
    let table = [
        ("", "Syntax Error: Unexpected <EOF>. @1:1"),
        ("{", "Syntax Error: Expected Name, found <EOF>. @1:2"),
        ("{ listSite { slug ", "Syntax Error: Expected Name, found <EOF>. @1:19"),
        ("{}", "Syntax Error: Expected Name, found \"}\". @1:2"),
        ("\n      { ...MissingOn }\n      fragment MissingOn Type", "Syntax Error: Expected \"on\", found Name \"Type\". @3:26"),
        ("{ field: {} }", "Syntax Error: Expected Name, found \"{\". @1:10"),
        ("notAnOperation Foo { field }", "Syntax Error: Unexpected Name \"notAnOperation\". @1:1"),
        ("...", "Syntax Error: Unexpected \"...\". @1:1"),
        ("{ \"\"", "Syntax Error: Expected Name, found String \"\". @1:3"),
        (
            "query Foo($x: Complex = { a: { b: [ $var ] } }) { field }",
            "Syntax Error: Unexpected variable \"$var\" in constant value. @1:37",
        ),
        ("fragment on on on { on }", "Syntax Error: Unexpected Name \"on\". @1:10"),
        ("{ ...on }", "Syntax Error: Expected Name, found \"}\". @1:9"),
        ("{ a(b: ) }", "Syntax Error: Unexpected \")\". @1:8"),
        ("{ a() }", "Syntax Error: Expected Name, found \")\". @1:5"),
        ("query () { a }", "Syntax Error: Expected \"$\", found \")\". @1:8"),
        ("{ a(b: 01) }", "Syntax Error: Invalid number, unexpected digit after 0: \"1\". @1:9"),
        ("{ a(b: 1.) }", "Syntax Error: Invalid number, expected digit but got: \")\". @1:10"),
        ("{ a(b: 1x) }", "Syntax Error: Invalid number, expected digit but got: \"x\". @1:9"),
        ("{ a(b: -) }", "Syntax Error: Invalid number, expected digit but got: \")\". @1:9"),
        ("{ a(b: \"x) }", "Syntax Error: Unterminated string. @1:13"),
        ("{ a(b: \"x\\q\") }", "Syntax Error: Invalid character escape sequence: \"\\q\". @1:10"),
        ("{ a(b: \"\\u12\") }", "Syntax Error: Invalid Unicode escape sequence: \"\\u12\")\". @1:9"),
        ("{ a(b: \"\\uD800\") }", "Syntax Error: Invalid Unicode escape sequence: \"\\uD800\". @1:9"),
        ("{ a(b: 'x') }", "Syntax Error: Unexpected single quote character ('), did you mean to use a double quote (\")? @1:8"),
        ("{ a ? }", "Syntax Error: Unexpected character: \"?\". @1:5"),
        ("{ é }", "Syntax Error: Unexpected character: U+00E9. @1:3"),
        ("{ a .. b }", "Syntax Error: Unexpected character: \".\". @1:5"),
        ("\"text\" { a }", "Syntax Error: Unexpected description, descriptions are supported only on definitions. @1:1"),
        ("{ a } }", "Syntax Error: Unexpected \"}\". @1:7"),
    ];
    for (text, expected) in table {
        assert_eq!(error(text), expected, "{text}");
    }
}

#[test]
fn places_count_lines_and_characters() {
    let parsed = document("# é\r\n{\r  \"\"\"\"\"\" \n}".replace("\"\"\"\"\"\"", "a(b: \"é\", c: 1)").as_str());
    let Selection::Field(field) = &parsed.operations[0].selection.items[0] else { panic!("a field") };
    assert_eq!((field.pos.line, field.pos.column), (3, 3));
    assert_eq!((field.arguments[1].name.pos.line, field.arguments[1].name.pos.column), (3, 13));
    assert_eq!((parsed.operations[0].end.line, parsed.operations[0].end.column), (4, 1));
}

fn text_of(literal: &str) -> String {
    let parsed = document(&format!("{{ a(b: {literal}) }}"));
    let Selection::Field(field) = &parsed.operations[0].selection.items[0] else { panic!("a field") };
    match &field.arguments[0].value.kind {
        ValueKind::String { text, .. } => text.to_string(),
        other => panic!("{other:?} is no string"),
    }
}

#[test]
fn strings_are_unescaped() {
    assert_eq!(text_of(r#""a\n\t\"\\\/\b\f\rz""#), "a\n\t\"\\/\u{8}\u{c}\rz");
    assert_eq!(text_of(r#""\u00e9\u{1F600}\uD83D\uDE00""#), "é😀😀");
    assert_eq!(
        text_of("\"\"\"\n    Hello,\n      World!\n\n    Yours,\n      GraphQL.\n  \"\"\""),
        "Hello,\n  World!\n\nYours,\n  GraphQL."
    );
    assert_eq!(text_of("\"\"\"a \\\"\"\" b\"\"\""), "a \"\"\" b");
    assert_eq!(text_of("\"\"\"  \n \"\"\""), "");
}

#[test]
fn values_print_as_they_were_written() {
    for literal in ["[1, -2.5e3, \"a\\\"b\", true, null, E, $v]", "{a: [], b: {c: \"\\u0007\"}}", "\"\"\"x\"\"\""] {
        let parsed = document(&format!("{{ a(b: {literal}) }}"));
        let Selection::Field(field) = &parsed.operations[0].selection.items[0] else { panic!("a field") };
        assert_eq!(field.arguments[0].value.to_string(), literal);
    }
}

#[test]
fn types_keep_their_wrappers() {
    let parsed = document("query($a: [[Int!]]! = [[1]] @x) { a }");
    assert_eq!(parsed.operations[0].variables[0].ty.to_string(), "[[Int!]]!");
    assert!(parsed.operations[0].variables[0].default.is_some());
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "[{}()\\[\\]:$@!.\"\\\\a-c0-2 \\néu#,|&=-]{0,60}") {
        let _either = parse(&text, LIMITS);
    }
}
