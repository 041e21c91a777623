//! The schemas that other parts of the project stand on.

use super::{BLOG_JSON, BLOG_SDL, EXAMPLE, TINY_JSON, json, sdl};
use crate::Schema;
use crate::acl::EntityGrants;

/// The JSON form of other tools has no descriptions.
fn without_descriptions(mut schema: Schema) -> Schema {
    for entity in schema.entities.values_mut() {
        entity.description = None;
        for field in entity.fields.values_mut() {
            field.description = None;
        }
    }
    schema
}

#[test]
fn the_example_is_sound() {
    let schema = sdl(EXAMPLE);
    let entities: Vec<&str> = schema.entities.keys().map(|name| name.as_str()).collect();
    assert_eq!(entities, ["Site", "Article", "ArticleLocale", "Author", "Tag", "Comment"]);
}

#[test]
fn sdl_and_json_of_one_model_are_one_schema() {
    let from_sdl = without_descriptions(sdl(BLOG_SDL));
    let from_json = json(BLOG_JSON);
    for (name, entity) in &from_json.entities {
        assert_eq!(&from_sdl.entities[name], entity);
    }
    for (name, role) in &from_json.roles {
        assert_eq!(&from_sdl.roles[name], role);
    }
    assert_eq!(from_sdl, from_json);
}

#[test]
fn predicates_are_named_after_their_content() {
    let schema = sdl(BLOG_SDL);
    let EntityGrants::Listed(listed) = &schema.roles["reader"].entities else { panic!("the reader's permissions are listed") };
    let names: Vec<&str> = listed["Article"].predicates.keys().map(|name| name.as_str()).collect();
    assert_eq!(names, ["state_eq_published", "rank_level"]);
}

#[test]
fn an_administrator_who_may_do_everything_there_is_may_do_everything() {
    for text in [BLOG_JSON, TINY_JSON] {
        assert_eq!(json(text).roles["admin"].entities, EntityGrants::Everything);
    }
    assert_eq!(json(BLOG_JSON).roles["admin"], sdl(BLOG_SDL).roles["admin"]);
}

#[test]
fn several_permissions_of_one_role_add_up() {
    let schema = sdl(r#"
        extend schema @role(name: "r")
        type A
          @allow(roles: ["r"], read: ["x", "y"], when: { x: { eq: 1 } })
          @allow(roles: ["r"], read: ["y", "z"], when: { y: { eq: 2 } })
          @allow(roles: ["r"], read: ["z"])
        { x: Int y: Int z: Int }
    "#);
    insta::assert_snapshot!(schema.to_sdl(), @r#"
    extend schema
      @role(name: "r")

    type A
      @allow(roles: ["r"], read: ["z"])
      @allow(roles: ["r"], read: ["x"], when: { x: { eq: 1 } })
      @allow(roles: ["r"], read: ["y"], when: { or: [{ x: { eq: 1 } }, { y: { eq: 2 } }] })
    {
      x: Int
      y: Int
      z: Int
    }
    "#);
}
