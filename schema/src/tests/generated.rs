//! Generated schemas: whatever is sound survives both forms, and has DDL.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::round_trip::check;
use super::sdl;
use crate::ddl;
use crate::ident::Ident;

const COLUMNS: &[&str] = &[
    "String",
    "String! @unique",
    "String @default(value: \"a\\\"b\\nc\") @column(name: \"odd \\\"name\\\"\", type: \"varchar(20)\", collation: \"C\")",
    "String @scalar(name: \"Url\") @pattern(regex: \"^\\\\d+$\", flags: \"i\") @length(min: 1)",
    "Int @range(min: 0, max: 9.5, message: \"m\") @index",
    "Int! @sequence(always: true, start: 5)",
    "Float @default(value: 1.5)",
    "Decimal @column(type: \"numeric(20, 4)\") @default(value: \"1.50\")",
    "Boolean! @default(value: false)",
    "State! @default(value: b) @deprecated",
    "[State!] @default(value: [a, b])",
    "DateTime! @default(value: \"now\")",
    "Date @deprecated(reason: \"old\")",
    "Time @required",
    "Json @default(json: \"{\\\"a b\\\":[1,null]}\") @jsonSchema(schema: \"{\\\"$ref\\\":\\\"#\\\"}\")",
    "UUID @unique(index: true, nullsNotDistinct: true)",
    "[String!]!",
    "StoredImage",
    // One language, because an entity may get both.
    "String @searchable(language: \"english\", weight: A)",
    "String! @column(type: \"varchar(20)\", collation: \"C\") @searchable(language: \"english\")",
    "String @encrypted",
    "String! @encrypted(lookup: true) @length(min: 1) @scalar(name: \"Secret\")",
    "Json @encrypted",
    "String @rule(check: { if: { not: { empty: true } }, then: { or: [{ equals: \"x\" }, { field: \"id\", is: { defined: true } }] } }, message: \"m\")",
];
const OWNERS: &[(&str, &str)] = &[
    ("#", "[#!] @inverse(of: \"?\", orderBy: [\"id desc\"])"),
    ("#! @relation(onDelete: CASCADE, column: \"col_?\")", "[#!] @inverse(of: \"?\")"),
    ("# @relation(onDelete: SET_NULL) @index", "[#!] @inverse(of: \"?\")"),
    ("# @oneToOne(removeOrphan: true)", "# @inverse(of: \"?\")"),
    ("#! @oneToOne @unique(name: \"named_?\")", "#! @inverse(of: \"?\")"),
    (
        "[#!] @relation(orderBy: [\"id descNullsLast\"], table: \"links_?\", column: \"x\", targetColumn: \"y\")",
        "[#!] @inverse(of: \"?\")",
    ),
    ("[#!] @relation(targetOnDelete: RESTRICT) @eventLog(enabled: false)", "[#!] @inverse(of: \"?\", orderBy: [\"id\"])"),
];
const PREDICATES: &[&str] = &[
    "",
    "when: { id: \"$site\" }",
    "when: { id: \"$level\" }",
    "when: { id: { isNull: false, in: [] } }",
    "when: { or: [{ id: \"$me\" }, { not: { id: \"$site\" } }] }",
    "when: { and: [{ id: { isNull: true } }, { id: { isNull: false } }] }, predicate: \"own\"",
    "when: { id: { or: [{ isNull: true }, { not: { eq: \"6ba7b810-9dad-11d1-80b4-00c04fd430c8\" } }] } }",
];
const OPERATIONS: &[&str] = &[
    "read: true",
    "read: [\"id\"]",
    "read: true, create: true, customPrimary: true",
    "update: true",
    "delete: true",
    "read: true, update: true, delete: true",
];

