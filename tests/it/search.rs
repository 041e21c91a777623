//! Full-text search, as callers and PostgreSQL see it together.

use std::fmt::Write as _;

use freehold_tests::{Answer, Client, shared};
use serde_json::{Value, json};

/// `conditional` may read what `admin` may, but only by conditions that hold on every row: its words are made anew for each row, not looked up.
const SCHEMA: &str = r#"
extend schema @role(name: "conditional") @role(name: "titles")

type Page
  @orderBy(fields: ["title"])
  @allow(roles: ["conditional"], read: ["title"])
  @allow(roles: ["conditional"], read: ["body"], when: { title: { isNull: false } })
  @allow(roles: ["conditional"], read: ["note"], when: { title: { notEq: "" } })
  @allow(roles: ["titles"], read: ["title"])
{
  title: String! @searchable(language: "english", weight: A)
  body: String @column(name: "the \"body\"") @searchable(language: "english")
  note: String @searchable(language: "english", weight: C)
}
"#;

struct Pages {
    url: String,
}

impl Pages {
    fn new(slug: &str) -> Self {
        let schema = shared().write(&format!("{slug}.graphql"), SCHEMA);
        let tenant = shared().json(&["tenant", "create", slug, "--schema", schema.to_str().unwrap()]).unwrap();
        Self { url: tenant["content_url"].as_str().unwrap().to_owned() }
    }

    fn ask(&self, token: &str, query: &str, variables: Value) -> Answer {
        Client::default().graphql(&self.url, Some(token), query, variables).unwrap()
    }

    fn create(&self, token: &str, title: &str, body: &str, note: Option<&str>) {
        let query = "mutation($t: String, $b: String, $n: String) { createPage(data: {title: $t, body: $b, note: $n}) { ok errorMessage } }";
        let answer = self.ask(token, query, json!({ "t": title, "b": body, "n": note }));
        assert_eq!(answer.status, 200, "{}", answer.json());
        assert_eq!(answer.data("/createPage"), json!({ "ok": true, "errorMessage": null }));
    }

    /// Titles of the pages that are found, and of all in the order of their rank.
    fn search(&self, token: &str, text: &str) -> String {
        let query = "query($text: String) { found: listPage(filter: {_search: $text}) { title }
            others: listPage(filter: {not: {_search: $text}}) { title } ranked: listPage(orderBy: [{_relevance: $text}]) { title } }";
        let answer = self.ask(token, query, json!({ "text": text }));
        assert_eq!(answer.status, 200, "{text}: {}", answer.json());
        let titles = |key: &str| {
            let pages = answer.data(key);
            let titles: Vec<&str> = pages.as_array().unwrap().iter().map(|page| page["title"].as_str().unwrap()).collect();
            titles.join(" ")
        };
        format!("{} | {} | {}", titles("/found"), titles("/others"), titles("/ranked"))
    }
}

#[test]
fn words_are_found_in_what_may_be_read() {
    let pages = Pages::new("search-words");
    let [admin, conditional, titles] =
        ["admin", "conditional", "titles"].map(|role| shared().token("search-words", role).unwrap());
    pages.create(&admin, "Boats", "Walking along the harbour, past the ferries", None);
    pages.create(&admin, "Dunes", "A walk to the harbour and the boats", Some("harbour"));
    pages.create(&admin, "Ferries", "Nobody is here", Some("Old boats"));
    for (text, expected) in [
        ("walks", "Boats Dunes | Ferries | "),
        ("boat", "Boats Dunes Ferries |  | Boats Ferries Dunes"),
        ("\"the harbour\"", "Boats Dunes | Ferries | "),
        ("\"harbour boats\"", " | Boats Dunes Ferries | "),
        ("ferry -walk", "Ferries | Boats Dunes | "),
        ("old or walking", "Boats Dunes Ferries |  | "),
        ("the", " | Boats Dunes Ferries | "),
    ] {
        let found = pages.search(&admin, text);
        assert!(found.starts_with(expected), "{text}: {found}");
        // The words that PostgreSQL keeps are the ones that the compiler makes.
        assert_eq!(pages.search(&conditional, text), found, "{text}");
    }
    assert!(pages.search(&titles, "boat or walk").starts_with("Boats | Dunes Ferries | Boats "));
}

