//! Requests for signed URLs of objects (content API, section 19): what was asked for. Signing needs the clock and the store's keys, so the engine does it.

use serde_json::Value;

use crate::api::Meaning;
use crate::coerce::Variables;
use crate::lower::inputs::{argument, member};
use crate::lower::model::project;
use crate::selection::{Input, Selected};

/// `generateUploadUrl` or `generateReadUrl`.
#[derive(Debug, Clone)]
pub struct ObjectRequest {
    /// What is asked for.
    pub arguments: ObjectArguments,
    field: Selected,
}

/// Arguments of a request; [`Input::Null`] where nothing was given.
#[derive(Debug, Clone, PartialEq)]
pub enum ObjectArguments {
    /// Of `generateUploadUrl`.
    Upload(Box<UploadArguments>),
    /// Of `generateReadUrl`.
    Read(Box<ReadArguments>),
}

/// Arguments of `generateReadUrl`.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "they are named as on the wire")]
pub struct ReadArguments {
    pub object_key: Input,
    pub expiration: Input,
}

/// Members of `input`, or the deprecated arguments beside it.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "they are named as on the wire")]
pub struct UploadArguments {
    pub content_type: Input,
    pub extension: Input,
    pub expiration: Input,
    pub size: Input,
    pub prefix: Input,
    pub suffix: Input,
    pub file_name: Input,
    pub content_disposition: Input,
    pub acl: Input,
}

impl ObjectRequest {
    pub(crate) fn of(field: &Selected) -> Self {
        let given = |name| argument(field, name).cloned().unwrap_or(Input::Null);
        let arguments = match field.meaning {
            Meaning::GenerateReadUrl => {
                ObjectArguments::Read(Box::new(ReadArguments { object_key: given("objectKey"), expiration: given("expiration") }))
            }
            _ => ObjectArguments::Upload(Box::new(upload(field))),
        };
        Self { arguments, field: field.clone() }
    }

    /// The JSON of the root field: the selected members of the answer.
    #[must_use]
    pub fn answer(&self, answer: &Value) -> String {
        project(answer, &self.field).to_string()
    }
}

fn upload(field: &Selected) -> UploadArguments {
    let input = argument(field, "input").unwrap_or(&Input::Null);
    // The deprecated arguments have the names of the members.
    let given = |name| member(input, name).or_else(|| argument(field, name)).cloned().unwrap_or(Input::Null);
    UploadArguments {
        content_type: given("contentType"),
        extension: given("extension"),
        expiration: given("expiration"),
        size: given("size"),
        prefix: given("prefix"),
        suffix: given("suffix"),
        file_name: given("fileName"),
        content_disposition: given("contentDisposition"),
        acl: given("acl"),
    }
}

impl Input {
    /// A text in one request; none for null.
    #[must_use]
    pub fn to_text(&self, variables: &Variables) -> Option<String> {
        self.to_json(variables).as_str().map(str::to_owned)
    }

    /// A whole number in one request; none for null.
    #[must_use]
    pub fn to_int(&self, variables: &Variables) -> Option<i64> {
        self.to_json(variables).as_i64()
    }
}

#[cfg(test)]
mod tests {
    use freehold_schema::names::RoleName;
    use serde_json::json;

    use super::*;
    use crate::api::Api;
    use crate::caller::{Caller, Membership};
    use crate::compile::compile;
    use crate::permissions::Permissions;
    use crate::plan::{MutationPlan, MutationRootValue, Plan};
    use crate::prepare::{Limits, prepare};
    use crate::testing::tiny;

    fn plan(document: &str, variables: &Value) -> (MutationPlan, Variables) {
        let schema = tiny();
        let memberships = [Membership { role: RoleName::new("admin"), variables: Default::default() }];
        let caller = Caller::resolve(&schema, None, &memberships).unwrap();
        let permissions = Permissions::new(&schema, caller.role_set());
        let api = Api::build_with_objects(&schema, &permissions);
        let prepared = prepare(&api, document, None, &Limits::default()).unwrap();
        let variables = prepared.coerce(&api, variables.as_object().unwrap()).unwrap();
        match compile(&schema, &permissions, &api, &prepared, &variables, &caller).unwrap() {
            Plan::Mutation(plan) => (plan, variables),
            Plan::Query(_) => panic!("a mutation"),
        }
    }

    fn upload(request: &ObjectRequest) -> &UploadArguments {
        match &request.arguments {
            ObjectArguments::Upload(arguments) => arguments,
            ObjectArguments::Read(_) => panic!("an upload"),
        }
    }

    #[test]
    fn arguments_come_from_the_input_before_the_deprecated_ones() {
        let document = r#"mutation($size: Int, $input: S3GenerateSignedUploadInput) {
            a: generateUploadUrl(input: { contentType: "image/png", size: $size, acl: NONE }, contentType: "text/html", prefix: "old", expiration: 60) { url }
            b: generateUploadUrl(input: $input) { url }
            c: generateReadUrl(objectKey: "x/y.png") { url }
        }"#;
        let (plan, variables) =
            plan(document, &json!({ "size": 7, "input": { "fileName": "f", "contentDisposition": "INLINE" } }));
        let [a, b, c] = plan.objects.as_slice() else { panic!("{:?}", plan.objects) };
        let text = |input: &Input| input.to_text(&variables);
        let a = upload(a);
        assert_eq!(text(&a.content_type).as_deref(), Some("image/png"));
        assert_eq!((text(&a.prefix).as_deref(), a.expiration.to_int(&variables)), (Some("old"), Some(60)));
        assert_eq!((a.size.to_int(&variables), text(&a.acl).as_deref()), (Some(7), Some("NONE")));
        let b = upload(b);
        assert_eq!((text(&b.file_name).as_deref(), text(&b.content_disposition).as_deref()), (Some("f"), Some("INLINE")));
        assert_eq!((&b.content_type, b.size.to_int(&variables)), (&Input::Null, None));
        let ObjectArguments::Read(c) = &c.arguments else { panic!("{c:?}") };
        assert_eq!((text(&c.object_key).as_deref(), &c.expiration), (Some("x/y.png"), &Input::Null));
    }

    #[test]
    fn requests_stand_beside_writes_and_within_transactions() {
        let document = r#"mutation {
            createAuthor(data: { name: "a" }) { ok }
            generateReadUrl(objectKey: "x") { key: objectKey headers { value __typename } __typename }
            transaction { ok generateUploadUrl { url } }
        }"#;
        let (plan, _) = plan(document, &json!({}));
        assert_eq!(plan.objects.len(), 2);
        assert!(matches!(plan.roots[1].value, MutationRootValue::Object(0)));
        let MutationRootValue::Transaction(transaction) = &plan.roots[2].value else { panic!("a transaction") };
        assert!(matches!(transaction.roots[1].value, MutationRootValue::Object(1)));
        let header = json!({ "__typename": "S3Header", "key": "k", "value": "v" });
        let answer = json!({ "__typename": "S3SignedRead", "objectKey": "x", "url": "u", "headers": [header] });
        let expected =
            json!({ "key": "x", "headers": [{ "value": "v", "__typename": "S3Header" }], "__typename": "S3SignedRead" });
        assert_eq!(plan.objects[0].answer(&answer), expected.to_string());
    }
}
