//! A tenant that a test has for itself, in the installation that all tests of the process share.

use serde_json::{Value, json};

use crate::{Answer, Client, Database, shared};

/// A tenant with a schema of the test's own.
pub struct OwnTenant {
    /// Name in URLs.
    pub slug: &'static str,
    /// Where its content API answers.
    pub url: String,
    /// Its database, entered as the cluster's administrator.
    pub database: Database,
}

impl OwnTenant {
    /// Creates it; `schema` is SDL.
    ///
    /// # Panics
    /// When it cannot be created.
    #[track_caller]
    pub fn create(slug: &'static str, schema: &str) -> Self {
        let file = shared().write(&format!("{slug}.graphql"), schema);
        let tenant = shared().json(&["tenant", "create", slug, "--schema", file.to_str().expect("a path of text")]);
        let tenant = tenant.expect("the tenant is created");
        let text = |name: &str| tenant[name].as_str().unwrap_or_else(|| panic!("no {name}: {tenant}"));
        Self {
            slug,
            url: text("content_url").to_owned(),
            database: shared().database(text("database")).expect("its database is there"),
        }
    }

    /// What a caller with this role is answered.
    ///
    /// # Panics
    /// When there is no answer.
    #[track_caller]
    pub fn answer(&self, role: &str, document: &str) -> Answer {
        let token = shared().token(self.slug, role).expect("a token of the role");
        Client::default().graphql(&self.url, Some(&token), document, json!({})).expect("an answer")
    }

    /// The value of a mutation's only field.
    ///
    /// # Panics
    /// When the status is not 200, or there is no value.
    #[track_caller]
    pub fn mutate(&self, role: &str, field: &str) -> Value {
        let answer = self.answer(role, &format!("mutation {{ it: {field} }}"));
        assert_eq!(answer.status, 200, "{}", answer.json());
        answer.data("/it")
    }
}