/// Whatever a person types, or pastes, is a search.
#[test]
fn no_text_is_a_mistake() {
    let pages = Pages::new("search-texts");
    let (admin, conditional) =
        (shared().token("search-texts", "admin").unwrap(), shared().token("search-texts", "conditional").unwrap());
    pages.create(&admin, "Found", "here", None);
    let texts = [
        "\"",
        "'",
        "''",
        "\\",
        "!",
        "&",
        "|",
        "(",
        ")",
        ":*",
        "<->",
        "-",
        "--",
        "or",
        "or or",
        "- -",
        "$1",
        "%",
        "\u{1f600}",
        "found & ( !",
        "a:b*c",
        "-\"",
        "\"-",
    ];
    let repeated = texts.iter().flat_map(|text| {
        [text.repeat(40), format!("{} found", format!("{text} ").repeat(40)), format!("found {}", text.repeat(300))]
    });
    for text in texts.iter().map(|text| (*text).to_owned()).chain(repeated) {
        let text: String = text.chars().take(1_000).collect();
        assert_eq!(pages.search(&admin, &text), pages.search(&conditional, &text), "{text}");
    }
    let line = format!("found {} here", "-".repeat(80));
    assert!(pages.search(&admin, &line).starts_with("Found |"));
    let long = pages.ask(
        &admin,
        "query($text: String) { listPage(filter: {_search: $text}) { title } }",
        json!({ "text": "x".repeat(1_001) }),
    );
    assert_eq!((long.status, long.code().as_deref()), (400, Some("BAD_USER_INPUT")), "{}", long.json());
}

/// PostgreSQL refuses rows with too many different words; ours never have as many.
#[test]
fn rows_with_very_long_texts_are_stored() {
    let pages = Pages::new("search-long");
    let (admin, conditional) =
        (shared().token("search-long", "admin").unwrap(), shared().token("search-long", "conditional").unwrap());
    // Four bytes a letter, every word another, and each kept whole and in parts.
    let letter = |number: usize| char::from_u32(0x20000 + u32::try_from(number).unwrap()).unwrap();
    let mut worst = "beginning ".to_owned();
    for word in 0..14_000 {
        let (a, b) = (letter(word % 9_000), letter(9_000 + word % 14_000));
        write!(worst, "{a}{b}-{b}{a} ").unwrap();
    }
    for (title, body) in
        [("Worst", worst), ("Plain", format!("beginning {} end", "word ".repeat(100_000))), ("Word", "x".repeat(800_000))]
    {
        pages.create(&admin, title, &body, Some(&body[..body.char_indices().nth(50_000).unwrap().0]));
    }
    for token in [&admin, &conditional] {
        assert!(pages.search(token, "beginning").starts_with("Plain Worst | Word |"));
        assert!(pages.search(token, "end").starts_with(" | "));
    }
}

#[test]
fn the_search_of_the_example_answers_as_printed() {
    let readme = include_str!("../../examples/blog/README.md");
    let query = readme.rsplit("```graphql").next().unwrap().split("```").next().unwrap();
    let acme = shared().tenant("acme");
    let titles = |token: &str| {
        let answer = Client::default().graphql(&acme.content_url, Some(token), query, json!({})).unwrap();
        let articles = answer.data("/listArticle");
        articles.as_array().unwrap().iter().map(|article| article["title"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(titles(&acme.token), ["Evening in the harbour", "Bread on a boat", "Winter moorings"]);
    assert_eq!(titles(&shared().token("acme", "reader").unwrap()), ["Evening in the harbour", "Bread on a boat"]);
}
