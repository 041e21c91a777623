//! Selection trees.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::select;
use crate::api::Api;
use crate::coerce::Variables;
use crate::prepare::{Limits, Prepared, prepare};
use crate::selection::{Input, Selected, Selections, Source};
use crate::testing::{api, blog, tiny};

fn prepared(api: &Api, text: &str) -> Prepared {
    prepare(api, text, None, &Limits::default()).unwrap_or_else(|errors| panic!("{text}: {errors:?}"))
}

fn coerced(api: &Api, prepared: &Prepared, variables: &Value) -> Variables {
    prepared.coerce(api, variables.as_object().unwrap()).unwrap()
}

/// `key:name(argument: …) {…}`, leaves as `value` or `$variable.path`.
fn outline(fields: &[Selected], values: bool) -> String {
    let field = |field: &Selected| {
        let name = if field.key == field.name { field.name.to_string() } else { format!("{}:{}", field.key, field.name) };
        let arguments: Vec<String> =
            field.arguments.iter().map(|(name, value)| format!("{name}: {}", input(value, values))).collect();
        let arguments = if arguments.is_empty() { String::new() } else { format!("({})", arguments.join(", ")) };
        let below = match &field.selections {
            Selections::None => String::new(),
            Selections::Object(fields) => format!(" {{{}}}", outline(fields, values)),
            Selections::Abstract(types) => {
                let types: Vec<String> =
                    types.iter().map(|(name, fields)| format!("{name} {{{}}}", outline(fields, values))).collect();
                format!(" <{}>", types.join(", "))
            }
        };
        format!("{name}{arguments}{below}")
    };
    fields.iter().map(field).collect::<Vec<_>>().join(" ")
}

fn input(value: &Input, values: bool) -> String {
    match value {
        Input::Null => "null".to_owned(),
        Input::Leaf(leaf) => match &leaf.source {
            Source::Literal => leaf.value.to_string(),
            Source::Variable(path) if values => format!("{path:?}={}", leaf.value),
            Source::Variable(path) => {
                format!("${}{}", path.name, path.steps.iter().map(super::super::coerce::print_step).collect::<String>())
            }
        },
        Input::List(items) => format!("[{}]", items.iter().map(|item| input(item, values)).collect::<Vec<_>>().join(", ")),
        Input::Object(members) => {
            let members: Vec<String> = members.iter().map(|(key, value)| format!("{key}: {}", input(value, values))).collect();
            format!("{{{}}}", members.join(", "))
        }
    }
}

#[track_caller]
fn check(api: &Api, text: &str, variables: &Value, expected: &str) {
    let prepared = prepared(api, text);
    let variables = coerced(api, &prepared, variables);
    assert_eq!(outline(&select(api, &prepared, &variables).unwrap(), false), expected, "{text}");
}

#[test]
fn fields_are_merged_and_chosen() {
    let api = api(&tiny(), &["admin"]);
    let none = json!({});
    check(&api, "{ listAuthor { name } listAuthor { id name } }", &none, "listAuthor {name id}");
    check(
        &api,
        "{ a: listAuthor { ...F } } fragment F on Author { id ... { books { id } } ...G } fragment G on Author { books { slug } }",
        &none,
        "a:listAuthor {id books {id slug}}",
    );
    let skipping = "query($y: Boolean!) { listAuthor { id @skip(if: $y) name @include(if: $y) ...F @skip(if: $y) ... @include(if: false) { x: id } } } fragment F on Author { z: id }";
    check(&api, skipping, &json!({"y": true}), "listAuthor {name}");
    check(&api, skipping, &json!({"y": false}), "listAuthor {id z:id}");
    check(&api, "{ __typename __schema { types { name } } }", &none, "__typename __schema");
    check(
        &api,
        "{ schema { entities { fields { name ... on _Column { enumName } ... on _Relation { side } } } } }",
        &none,
        "schema {entities {fields <_Column {name enumName}, _Relation {name side}>}}",
    );
}

