//! A content model of sixty entities, as large as they come: the same text every time.

use std::fmt::Write as _;

/// Entities of the model.
pub const N_ENTITIES: usize = 60;

/// The model as a schema file. Every entity has twelve columns and points at two others; every third shares a third one with many (M:N).
pub fn sixty_entities() -> String {
    let mut sdl = String::from("enum State { draft review published archived }\n");
    for n in 0..N_ENTITIES {
        let (next, far) = ((n + 1) % N_ENTITIES, (n + 7) % N_ENTITIES);
        let (before, long_before) = ((n + N_ENTITIES - 1) % N_ENTITIES, (n + N_ENTITIES - 7) % N_ENTITIES);
        // Writing to a String does not fail.
        let _ = write!(
            sdl,
            r#"
type Entity{n} @unique(fields: ["slug", "next"]) @orderBy(fields: ["title"]) @allow(roles: ["reader"], read: true, when: {{ state: {{ eq: published }} }}) {{
  title: String! @unique
  slug: String!
  lead: String
  body: String
  state: State! @default(value: draft)
  rank: Int
  price: Float
  visible: Boolean! @default(value: true)
  publishedAt: DateTime
  day: Date
  extra: Json
  cover: StoredImage
  next: Entity{next}!
  far: Entity{far}
  previous: [Entity{before}!] @inverse(of: "next", orderBy: ["title"])
  nearer: [Entity{long_before}!] @inverse(of: "far")
"#
        );
        if n % 3 == 0 {
            let _ = writeln!(sdl, "  shared: [Entity{}!]", (n + 1) % N_ENTITIES);
        }
        if n % 3 == 1 {
            let _ = writeln!(sdl, "  sharing: [Entity{}!] @inverse(of: \"shared\")", n - 1);
        }
        sdl.push_str("}\n");
    }
    format!("extend schema @role(name: \"reader\")\n{sdl}")
}

/// A query of sixty lines over it: lists in lists, connections, filters, orders, fragments and variables.
pub const QUERY: &str = "\
query Page($state: State!, $slug: String!, $rank: Int, $limit: Int = 20, $order: OrderDirection = desc) {
  page: getEntity0(by: { title: $slug }) {
    ...Card
    body
    extra
    next {
      id title slug lead
      far { id title }
    }
    shared(orderBy: [{ rank: desc }], limit: 5) {
      id
      title
      state
    }
    previous(filter: { state: { eq: $state } }, limit: 10) {
      id
      title
      next { id }
    }
  }
  newest: listEntity3(
    filter: {
      and: [
        { state: { eq: $state } }
        { or: [{ rank: { gte: $rank } }, { rank: { isNull: true } }] }
        { next: { visible: { eq: true } } }
      ]
    }
    orderBy: [{ publishedAt: $order }, { title: asc }]
    limit: $limit
  ) {
    id
    title
    slug
    publishedAt
    far { ...Author }
    nearer(orderBy: [{ title: asc }], limit: 3) {
      id
      title
      lead
      price
    }
  }
  archive: paginateEntity6(filter: { not: { state: { eq: draft } } }, skip: 40, first: 20) {
    pageInfo { totalCount }
    edges {
      node {
        id
        title
        day
        next { id title }
      }
    }
  }
}
fragment Card on Entity0 { id title slug lead publishedAt visible }
fragment Author on Entity10 { id title lead }
";
