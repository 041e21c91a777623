//! The recorded peer's APIs are reproduced to the letter (tests/golden), S3 fields aside.

use crate::testing::{api, as_migrated, blog, tiny};

/// The recorded SDL without the types and fields that the peer's S3 plugin adds.
fn without_s3(sdl: &str) -> String {
    let blocks = sdl.trim_end().split("\n\n");
    // A block that was cut by a blank line inside a type begins with an indented line.
    let mut types: Vec<String> = Vec::new();
    for block in blocks {
        match types.last_mut() {
            Some(last) if block.starts_with(' ') => *last = format!("{last}\n\n{block}"),
            _ => types.push(block.to_owned()),
        }
    }
    let is_s3 = |text: &str| ["type S3", "input S3", "enum S3"].iter().any(|head| text.starts_with(head));
    let kept = types.iter().filter(|text| !is_s3(text)).map(|text| {
        let lines = text
            .lines()
            .filter(|line| !["s3DummyQuery", "generateUploadUrl", "generateReadUrl"].iter().any(|name| line.contains(name)));
        lines.collect::<Vec<_>>().join("\n")
    });
    kept.collect::<Vec<_>>().join("\n\n") + "\n"
}

#[track_caller]
fn assert_same(ours: &str, recorded: &str) {
    let recorded = without_s3(recorded);
    for (number, (ours, recorded)) in ours.lines().zip(recorded.lines()).enumerate() {
        assert_eq!(ours, recorded, "line {}", number + 1);
    }
    assert_eq!(ours.lines().count(), recorded.lines().count());
}

#[test]
fn tiny_is_reproduced() {
    let schema = tiny();
    assert_same(&api(&schema, &["admin"]).sdl(), include_str!("../../tests/golden/tiny.admin.graphql"));
    assert_same(&api(&schema, &["guest"]).sdl(), include_str!("../../tests/golden/tiny.guest.graphql"));
}

#[test]
fn blog_is_reproduced_for_admin() {
    assert_same(&api(&as_migrated(blog()), &["admin"]).sdl(), include_str!("../../tests/golden/blog.admin.graphql"));
}

#[test]
fn blog_is_reproduced_for_editor() {
    assert_same(&api(&as_migrated(blog()), &["editor"]).sdl(), include_str!("../../tests/golden/blog.editor.graphql"));
}

#[test]
fn blog_is_reproduced_for_reader() {
    assert_same(&api(&as_migrated(blog()), &["reader"]).sdl(), include_str!("../../tests/golden/blog.reader.graphql"));
}