#[test]
fn arguments_know_where_they_come_from() {
    let api = api(&blog(), &["admin"]);
    let none = json!({});
    check(&api, "{ listTag(filter: null, limit: 1) { id } }", &none, "listTag(filter: null, limit: 1) {id}");
    check(&api, "{ listTag(orderBy: {name: asc}) { id } }", &none, "listTag(orderBy: [{name: \"asc\"}]) {id}");
    check(&api, "query($l: Int) { listTag(limit: $l) { id } }", &none, "listTag {id}");
    check(&api, "query($l: Int) { listTag(limit: $l) { id } }", &json!({"l": null}), "listTag(limit: null) {id}");
    check(&api, "query($l: Int = 3) { listTag(limit: $l) { id } }", &none, "listTag(limit: $l) {id}");
    check(
        &api,
        "query($n: String, $m: String, $f: TagWhere) { listTag(filter: {name: {in: [\"a\", \"b\"], eq: $n, lt: $m}, and: [$f, {name: {gt: $n}}]}) { id } }",
        &json!({"n": "x", "f": {"name": {"in": ["p", "q"]}, "articles": {"and": [{"rank": {"eq": 1}}, null]}}}),
        "listTag(filter: {name: {in: [\"a\", \"b\"], eq: $n}, and: [{name: {in: $f.name.in}, articles: {and: [{rank: {eq: $f.articles.and[0].rank.eq}}, null]}}, {name: {gt: $n}}]}) {id}",
    );
    check(
        &api,
        "query($x: String, $j: Json) { listArticle(filter: {meta: {includes: {a: [$x, 1, E]}}, not: {meta: {includes: $j}}}) { id } }",
        &json!({"x": "v", "j": {"deep": [1]}}),
        "listArticle(filter: {meta: {includes: {\"a\":[\"v\",1,\"E\"]}}, not: {meta: {includes: $j}}}) {id}",
    );
}

#[test]
fn null_through_a_defaulted_variable_is_refused() {
    let api = api(&tiny(), &["admin"]);
    let text = "query($b: AuthorUniqueWhere = {name: \"a\"}) { getAuthor(by: $b) { id } }";
    let prepared = prepared(&api, text);
    let variables = coerced(&api, &prepared, &json!({"b": null}));
    let errors = select(&api, &prepared, &variables).unwrap_err();
    assert_eq!(errors[0].message, "Argument \"by\" of non-null type \"AuthorUniqueWhere!\" must not be null.");
    assert_eq!((errors[0].locations[0].line, errors[0].locations[0].column), (1, 60));
}

/// JSON filters of the blog's articles, with few enough choices that equal shapes are common.
fn article_filter() -> impl Strategy<Value = Value> {
    let text = prop_oneof![Just(json!("a")), Just(json!("b")), Just(json!(null))];
    let leaf = prop_oneof![
        text.clone().prop_map(|value| json!({"slug": {"eq": value}})),
        text.clone().prop_map(|value| json!({"title": {"contains": value, "isNull": value.is_null()}})),
        prop::collection::vec(prop_oneof![Just("x"), Just("y")], 0..3).prop_map(|values| json!({"slug": {"in": values}})),
        any::<bool>().prop_map(|value| json!({"active": {"eq": value}})),
        any::<bool>().prop_map(|value| json!({"active": {"isNull": value}})),
        (0..3).prop_map(|value| json!({"rank": {"gte": value}})),
        Just(json!({"state": {"eq": "draft"}})),
        Just(json!({"state": {"eq": "published"}})),
        text.prop_map(|value| json!({"meta": {"includes": value}})),
        Just(json!({})),
        Just(json!(null)),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(|items| json!({"and": items})),
            prop::collection::vec(inner.clone(), 0..3).prop_map(|items| json!({"or": items})),
            inner.clone().prop_map(|item| json!({"not": item})),
            inner.prop_map(|item| json!({"locales": {"article": item}})),
        ]
    })
}

fn order() -> impl Strategy<Value = Value> {
    let item = prop_oneof![
        Just(json!({"rank": "asc"})),
        Just(json!({"rank": "desc"})),
        Just(json!({"site": {"slug": "asc"}})),
        any::<bool>().prop_map(|value| json!({"_random": value})),
        (0..3).prop_map(|value| json!({"_randomSeeded": value})),
    ];
    prop::collection::vec(item, 0..3).prop_map(Value::from)
}

