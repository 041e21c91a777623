//! What holds for every statement, whatever was asked; which SQL single cases give is in tests/cases.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::bind::{BindContext, BindValue, StepOutputs};
use crate::caller::{Caller, Membership};
use crate::compile::compile;
use crate::error::{ErrorCode, RequestError};
use crate::permissions::Permissions;
use crate::plan::{Plan, QueryPlan, Statement};
use crate::prepare::{Limits, prepare};
use crate::testing::{api, blog};
use freehold_schema::names::{RoleName, VariableName};

const READER: &str = "reader";

/// The plan and the bound values of a query.
fn query(role: &str, document: &str, variables: &Value) -> Result<(QueryPlan, Vec<BindValue>), Vec<RequestError>> {
    query_at(r#"{"gte":2}"#, role, document, variables)
}

/// The same, for a reader of this level.
fn query_at(
    level: &str,
    role: &str,
    document: &str,
    variables: &Value,
) -> Result<(QueryPlan, Vec<BindValue>), Vec<RequestError>> {
    let schema = blog();
    let level = [(VariableName::new("level"), vec![level.to_owned()])];
    let variables_of = if role == READER { level.into_iter().collect() } else { std::collections::BTreeMap::new() };
    let caller = Caller::resolve(&schema, None, &[Membership { role: RoleName::new(role), variables: variables_of }]).unwrap();
    let permissions = Permissions::new(&schema, caller.role_set());
    let api = api(&schema, &[role]);
    let prepared = prepare(&api, document, None, &Limits::default())?;
    let variables = prepared.coerce(&api, variables.as_object().unwrap_or(&Map::new()))?;
    let compiled = compile(&schema, &permissions, &api, &prepared, &variables, &caller)?;
    let again = compile(&schema, &permissions, &api, &prepared, &variables, &caller)?;
    let (Plan::Query(plan), Plan::Query(again)) = (compiled, again) else { panic!("a query gives a query plan") };
    assert_eq!(plan.statement, again.statement, "compiling twice gives the same statement");
    let steps = StepOutputs::new();
    let context = BindContext {
        variables: &variables,
        caller: &caller,
        new_ids: &[],
        now: "now",
        authorship: "00000000-0000-0000-0000-000000000001 request ",
        marker: "marker",
        cipher: None,
        steps: &steps,
    };
    let values = match &plan.statement {
        Some(statement) => statement.bind(&context).map_err(|error| vec![error])?,
        None => Vec::new(),
    };
    Ok((plan, values))
}

fn statement(role: &str, document: &str, variables: &Value) -> Statement {
    query(role, document, variables).unwrap().0.statement.unwrap()
}

fn condition() -> impl Strategy<Value = Value> {
    let text = "[ -~]{0,12}".prop_map(|text| format!("Zq{text}"));
    prop_oneof![
        (prop::sample::select(vec!["eq", "notEq", "lt", "contains", "startsWithCI", "endsWith", "similar"]), text.clone())
            .prop_map(|(operator, text)| json!({ operator: text })),
        prop::collection::vec(text.clone(), 0..3).prop_map(|texts| json!({ "in": texts })),
        prop::collection::vec(text, 0..3).prop_map(|texts| json!({ "notIn": texts })),
        any::<bool>().prop_map(|wanted| json!({ "isNull": wanted })),
        Just(json!({})),
        Just(Value::Null),
    ]
}

/// Filters of Article that a reader may write.
fn filter() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        condition().prop_map(|c| json!({ "title": c })),
        condition().prop_map(|c| json!({ "secret": c })),
        condition().prop_map(|c| json!({ "author": { "name": c } })),
        condition().prop_map(|c| json!({ "tags": { "name": c } })),
        condition().prop_map(|c| json!({ "site": { "slug": c } })),
        condition().prop_map(|c| json!({ "locales": { "text": c, "article": { "slug": c } } })),
        any::<bool>().prop_map(|wanted| json!({ "author": { "id": { "isNull": wanted } } })),
        any::<bool>().prop_map(|wanted| json!({ "locales": { "id": { "isNull": wanted } } })),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(|all| json!({ "and": all })),
            prop::collection::vec(inner.clone(), 0..3).prop_map(|any| json!({ "or": any })),
            inner.clone().prop_map(|filter| json!({ "not": filter })),
            inner.prop_map(|filter| json!({ "tags": { "articles": filter } })),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_value_becomes_text_and_every_bind_has_its_place(filter in filter(), role in prop::sample::select(vec!["admin", READER])) {
        let document = "query($f: ArticleWhere) {
            listArticle(filter: $f, orderBy: [{author: {name: desc}}], limit: 3) { title author(filter: {articles: $f}) { name } tags(limit: 2) { name } }
            paginateArticle(filter: $f, skip: 1) { pageInfo { totalCount } edges { node { slug } } }
            aggregateArticle(filter: $f) { count countDistinct { author } max { secret } }
            groupArticle(by: [author], filter: $f, orderBy: [{sum: {rank: desc}}], offset: 1) { key { author { groupArticles(by: [secret], filter: $f) { count } } } }
        }";
        let (plan, values) = query(role, document, &json!({ "f": filter })).unwrap();
        let statement = plan.statement.unwrap();
        let sql = statement.sql();
        prop_assert_eq!(values.len(), statement.binds.len());
        prop_assert_eq!(sql.matches('$').count(), values.len());
        prop_assert!(!sql.contains("Zq"), "{}", sql);
        let open = sql.chars().filter(|c| *c == '(').count();
        prop_assert_eq!(open, sql.chars().filter(|c| *c == ')').count());
    }

    #[test]
    fn texts_of_the_document_are_binds_too(text in "[a-z'\\\\$% _\"-]{0,16}") {
        let literal = Value::from(format!("Zq{text}")).to_string();
        let document = format!("{{ getTag(by: {{name: {literal}}}, filter: {{name: {{contains: {literal}}}}}) {{ name }} }}");
        let statement = statement("admin", &document, &Value::Null);
        prop_assert!(!statement.sql().contains("Zq"));
        prop_assert_eq!(statement.binds.len(), 2);
    }
}

