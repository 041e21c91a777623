//! Variables, their errors, and their shapes.

use serde_json::{Map, Value, json};

use super::Variables;
use crate::api::Api;
use crate::prepare::{Limits, prepare};
use crate::testing::{api, blog, tiny};

fn coerce(api: &Api, text: &str, variables: &Value) -> Result<Variables, Vec<String>> {
    let prepared = prepare(api, text, None, &Limits::default()).unwrap();
    let none = Map::new();
    prepared
        .coerce(api, variables.as_object().unwrap_or(&none))
        .map_err(|errors| errors.into_iter().map(|error| error.message).collect())
}

#[test]
fn errors_are_those_of_graphql_js() {
    let api = api(&blog(), &["admin"]);
    let article = |ty: &str| format!("query($v: {ty}) {{ listArticle(filter: $v) {{ id }} }}");
    let by_id = "query($v: UUID!) { getArticle(by: {id: $v}) { id } }".to_owned();
    let limit = "query($v: Int) { listArticle(limit: $v) { id } }".to_owned();
    let state = "query($v: State) { listArticle(filter: {state: {eq: $v}}) { id } }".to_owned();
    let list = "query($v: [String!]) { listArticle(filter: {slug: {in: $v}}) { id } }".to_owned();
    let update = "mutation($v: SiteUpdateInput!) { updateSite(by: {slug: \"a\"}, data: $v) { ok } }".to_owned();
    let table: &[(&str, Value, &[&str])] = &[
        (&by_id, json!({}), &["Variable \"$v\" of required type \"UUID!\" was not provided."]),
        (&by_id, json!({"v": null}), &["Variable \"$v\" of non-null type \"UUID!\" must not be null."]),
        (&by_id, json!({"v": "xyz"}), &["Variable \"$v\" got invalid value \"xyz\"; Expected type \"UUID\"."]),
        (&limit, json!({"v": "1"}), &["Variable \"$v\" got invalid value \"1\"; Int cannot represent non-integer value: \"1\""]),
        (&limit, json!({"v": 1.5}), &["Variable \"$v\" got invalid value 1.5; Int cannot represent non-integer value: 1.5"]),
        (
            &state,
            json!({"v": "drafts"}),
            &[
                "Variable \"$v\" got invalid value \"drafts\"; Value \"drafts\" does not exist in \"State\" enum. Did you mean the enum value \"draft\"?",
            ],
        ),
        (&state, json!({"v": 1}), &["Variable \"$v\" got invalid value 1; Enum \"State\" cannot represent non-string value: 1."]),
        (
            &list,
            json!({"v": ["a", null]}),
            &["Variable \"$v\" got invalid value null at \"v[1]\"; Expected non-nullable type \"String!\" not to be null."],
        ),
        (
            &list,
            json!({"v": ["a", {"b": [1, {"c": {}, "d": {"e": 1}}]}]}),
            &[
                "Variable \"$v\" got invalid value { b: [1, [Object]] } at \"v[1]\"; String cannot represent a non string value: { b: [1, [Object]] }",
            ],
        ),
        (
            &article("ArticleWhere"),
            json!({"v": 1}),
            &["Variable \"$v\" got invalid value 1; Expected type \"ArticleWhere\" to be an object."],
        ),
        (
            &article("ArticleWhere"),
            json!({"v": {"slug": {"eqq": "a"}, "price": {"lt": "abc"}}}),
            &[
                "Variable \"$v\" got invalid value { eqq: \"a\" } at \"v.slug\"; Field \"eqq\" is not defined by type \"StringCondition\". Did you mean \"eq\"?",
                "Variable \"$v\" got invalid value \"abc\" at \"v.price.lt\"; Expected type \"Decimal\". Value is not a valid decimal: abc",
            ],
        ),
        (
            &update,
            json!({"v": {"articles": [{"update": {"by": {"id": null}}}]}}),
            &[
                "Variable \"$v\" got invalid value { by: { id: null } } at \"v.articles[0].update\"; Field \"data\" of required type \"ArticleWithoutSiteUpdateInput!\" was not provided.",
            ],
        ),
    ];
    for (text, variables, expected) in table {
        let expected: Vec<String> = expected.iter().map(|&error| error.to_owned()).collect();
        assert_eq!(coerce(&api, text, variables).err(), Some(expected), "{text} {variables}");
    }
}