#[derive(Debug, Clone)]
struct Entity {
    columns: Vec<&'static str>,
    relations: Vec<((&'static str, &'static str), Index, bool)>,
    allows: Vec<(&'static str, &'static str, &'static str)>,
    through: bool,
    options: Vec<&'static str>,
}

fn entity() -> impl Strategy<Value = Entity> {
    let relations = prop::collection::vec((select(OWNERS), any::<Index>(), any::<bool>()), 0..4);
    let allows =
        prop::collection::vec((select(&["\"r\"", "\"s\"", "\"r\", \"s\""][..]), select(OPERATIONS), select(PREDICATES)), 0..5);
    let options = prop::sample::subsequence(
        vec!["@orderBy(fields: [\"id desc\"])", "@eventLog(enabled: false)", "@index(fields: [\"id desc\"], where: \"true\")"],
        0..3,
    );
    (prop::collection::vec(select(COLUMNS), 1..7), relations, allows, any::<bool>(), options)
        .prop_map(|(columns, relations, allows, through, options)| Entity { columns, relations, allows, through, options })
}

/// The text of a schema with these entities.
fn text(entities: &[Entity]) -> String {
    let variables = "[{ name: \"site\", entity: \"E0\", fallback: { always: true } }, { name: \"level\", condition: true }, { name: \"me\", caller: personID }]";
    let mut text = format!(
        "extend schema @settings(uuidVersion: 7) @role(name: \"r\", implicit: true, variables: {variables})
         @role(name: \"s\", inherits: [\"r\"], s3: [{{ keys: \"a/**\", upload: true, maxSize: 7 }}, {{ keys: \"*.jpg\", read: true }}], variables: {variables}, assumeMembership: {{ r: {{ variables: {{ site: \"me\" }} }} }})
         enum State @enum(type: \"state_type\") {{ \"first\" a b @deprecated }}\n"
    );
    let mut fields: Vec<String> = entities.iter().map(|_| String::new()).collect();
    for (from, entity) in entities.iter().enumerate() {
        for (place, column) in entity.columns.iter().enumerate() {
            // One of each kind that names something in the database by itself.
            let column = if place > 0 {
                column.replace(" @column(name: \"odd \\\"name\\\"\",", " @column(")
            } else {
                (*column).to_owned()
            };
            fields[from] += &format!("c{place}: {column}\n");
        }
        for (place, ((owner, inverse), target, has_inverse)) in entity.relations.iter().enumerate() {
            let name = format!("r{from}x{place}");
            let to = target.index(entities.len());
            fields[from] += &format!("{name}: {}\n", owner.replace('#', &format!("E{to}")).replace('?', &name));
            if *has_inverse {
                fields[to] += &format!("back_{name}: {}\n", inverse.replace('#', &format!("E{from}")).replace('?', &name));
            }
        }
    }
    for (place, entity) in entities.iter().enumerate() {
        let through = if entity.through { ", through: true" } else { "" };
        let mut own = false;
        let mut directives: Vec<String> = entity.options.iter().map(|option| (*option).to_owned()).collect();
        for (roles, operations, predicate) in &entity.allows {
            let separator = if predicate.is_empty() { "" } else { ", " };
            let predicate = if own { predicate.replace(", predicate: \"own\"", "") } else { (*predicate).to_owned() };
            own |= predicate.contains("\"own\"");
            directives.push(format!("@allow(roles: [{roles}], {operations}{separator}{predicate}{through})"));
        }
        text += &format!(
            "\"\"\"\nEntity {place}\n\n  indented\n\"\"\"\ntype E{place} {} {{\n{}}}\n",
            directives.join("\n"),
            fields[place]
        );
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sound_schemas_survive_both_forms(entities in prop::collection::vec(entity(), 1..5)) {
        let schema = sdl(&text(&entities));
        check(&schema);
        let statements = ddl::create(&schema, &Ident::new("content").unwrap(), "acme");
        prop_assert!(statements.len() > entities.len());
    }

    /// No text makes the readers panic.
    #[test]
    fn any_text_is_answered(cut in any::<Index>(), add in "[{}()@:\"!a-z\\[\\] ]{0,6}") {
        let example = super::EXAMPLE;
        let at = (0..example.len()).map(|at| (at + cut.index(example.len())) % example.len()).find(|at| example.is_char_boundary(*at)).unwrap_or(0);
        let _ = crate::Schema::from_sdl("x", &format!("{}{add}{}", &example[..at], &example[at..]));
        let _ = crate::Schema::from_sdl("x", &example[..at]);
        let document = super::TINY_JSON;
        let at = cut.index(document.len());
        let _ = crate::Schema::from_json("x", &format!("{}{add}{}", &document[..at], &document[at..]));
    }
}