fn request() -> impl Strategy<Value = Value> {
    let direction = prop_oneof![Just(json!("asc")), Just(json!("desc")), Just(json!(null))];
    let limit = prop_oneof![(0..3).prop_map(Value::from), Just(json!(null))];
    (article_filter(), order(), limit, any::<bool>(), direction, any::<bool>(), any::<bool>()).prop_map(
        |(filter, order, limit, skip, direction, active, has_text)| {
            let mut variables = json!({"f": filter, "o": order, "l": limit, "b": skip, "d": direction, "a": active});
            if has_text {
                variables["m"] = json!(if active { "x" } else { "y" });
            }
            variables
        },
    )
}

const TEXT: &str = "query($f: ArticleWhere, $o: [ArticleOrderBy!], $l: Int, $b: Boolean!, $d: OrderDirection, $a: Boolean, $m: String) { \
    listArticle(filter: $f, orderBy: $o, limit: $l) { id title @skip(if: $b) } \
    b: listArticle(orderBy: [{rank: $d}], filter: {active: {eq: $a, isNull: $b}, not: $f, meta: {includes: {x: $m}}}) { id } }";

/// What a plan may depend on: everything but the values of leaves that are bound, and of those the ones that choose.
fn plan_view(fields: &[Selected]) -> String {
    fn visit(name: &str, value: &mut Input) {
        match value {
            Input::Null => {}
            Input::Leaf(leaf) => {
                let chooses =
                    matches!(name, "isNull" | "null" | "_random") || matches!(leaf.value.as_str(), Some("asc" | "desc"));
                if matches!(leaf.source, Source::Variable(_)) && !chooses {
                    leaf.value = Value::Null;
                }
            }
            Input::List(items) => items.iter_mut().for_each(|item| visit(name, item)),
            Input::Object(members) => members.iter_mut().for_each(|(key, value)| visit(key, value)),
        }
    }
    let mut fields = fields.to_vec();
    for field in &mut fields {
        field.arguments.iter_mut().for_each(|(name, value)| visit(name, value));
    }
    outline(&fields, true)
}

/// The request with its `index`-th leaf changed to another value of the same kind.
fn varied(request: &Value, index: usize) -> Value {
    fn leaves<'a>(value: &'a mut Value, found: &mut Vec<&'a mut Value>) {
        match value {
            Value::Array(items) => items.iter_mut().for_each(|item| leaves(item, found)),
            Value::Object(members) => members.values_mut().for_each(|member| leaves(member, found)),
            Value::Null => {}
            Value::Bool(_) | Value::Number(_) | Value::String(_) => found.push(value),
        }
    }
    let mut changed = request.clone();
    let mut found = Vec::new();
    leaves(&mut changed, &mut found);
    let count = found.len().max(1);
    if let Some(leaf) = found.into_iter().nth(index % count) {
        *leaf = match &*leaf {
            Value::Bool(value) => json!(!*value),
            Value::Number(number) => json!(number.as_i64().unwrap() + 1),
            Value::String(text) => match text.as_str() {
                "asc" => json!("desc"),
                "desc" => json!("asc"),
                "draft" => json!("published"),
                "published" => json!("draft"),
                other => json!(format!("{other}'")),
            },
            other => other.clone(),
        };
    }
    changed
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn equal_shapes_mean_equal_plans(base in request(), other in request(), indexes in prop::collection::vec(0..64_usize, 6)) {
        thread_local! {
            static API: Api = api(&blog(), &["admin"]);
        }
        API.with(|api| {
            let prepared = prepared(api, TEXT);
            // Requests that differ in one leaf, because unrelated ones seldom have the same shape.
            let mut requests = vec![base.clone(), other];
            requests.extend(indexes.iter().map(|&index| varied(&base, index)));
            let views: Vec<(String, String)> = requests.iter().map(|request| {
                let variables = coerced(api, &prepared, request);
                (variables.shape().to_owned(), plan_view(&select(api, &prepared, &variables).unwrap()))
            }).collect();
            for (index, (shape, view)) in views.iter().enumerate() {
                for (other_shape, other_view) in &views[index + 1..] {
                    if shape == other_shape {
                        prop_assert_eq!(view, other_view);
                    }
                }
            }
            Ok(())
        })?;
    }
}
