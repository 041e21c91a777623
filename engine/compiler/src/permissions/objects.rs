//! Which objects of the storage a set of roles may read and upload.

use freehold_schema::acl::{ObjectGrant, UploadGrant};
use freehold_schema::key_pattern::KeyPattern;

/// The rules of all roles together. Each gives rights and none takes any away.
#[derive(Debug, Clone, Default)]
pub struct ObjectRules(Vec<(KeyPattern, ObjectGrant)>);

impl ObjectRules {
    pub(super) fn new<'a>(grants: impl IntoIterator<Item = (&'a KeyPattern, &'a ObjectGrant)>) -> Self {
        Self(grants.into_iter().map(|(keys, grant)| (keys.clone(), *grant)).collect())
    }

    /// Whether there is any rule; without one the API has no fields for objects.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the object may be read. Keys are those of the tenant, without its prefix.
    #[must_use]
    pub fn may_read(&self, key: &str) -> bool {
        self.matching(key).any(|grant| grant.read)
    }

    /// How large an object may be uploaded under this key; none when none may.
    #[must_use]
    pub fn upload(&self, key: &str) -> Option<UploadGrant> {
        self.matching(key).filter_map(|grant| grant.upload).max()
    }

    fn matching<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a ObjectGrant> {
        self.0.iter().filter(|(keys, _)| keys.matches(key)).map(|(_, grant)| grant)
    }
}

#[cfg(test)]
mod tests {
    use freehold_schema::Schema;
    use freehold_schema::acl::UploadGrant::{Unlimited, UpTo};
    use freehold_schema::names::RoleName;

    use super::*;
    use crate::caller::RoleSet;
    use crate::permissions::Permissions;

    fn rules(roles: &[&str]) -> ObjectRules {
        let text = r#"
            extend schema
              @role(name: "writer", s3: [{ keys: "articles/**", read: true, upload: true, maxSize: 10 }, { keys: "articles/*.pdf", upload: true, maxSize: 50 }])
              @role(name: "chief", inherits: ["writer"], s3: [{ keys: "articles/big/**", upload: true }])
              @role(name: "reader", s3: [{ keys: "public/**", read: true }])
              @role(name: "nobody")
            type A { a: Int }
        "#;
        let schema = Schema::from_sdl("schema.graphql", text).unwrap();
        let roles = RoleSet::new(roles.iter().map(|role| RoleName::new(role)));
        Permissions::new(&schema, &roles).objects().clone()
    }

    #[test]
    fn rules_of_all_roles_add_up() {
        let table = [
            (&["writer"][..], "articles/a.jpg", true, Some(UpTo(10))),
            (&["writer"], "articles/a.pdf", true, Some(UpTo(50))),
            (&["writer"], "articles/big/a.jpg", true, Some(UpTo(10))),
            (&["writer"], "public/a.jpg", false, None),
            (&["writer"], "articles/../public/a.jpg", false, None),
            (&["chief"], "articles/big/a.jpg", true, Some(Unlimited)),
            (&["chief"], "articles/a.jpg", true, Some(UpTo(10))),
            (&["reader"], "public/a.jpg", true, None),
            (&["reader"], "articles/a.jpg", false, None),
            (&["reader", "writer"], "public/a.jpg", true, None),
            (&["reader", "writer"], "articles/a.jpg", true, Some(UpTo(10))),
            (&["admin"], "anything/at/all", true, Some(Unlimited)),
            (&["nobody", "unknown"], "articles/a.jpg", false, None),
        ];
        for (roles, key, read, upload) in table {
            let rules = rules(roles);
            assert_eq!((rules.may_read(key), rules.upload(key)), (read, upload), "{roles:?} {key}");
        }
        assert!(rules(&["nobody"]).is_empty() && rules(&["deployer"]).is_empty());
        assert!(!rules(&["reader"]).is_empty() && !rules(&["content_admin"]).is_empty());
    }
}