#[test]
fn patterns_match_their_text_literally() {
    let (_, values) = query("admin", r#"{ listTag(filter: {name: {startsWith: "50%_\\"}}) { name } }"#, &Value::Null).unwrap();
    assert_eq!(values, [BindValue::Text(Some("50\\%\\_\\\\%".to_owned()))]);
}

#[test]
fn negative_bounds_are_refused_wherever_they_come_from() {
    let literal = query("admin", "{ listTag(limit: -1) { name } }", &Value::Null).unwrap_err();
    let variable = query("admin", "query($n: Int) { listTag(limit: 1, offset: $n) { name } }", &json!({ "n": -1 })).unwrap_err();
    for (error, argument) in [(literal, "limit"), (variable, "offset")] {
        assert_eq!(error[0].code, ErrorCode::BadUserInput);
        assert_eq!(error[0].message, format!("argument `{argument}` must not be negative, got: -1"));
    }
}

#[test]
fn keys_that_postgresql_would_cut_are_refused_below_the_root_only() {
    let long = "x".repeat(64);
    assert!(query("admin", &format!("{{ {long}: listTag {{ name }} }}"), &Value::Null).is_ok());
    let errors = query("admin", &format!("{{ listTag {{ {long}: name }} }}"), &Value::Null).unwrap_err();
    assert!(errors[0].message.contains("63 bytes"), "{errors:?}");
}

#[test]
fn an_incomplete_key_fails_its_own_root_field_and_quotes_this_requests_values() {
    let (plan, _) = query(
        "admin",
        "query($s: String) { a: getTag(by: {name: $s}) { name } b: getArticle(by: {slug: $s}) { id } }",
        &json!({ "s": "x" }),
    )
    .unwrap();
    assert!(matches!(plan.roots[0].value, crate::plan::RootValue::Row(0, _)));
    let crate::plan::RootValue::Failed(error) = &plan.roots[1].value else { panic!("{:?}", plan.roots[1]) };
    assert_eq!(error.code, ErrorCode::NonUniqueWhere);
    // The plan holds no value of the request: it serves others too.
    assert!(format!("{:?}", error.message).contains("Variable"));
}

#[test]
fn only_a_list_that_alone_asks_the_database_is_all_rows() {
    let is_all = |document: &str| {
        let (plan, _) = query("admin", document, &Value::Null).unwrap();
        format!("{:?}", plan.roots).contains("Items(")
    };
    for alone in ["{ listTag { id } }", "{ _info { description } transaction { __typename listTag { id } } }"] {
        assert!(is_all(alone), "{alone}");
    }
    for not in [
        "{ a: listTag { id } b: listTag { id } }",
        "{ listTag { id } transaction { listSite { id } } }",
        "{ aggregateTag { count } }",
    ] {
        assert!(!is_all(not), "{not}");
    }
}

#[test]
fn negation_keeps_unknown_apart_from_false() {
    let sql = |filter: &str| statement("admin", &format!("{{ listArticle(filter: {filter}) {{ title }} }}"), &Value::Null).sql();
    // As a condition, a missing author and another one are the same …
    assert!(sql(r#"{author: {name: {eq: "Ann"}}}"#).contains("EXISTS (SELECT 1 FROM \"content\".\"author\""));
    // … below `not` they are not: NULL = 'Ann' is unknown, and so is its negation.
    assert!(sql(r#"{not: {author: {name: {eq: "Ann"}}}}"#).contains("NOT ((SELECT t2.\"name\" = $1 FROM"));
}

#[test]
fn what_the_reader_may_not_see_guards_its_filter_and_its_order() {
    let guarded = statement(
        READER,
        r#"{ listArticle(filter: {not: {secret: {eq: "s"}}}, orderBy: [{secret: asc}]) { title } }"#,
        &Value::Null,
    )
    .sql();
    let filter = guarded.split(" ORDER BY ").next().unwrap();
    assert!(filter.ends_with("AND t1.\"rank\" >= $4 AND NOT (t1.\"secret\" = $5)"), "{filter}");
    assert!(guarded.contains("ORDER BY CASE WHEN t1.\"rank\" >= $6 THEN t1.\"secret\" END, t1.\"id\""), "{guarded}");
}

#[test]
fn a_condition_of_the_caller_that_does_not_fit_its_column_is_unknown_even_when_negated() {
    for level in [r#"{"similar":"x"}"#, r#"{"not":{"includes":1}}"#] {
        let (plan, values) = query_at(level, READER, "{ listArticle { secret } }", &Value::Null).unwrap();
        let sql = plan.statement.unwrap().sql();
        assert!(sql.contains("ROW(NULL)") || sql.contains("NOT (NULL::boolean)"), "{sql}");
        assert_eq!(values, [BindValue::Text(Some("published".to_owned()))]);
    }
}

#[test]
fn a_view_without_ids_of_its_own_gets_random_ones() {
    let site_stat = |field: &str| statement("admin", &format!("{{ listSiteStat {{ {field} }} }}"), &Value::Null).sql();
    assert!(site_stat("id").contains(r#"coalesce(t1."id"::text, gen_random_uuid()::text)"#), "{}", site_stat("id"));
    assert!(!site_stat("cnt").contains("gen_random_uuid"));
    let groups = statement("admin", "{ groupSiteStat(by: [id]) { key { id } } }", &Value::Null).sql();
    assert!(groups.contains(r#"coalesce(t5."id"::text, gen_random_uuid()::text) AS "c1""#), "{groups}");
}

#[test]
fn the_planner_orders_a_dozen_existence_tests_at_once() {
    let filter = |n: usize| json!({ "and": (0..n).map(|n| json!({ "tags": { "name": { "contains": n.to_string() } } })).collect::<Vec<_>>() });
    let tests = |n: usize| {
        let document = "query($f: ArticleWhere) { listArticle(filter: $f) { id } }";
        let sql = statement("admin", document, &json!({ "f": filter(n) })).sql();
        (sql.matches("EXISTS (").count(), sql.matches(") IS TRUE").count())
    };
    assert_eq!(tests(12), (12, 0));
    assert_eq!(tests(100), (100, 88));
}

#[test]
fn groups_are_told_by_the_keys_that_are_named() {
    let refused = |document: &str, variables: Value| query("admin", document, &variables).unwrap_err().remove(0);
    let table = [
        ("{ groupArticle(by: []) { count } }", "argument `by` must name at least one key; without groups, ask for the aggregate"),
        (
            "{ groupArticle(by: [state, publishedAtDay]) { key { publishedAtMonth } } }",
            "`publishedAtMonth` is not among the keys that argument `by` names: state, publishedAtDay",
        ),
        (
            "{ groupArticle(by: [state], orderBy: [{key: {slug: asc}}]) { count } }",
            "`slug` is not among the keys that argument `by` names: state",
        ),
        (
            "{ groupArticle(by: [state], orderBy: [{count: asc, max: {rank: asc}}]) { count } }",
            "Order by: only one field is expected in each item of order by clause, got: count, max",
        ),
        (
            "{ groupArticle(by: [state], orderBy: [{max: {rank: asc, slug: asc}}]) { count } }",
            "Order by: only one field is expected in each item of order by clause, got: rank, slug",
        ),
        ("{ listTag { groupArticles(by: [state], limit: -1) { count } } }", "argument `limit` must not be negative, got: -1"),
    ];
    for (document, message) in table {
        let error = refused(document, Value::Null);
        assert_eq!((error.code, &*error.message), (ErrorCode::BadUserInput, message));
    }
    let variable =
        refused("query($by: [ArticleGroupKey!]!) { groupArticle(by: $by) { key { slug } } }", json!({ "by": "state" }));
    assert_eq!(variable.message, "`slug` is not among the keys that argument `by` names: state");
}

#[test]
fn the_same_value_is_made_once() {
    let sql = statement(
        "admin",
        "{ groupArticle(by: [state, state], orderBy: [{max: {rank: desc}}, {key: {state: desc}}, {count: null}]) { a: max { rank } b: max { x: rank y: rank } } }",
        &Value::Null,
    )
    .sql();
    assert_eq!(sql.matches("max(").count(), 1, "{sql}");
    assert!(sql.contains("GROUP BY 1 ORDER BY 2 DESC, 1 DESC)"), "{sql}");
}

#[test]
fn sums_of_floats_do_not_depend_on_where_rows_are_stored() {
    let sql = statement("admin", "{ aggregateArticle { sum { ratio rank } } }", &Value::Null).sql();
    assert!(sql.contains("sum(t4.\"c1\"::double precision ORDER BY t4.\"c1\") AS \"a1\", sum(t4.\"c2\") AS \"a2\""), "{sql}");
}

#[test]
fn a_related_row_that_may_be_hidden_is_looked_at_before_it_is_counted() {
    let sql = |role: &str| statement(role, "{ aggregateArticleLocale { countOf { article } } }", &Value::Null).sql();
    assert!(sql("admin").contains("SELECT t5.\"article_id\" AS \"c1\" FROM"), "{}", sql("admin"));
    let restricted = statement(READER, "{ listArticle { aggregateLocales { countOf { article } } } }", &Value::Null).sql();
    assert!(
        restricted.contains("SELECT (SELECT t7.\"id\" FROM \"content\".\"article\" t7 WHERE t7.\"id\" = t6.\"article_id\" AND"),
        "{restricted}"
    );
}

#[test]
fn requests_that_postgresql_could_not_plan_are_refused() {
    let filtered =
        |filter: Value| query("admin", "query($f: ArticleWhere) { listArticle(filter: $f) { id } }", &json!({ "f": filter }));
    let nested = |n: usize| {
        let leaf = json!({ "name": { "eq": "x" } });
        (0..n).fold(leaf, |inner, n| if n % 2 == 0 { json!({ "author": inner }) } else { json!({ "articles": inner }) })
    };
    assert!(filtered(nested(9)).is_ok());
    assert_eq!(filtered(nested(11)).unwrap_err()[0].code, ErrorCode::TooDeep);

    let ordered =
        |n: usize| query("admin", &format!("{{ listTag(orderBy: [{}]) {{ id }} }}", "{name: asc}".repeat(n)), &Value::Null);
    assert!(ordered(100).is_ok());
    assert_eq!(ordered(101).unwrap_err()[0].code, ErrorCode::TooComplex);

    let compared = |n: usize| filtered(json!({ "or": vec![json!({ "rank": { "eq": 1 } }); n] }));
    assert_eq!(compared(65_536).unwrap_err()[0].code, ErrorCode::TooComplex);
}
