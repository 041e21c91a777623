//! The example's schema.

use super::sdl;

#[test]
fn the_example_is_sound() {
    let schema = sdl(include_str!("../../../examples/blog/schema.graphql"));
    let entities: Vec<&str> = schema.entities.keys().map(|name| name.as_str()).collect();
    assert_eq!(entities, ["Site", "Article", "ArticleLocale", "Author", "Tag", "Comment"]);
}
