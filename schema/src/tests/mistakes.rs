//! What is reported for each kind of mistake, and where.

use super::report;
use crate::Schema;

/// The mistakes of a schema as `line:column CODE`.
fn mistakes(text: &str) -> Vec<String> {
    let errors = Schema::from_sdl("schema.graphql", text).err().unwrap_or_default();
    errors.iter().map(|error| format!("{}:{} {}", error.line, error.column, error.code)).collect()
}

#[test]
fn ten_mistakes_are_ten_reports() {
    let text = r#"extend schema
  @role(name: "editor", variables: [{ name: "site", entity: "Sit" }])
  @role(name: "reader")

enum State { draft published draft }

type Article
  @unique(fields: ["slgu"])
  @allow(roles: ["raeder"], read: true)
  @allow(roles: ["editor"], read: ["titel"], when: { state: { equals: draft } })
{
  title: Strin
  slug: String! @uniqe
  state: State! @default(value: "publishd")
  author: Author! @relation(onDelete: SET_NULL)
}

type Author { name: String }
"#;
    let errors = Schema::from_sdl("schema.graphql", text).unwrap_err();
    insta::assert_snapshot!(report(&errors), @r#"
    schema.graphql:2:61: error[UNKNOWN_ENTITY]: unknown entity `Sit`
      hint: known: `Article`, `Author`
    schema.graphql:5:30: error[NAME_TAKEN]: enum `State` has the value `draft` twice
    schema.graphql:8:20: error[UNKNOWN_FIELD]: `Article` has no field `slgu`
      hint: did you mean `slug`?
    schema.graphql:9:18: error[UNKNOWN_ROLE]: unknown role `raeder`
      hint: did you mean `reader`?
    schema.graphql:10:36: error[UNKNOWN_FIELD]: `Article` has no field `titel`
      hint: did you mean `title`?
    schema.graphql:10:63: error[UNKNOWN_OPERATOR]: unknown operator `equals`
      hint: did you mean `eq`?
    schema.graphql:12:10: error[UNKNOWN_TYPE]: unknown type `Strin`
      hint: did you mean `String`?
    schema.graphql:13:17: error[UNKNOWN_DIRECTIVE]: unknown directive `@uniqe`
      hint: did you mean `@unique`?
    schema.graphql:14:33: error[UNKNOWN_ENUM_VALUE]: enum `State` has no value `publishd`
      hint: did you mean `published`?
    schema.graphql:15:39: error[RELATION_INVALID]: `author` cannot become null when the row it refers to is deleted: it is not null
      hint: leave out the `!`, or delete the row too: CASCADE
    "#);
    assert_eq!(errors.len(), 10);
}

/// Each text has one mistake, at the place of `⟨`, which is taken out first.
#[test]
fn mistakes_are_found_where_they_are() {
    let cases = [
        // Definitions and types
        ("interface X { a: Int } type A { a: Int }", "1:1 DEFINITION_UNSUPPORTED"),
        ("scalar Url type A { a: Int }", "1:1 DEFINITION_UNSUPPORTED"),
        ("extend type A { b: Int } type A { a: Int }", "1:1 DEFINITION_UNSUPPORTED"),
        ("type A { ⟨a(x: Int): Int }", "DEFINITION_UNSUPPORTED"),
        ("type A { a: ⟨ID }", "UNKNOWN_TYPE"),
        ("type A { a: [⟨Int] }", "LIST_ITEM_NULLABLE"),
        ("type A { a: [[⟨Int!]!] }", "DEFINITION_UNSUPPORTED"),
        // Names
        ("type ⟨Query { a: Int }", "NAME_RESERVED"),
        ("type A { a: Int } type ⟨AMeta { a: Int }", "NAME_RESERVED"),
        ("type A { ⟨and: Int }", "NAME_RESERVED"),
        ("type A { a: Int ⟨a: String }", "NAME_TAKEN"),
        ("type A { a: Int } type ⟨A { b: Int }", "NAME_TAKEN"),
        ("type ⟨State @table(name: \"x\") { a: Int } enum state { x }", "NAME_TAKEN"),
        ("type A { aB: Int ⟨a_b: Int }", "COLUMN_TAKEN"),
        ("type A { b: B ⟨bId: Int } type B { x: Int }", "COLUMN_TAKEN"),
        ("type A { a: Int } type B @table(name: ⟨\"a\") { a: Int }", "TABLE_TAKEN"),
        ("type A { ⟨xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: B } type B { x: Int }", "NAME_TOO_LONG"),
        // Directives
        ("type A ⟨@required { a: Int }", "DIRECTIVE_LOCATION"),
        ("type A ⟨@tabel(name: \"x\") { a: Int }", "UNKNOWN_DIRECTIVE"),
        ("type A @table(⟨nam: \"x\", name: \"y\") { a: Int }", "UNKNOWN_ARGUMENT"),
        ("type A ⟨@table { a: Int }", "MISSING_ARGUMENT"),
        ("type A @table(name: ⟨1) { a: Int }", "ARGUMENT_TYPE"),
        ("type A @table(name: \"x\") ⟨@table(name: \"y\") { a: Int }", "DIRECTIVE_REPEATED"),
        ("type A { a: Int ⟨@inverse(of: \"b\") }", "DIRECTIVE_MISPLACED"),
        ("type A { b: B ⟨@default(value: 1) } type B { x: Int }", "DIRECTIVE_MISPLACED"),
        ("type A { b: B @relation(onDelete: ⟨CASCAD) } type B { x: Int }", "UNKNOWN_ENUM_VALUE"),
        // Columns
        ("type A { a: Int @default(value: ⟨\"1\") }", "DEFAULT_TYPE"),
        ("type A { a: Date @default(value: ⟨\"2024-13-01\") }", "DEFAULT_TYPE"),
        ("type A { a: [Int!] @default(value: ⟨1) }", "DEFAULT_TYPE"),
        ("type A { a: String @column(type: ⟨\"numeric(2)\") }", "COLUMN_TYPE"),
        ("type A { a: Int @column(collation: ⟨\"C\") }", "COLUMN_TYPE"),
        ("type A { a: String ⟨@sequence }", "SEQUENCE_INVALID"),
        ("type A { a: Int ⟨@sequence }", "SEQUENCE_INVALID"),
        ("type A { ⟨id: UUID }", "PRIMARY_INVALID"),
        ("type A { a: String @scalar(name: ⟨\"Int\") }", "SCALAR_INVALID"),
        ("type A { a: String @scalar(name: \"Url\") b: Int @scalar(name: ⟨\"Url\") }", "SCALAR_INVALID"),
        ("type A { a: [⟨StoredImage!] }", "COLUMN_TYPE"),
        // Search
        ("type A { a: Int ⟨@searchable }", "SEARCH_INVALID"),
        ("type A { a: [String!] ⟨@searchable }", "SEARCH_INVALID"),
        ("type A { b: B ⟨@searchable } type B { a: Int }", "DIRECTIVE_MISPLACED"),
        ("type A @view(sql: \"x\") { a: String ⟨@searchable }", "SEARCH_INVALID"),
        ("type A { a: Int ⟨@encrypted }", "ENCRYPTION_INVALID"),
        ("type A { a: [String!] ⟨@encrypted }", "ENCRYPTION_INVALID"),
        ("type A { a: Json ⟨@encrypted(lookup: true) }", "ENCRYPTION_INVALID"),
        ("type A { a: String @searchable ⟨@encrypted }", "ENCRYPTION_INVALID"),
        ("type A { a: String @column(collation: \"C\") ⟨@encrypted }", "ENCRYPTION_INVALID"),
        ("type A { a: String @column(type: ⟨\"varchar(20)\") @encrypted }", "COLUMN_TYPE"),
        ("type A @view(sql: \"x\") { a: String ⟨@encrypted }", "ENCRYPTION_INVALID"),
        ("type A { id: Int! @sequence a: String ⟨@encrypted }", "ENCRYPTION_INVALID"),
        ("type A { b: B ⟨@encrypted } type B { a: Int }", "DIRECTIVE_MISPLACED"),
        ("type A @unique(fields: [⟨\"a\"]) { a: String @encrypted(lookup: true) }", "UNIQUE_INVALID"),
        ("type A @index(fields: [⟨\"a\"]) { a: String @encrypted(lookup: true) }", "INDEX_INVALID"),
        ("type A @orderBy(fields: [⟨\"a\"]) { a: String @encrypted(lookup: true) }", "ORDER_INVALID"),
        ("type A { a: String @searchable(language: ⟨\"englisch\") }", "UNKNOWN_LANGUAGE"),
        ("type A { a: String @searchable(weight: ⟨E) }", "UNKNOWN_ENUM_VALUE"),
        ("type A { a: String @searchable b: String @searchable(language: ⟨\"german\") }", "SEARCH_INVALID"),
        ("type A { a: String @searchable(language: \"german\") b: String ⟨@searchable }", "SEARCH_INVALID"),
        ("type A { a: String @searchable ⟨freehold_search: Int }", "COLUMN_TAKEN"),
        ("type A { a: String @searchable b: A ⟨c: B @relation(column: \"freehold_search\") } type B { x: Int }", "COLUMN_TAKEN"),
        // Relations
        ("type A { b: B! @relation(onDelete: ⟨SET_NULL) } type B { x: Int }", "RELATION_INVALID"),
        ("type A { b: B } type B { as: A @inverse(of: ⟨\"b\") }", "INVERSE_MISMATCH"),
        ("type A { b: B @oneToOne } type B { as: [A!] @inverse(of: ⟨\"b\") }", "INVERSE_MISMATCH"),
        ("type A { b: B c: Int } type B { as: [A!] @inverse(of: ⟨\"c\") }", "INVERSE_MISMATCH"),
        ("type A { b: B } type B { as: [A!] @inverse(of: ⟨\"bb\") }", "UNKNOWN_FIELD"),
        ("type A { b: B } type B { x: [A!] @inverse(of: \"b\") ⟨y: [A!] @inverse(of: \"b\") }", "INVERSE_MISMATCH"),
        ("type A { b: [B!] ⟨@oneToOne } type B { x: Int }", "DIRECTIVE_MISPLACED"),
        // Keys and orders
        ("type A @unique(fields: [⟨\"b\"]) { a: [Int!] }", "UNKNOWN_FIELD"),
        ("type A { ⟨a: [Int!] @unique }", "UNIQUE_INVALID"),
        ("type A @unique(fields: [\"a\"]) ⟨@unique(fields: [\"a\"]) { a: Int }", "UNIQUE_INVALID"),
        ("type A { b: Int ⟨@unique(nullsNotDistinct: true) }", "ARGUMENT_CONFLICT"),
        ("type A { b: Int @index(method: ⟨\"btre\") }", "INDEX_INVALID"),
        ("type A @orderBy(fields: [⟨\"a down\"]) { a: Int }", "ORDER_INVALID"),
        ("type A @orderBy(fields: [⟨\"b\"]) { b: B } type B { x: Int }", "ORDER_INVALID"),
        // Views
        ("type A @view(sql: ⟨\" \") { a: Int }", "VIEW_INVALID"),
        ("type A @view(sql: \"x\") { ⟨b: [B!] } type B { a: Int }", "VIEW_INVALID"),
        ("type V @view(sql: \"x\") { a: Int } type B { ⟨v: V }", "VIEW_INVALID"),
        ("type V @view(sql: \"x\", dependencies: [⟨\"Bx\"]) { a: Int } type B { a: Int }", "UNKNOWN_ENTITY"),
        (
            "extend schema @role(name: \"r\") type V @view(sql: \"x\") ⟨@allow(roles: [\"r\"], delete: true) { a: Int }",
            "ALLOW_INVALID",
        ),
        // Roles and permissions
        ("extend schema @role(name: \"a\", inherits: [⟨\"a\"]) type A { a: Int }", "ROLE_CYCLE"),
        ("extend schema @role(name: \"a\") @role(name: ⟨\"a\") type A { a: Int }", "NAME_TAKEN"),
        ("extend schema @role(name: \"a\", variables: [⟨{ name: \"x\" }]) type A { a: Int }", "ROLE_INVALID"),
        ("extend schema @role(name: \"a\", s3: [{ keys: ⟨\"a/{b,c}\", read: true }]) type A { a: Int }", "KEY_PATTERN_INVALID"),
        (
            "extend schema @role(name: \"a\", s3: [{ keys: \"a\" }, { keys: ⟨\"a\", read: true }]) type A { a: Int }",
            "ARGUMENT_REPEATED",
        ),
        ("extend schema @role(name: \"a\", s3: [⟨{ read: true }]) type A { a: Int }", "MISSING_ARGUMENT"),
        (
            "extend schema @role(name: \"a\", s3: [{ keys: \"a\", read: true, maxSize: ⟨9 }]) type A { a: Int }",
            "ARGUMENT_CONFLICT",
        ),
        ("extend schema @role(name: \"a\", s3: [{ keys: \"a\", upload: true, maxSize: ⟨0 }]) type A { a: Int }", "ARGUMENT_TYPE"),
        (
            "extend schema @role(name: \"a\", s3: [{ keys: \"a\", upload: true, maxSize: ⟨\"9\" }]) type A { a: Int }",
            "ARGUMENT_TYPE",
        ),
        ("extend schema @role(name: \"a\", assumeMembership: { ⟨b: true }) type A { a: Int }", "UNKNOWN_ROLE"),
        ("type A @allow(roles: [⟨\"admin\"], read: true) { a: Int }", "ALLOW_INVALID"),
        ("extend schema @role(name: \"r\") type A ⟨@allow(roles: [\"r\"]) { a: Int }", "ALLOW_INVALID"),
        ("extend schema @role(name: \"r\") type A @allow(roles: [\"r\"], read: [⟨\"b\"]) { a: Int }", "UNKNOWN_FIELD"),
        ("extend schema @role(name: \"r\") type A @allow(roles: [\"r\"], read: true, when: ⟨{}) { a: Int }", "PREDICATE_EMPTY"),
        (
            "extend schema @role(name: \"r\") type A @allow(roles: [\"r\"], read: true, when: { a: { eq: ⟨null } }) { a: Int }",
            "PREDICATE_EMPTY",
        ),
        (
            "extend schema @role(name: \"r\") type A @allow(roles: [\"r\"], read: true, when: { a: { eq: ⟨\"1\" } }) { a: Int }",
            "PREDICATE_INVALID",
        ),
        (
            "extend schema @role(name: \"r\") type A @allow(roles: [\"r\"], read: true, when: { a: { ⟨contains: 1 } }) { a: Int }",
            "UNKNOWN_OPERATOR",
        ),
        (
            "extend schema @role(name: \"r\") type A @allow(roles: [\"r\"], read: true, when: { a: ⟨\"$v\" }) { a: Int }",
            "UNKNOWN_VARIABLE",
        ),
        (
            "extend schema @role(name: \"r\") type A @allow(roles: [\"r\"], read: true, when: { b: { ⟨y: { eq: 1 } } }) { b: B } type B { x: Int }",
            "UNKNOWN_FIELD",
        ),
        (
            "extend schema @role(name: \"r\", variables: [{ name: \"v\", entity: \"A\" }]) type A @allow(roles: [\"r\"], read: true, when: { a: ⟨\"$v\" }) { a: Int }",
            "PREDICATE_INVALID",
        ),
        (
            "extend schema @role(name: \"r\") type A ⟨@allow(roles: [\"r\"], read: true, through: true) @allow(roles: [\"r\"], read: [\"a\"]) { a: Int }",
            "ALLOW_INVALID",
        ),
        (
            "extend schema @role(name: \"r\") type A @allow(roles: [\"r\"], read: true, when: { ⟨_search: \"x\" }) { a: String @searchable }",
            "PREDICATE_INVALID",
        ),
        // Rules
        ("type A { a: Int ⟨@pattern(regex: \"x\") }", "RULE_INVALID"),
        ("type A { a: String ⟨@length }", "RULE_INVALID"),
        ("type A { a: Int ⟨@range(min: 2, max: 1) }", "RULE_INVALID"),
        ("type A { a: Int @rule(check: { ⟨defind: true }, message: \"m\") }", "RULE_INVALID"),
        ("type A { a: Int @rule(check: { field: ⟨\"b\", is: { defined: true } }, message: \"m\") }", "UNKNOWN_FIELD"),
        // Syntax
        ("type A { a: Int @x(a: ⟨) }", "SYNTAX"),
        ("type A { a: ⟨}", "SYNTAX"),
    ];
    let mut wrong = Vec::new();
    for (text, expected) in cases {
        let place = text.find('⟨').map(|at| format!("1:{} ", text[..at].chars().count() + 1)).unwrap_or_default();
        let found = mistakes(&text.replace('⟨', ""));
        if found.join(", ") != format!("{place}{expected}") {
            wrong.push(format!("{text}\n  found {}, expected {place}{expected}", found.join(", ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn syntax_errors_hide_nothing_elsewhere() {
    let text = "type A { a: Int b Int }\ntype B { c: String @uniqe\n  d: }\ntype C { e: Strin }\ntyp D { a: Int }\ntype E { f: Int @default(value: true) }";
    assert_eq!(mistakes(text), ["1:19 SYNTAX", "3:6 SYNTAX", "5:1 SYNTAX", "6:33 DEFAULT_TYPE"]);
}

#[test]
fn mistakes_in_json_have_places_too() {
    let model = |fields: &str, rest: &str| {
        format!(
            "{{\"model\": {{\"entities\": {{\"A\": {{\"fields\": {{\n\"id\": {{\"type\": \"Uuid\", \"nullable\": false}},\n{fields}}}}}}}}}\n{rest}}}"
        )
    };
    let cases = [
        (model(r#""a": {"type": "Strin"}"#, ""), "3:15 UNKNOWN_TYPE"),
        (model(r#""a": {"type": "String", "nulable": true}"#, ""), "3:25 UNKNOWN_KEY"),
        (model(r#""a": {"type": "String", "nullable": 1}"#, ""), "3:37 ARGUMENT_TYPE"),
        (model(r#""a": {"type": "Enum", "columnType": "x"}"#, ""), "3:37 UNKNOWN_TYPE"),
        (model(r#""a": {"type": "OneHasMany", "target": "A"}"#, ""), "3:6 MISSING_ARGUMENT"),
        (model(r#""a": {"type": "ManyHasOne", "target": "A", "inversedBy": "b"}"#, ""), "3:58 INVERSE_MISMATCH"),
        (model(r#""a": {"type": "String"}"#, r#", "acl": {"roles": {"r": {"stages": ["(preview"]}}}"#), "4:38 ROLE_INVALID"),
        (model(r#""a": {"type": "String"}"#, r#", "acl": {"roles": {"r": {"rateLimit": 5}}}"#), "4:27 UNKNOWN_KEY"),
        (
            model(r#""a": {"type": "String"}"#, r#", "acl": {"roles": {"r": {"s3": {"a/../b": {"read": true}}}}}"#),
            "4:34 KEY_PATTERN_INVALID",
        ),
        (model(r#""a": {"type": "String"}"#, r#", "acl": {"roles": {"r": {"s3": {"a": {"reed": true}}}}}"#), "4:40 UNKNOWN_KEY"),
        (
            model(r#""a": {"type": "String"}"#, r#", "acl": {"roles": {"r": {"s3": {"a": {}, "a": {"read": true}}}}}"#),
            "4:43 ARGUMENT_REPEATED",
        ),
        (
            model(r#""a": {"type": "String"}"#, r#", "acl": {"roles": {"r": {"s3": {"a": {"upload": {"maxSize": 1.5}}}}}}"#),
            "4:62 ARGUMENT_TYPE",
        ),
        (
            model(
                r#""a": {"type": "String"}"#,
                r#", "acl": {"roles": {"r": {"entities": {"A": {"operations": {"read": {"a": "p"}}}}}}}"#,
            ),
            "4:75 PREDICATE_INVALID",
        ),
        (
            model(r#""a": {"type": "String"}"#, r#", "acl": {"roles": {"r": {"entities": {"B": {"operations": {}}}}}}"#),
            "4:40 UNKNOWN_ENTITY",
        ),
        (
            model(
                r#""a": {"type": "String"}"#,
                r#", "validation": {"A": {"a": [{"validator": {"operation": "definit"}, "message": {"text": "m"}}]}}"#,
            ),
            "4:58 RULE_INVALID",
        ),
        (model(r#""a": {"type": "Integer", "encryption": {}}"#, ""), "3:40 ENCRYPTION_INVALID"),
        (model(r#""a": {"type": "String", "encryption": {"key": 1}}"#, ""), "3:40 UNKNOWN_KEY"),
        (model(r#""a": {"type": "String", "search": {"language": "klingon"}}"#, ""), "3:48 UNKNOWN_LANGUAGE"),
        (model(r#""a": {"type": "String", "search": {"weight": "E"}}"#, ""), "3:46 UNKNOWN_ENUM_VALUE"),
        (model(r#""a": {"type": "Integer", "search": {"weight": "A"}}"#, ""), "3:36 SEARCH_INVALID"),
        (model(r#""a": {"type": "String", "search": {"rank": "A"}}"#, ""), "3:36 UNKNOWN_KEY"),
        (model(r#""a": {"type": "String",}"#, ""), "3:24 SYNTAX"),
    ];
    for (text, expected) in cases {
        let errors = Schema::from_json("schema.json", &text).err().unwrap_or_default();
        let found: Vec<String> = errors.iter().map(|error| format!("{}:{} {}", error.line, error.column, error.code)).collect();
        assert_eq!(found.join(", "), expected, "{text}\n{}", report(&errors));
    }
}