#[test]
fn values_are_normalised() {
    let api = api(&blog(), &["admin"]);
    let text = "query($f: ArticleWhere = {rank: {eq: 3}}, $l: [String!], $u: UUID) { listArticle(filter: $f) { id } \
                b: listArticle(filter: {slug: {in: $l}, id: {eq: $u}}) { id } }";
    let defaults = coerce(&api, text, &json!({"l": "single", "other": 1})).unwrap();
    assert_eq!(defaults.get("f"), Some(&json!({"rank": {"eq": 3}})));
    assert_eq!(defaults.get("l"), Some(&json!(["single"])));
    assert_eq!(defaults.get("u"), None);
    let given = json!({"f": {"price": {"lt": 12.5}, "at": {"eq": "13:45"}}, "u": "0123ABCD456789EF0123456789ABCDEF"});
    let given = coerce(&api, text, &given).unwrap();
    assert_eq!(given.get("f"), Some(&json!({"price": {"lt": "12.5"}, "at": {"eq": "13:45:00"}})));
    assert_eq!(given.get("u"), Some(&json!("0123abcd-4567-89ef-0123-456789abcdef")));
}

#[test]
fn shapes_keep_what_changes_sql() {
    let api = api(&blog(), &["admin"]);
    let text = "query($f: ArticleWhere, $o: [ArticleOrderBy!], $l: Int, $b: Boolean!, $d: OrderDirection, $a: Boolean, $m: String, \
                $k: [ArticleGroupKey!]!, $g: ArticleGroupKey!) { \
                listArticle(filter: $f, orderBy: $o, limit: $l) { id title @skip(if: $b) } \
                b: listArticle(orderBy: [{rank: $d}], filter: {active: {eq: $a}, meta: {includes: {x: $m}}}) { id } \
                groupArticle(by: $k) { count } h: groupArticle(by: [$g]) { count } }";
    let shape = |variables: Value| coerce(&api, text, &variables).unwrap().shape().to_owned();
    let base =
        json!({"f": {"slug": {"eq": "a", "in": ["b"]}}, "l": 1, "b": false, "a": true, "m": "x", "k": ["slug"], "g": "slug"});
    let with = |key: &str, value: Value| {
        let mut changed = base.clone();
        changed[key] = value;
        shape(changed)
    };
    let same = shape(base.clone());
    for (key, value) in [("l", json!(7)), ("f", json!({"slug": {"eq": "zz", "in": ["b", "c"]}})), ("a", json!(false))] {
        assert_eq!(with(key, value.clone()), same, "{key} {value}");
    }
    let different = [
        ("l", json!(null)),
        ("f", json!({"slug": {"eq": "a"}})),
        ("f", json!({"slug": {"eq": null, "in": ["b"]}})),
        ("f", json!({"slug": {"isNull": true}})),
        ("f", json!({"slug": {"isNull": false}})),
        ("f", json!({"and": [{"rank": {"eq": 1}}]})),
        ("f", json!({"and": [{"rank": {"eq": 1}}, {"rank": {"eq": 1}}]})),
        ("f", json!({"and": [null]})),
        ("o", json!([{"rank": "asc"}])),
        ("o", json!([{"rank": "desc"}])),
        ("o", json!([{"_random": true}])),
        ("o", json!([{"_random": false}])),
        ("b", json!(true)),
        ("d", json!("asc")),
        ("d", json!("desc")),
        ("a", json!(null)),
        ("m", json!("y")),
        ("k", json!(["state"])),
        ("k", json!(["slug", "state"])),
        ("g", json!("state")),
    ];
    let mut shapes: Vec<String> = different.iter().map(|(key, value)| with(key, value.clone())).collect();
    shapes.push(same);
    let count = shapes.len();
    shapes.sort();
    shapes.dedup();
    assert_eq!(shapes.len(), count, "{shapes:#?}");
}

#[test]
fn secrets_in_values_never_enter_the_shape() {
    let api = api(&tiny(), &["admin"]);
    let text = "query($f: AuthorWhere, $n: String) { listAuthor(filter: $f) { id } b: getAuthor(by: {name: $n}) { id } }";
    let variables = json!({"f": {"name": {"in": ["s3cret"], "contains": "s3cret"}}, "n": "s3cret"});
    assert!(!coerce(&api, text, &variables).unwrap().shape().contains("s3cret"));
}

#[test]
fn errors_beyond_the_fiftieth_are_summed_up() {
    let api = api(&tiny(), &["admin"]);
    let text = "query($n: [String!]) { listAuthor(filter: {name: {in: $n}}) { id } }";
    let errors = |n: usize| coerce(&api, text, &json!({ "n": vec![json!(1); n] })).unwrap_err();
    assert_eq!(errors(50).len(), 50);
    let summed_up = errors(10_000);
    assert_eq!(summed_up.len(), 51);
    assert_eq!(summed_up[50], "Too many errors processing variables, error limit reached. Execution aborted.");
}
