//! Writes `{"data": …}` around what PostgreSQL returned, without parsing it.

use std::collections::HashMap;
use std::sync::Arc;

use freehold_compiler::bind::StepOutputs;
use freehold_compiler::coerce::Variables;
use freehold_compiler::error::ErrorCode;
use freehold_compiler::plan::{Root, RootError, RootValue, Validation};
use freehold_compiler::selection::Pos;
use freehold_executor::Row;
use serde_json::{Map, Value};

use crate::content::execute::{RequestSplice, Values, malformed, value_of};
use crate::http::accept::Style;
use crate::http::failure::{ErrorEntry, Extensions, Failure};

/// A GraphQL response with data.
pub struct Answer {
    /// Its bytes.
    pub body: Vec<u8>,
}

/// JSON text of introspection fields by response key.
#[derive(Clone, Default)]
pub struct Introspected(Arc<HashMap<String, String>>);

impl From<Map<String, Value>> for Introspected {
    fn from(data: Map<String, Value>) -> Self {
        Self(Arc::new(data.into_iter().map(|(key, value)| (key, value.to_string())).collect()))
    }
}

impl Introspected {
    fn get(&self, key: &str) -> &str {
        self.0.get(key).map_or("null", String::as_str)
    }
}

/// An answer being written.
#[derive(Clone)]
pub struct Writer {
    style: Style,
    /// The object of root fields, open.
    data: Vec<u8>,
    errors: Vec<RootFailure>,
}

#[derive(Clone)]
struct RootFailure {
    message: String,
    code: ErrorCode,
    pos: Pos,
    key: Arc<str>,
}

impl RootFailure {
    fn entry(&self, style: Style) -> ErrorEntry<'_> {
        ErrorEntry::of_operation(&self.message, std::slice::from_ref(&self.pos), Some(&self.key), self.code.as_str(), style)
    }
}

impl Writer {
    /// For root fields of about `size` bytes.
    pub fn new(style: Style, size: usize) -> Self {
        let mut data = Vec::with_capacity(size + 32);
        data.push(b'{');
        Self { style, data, errors: Vec::new() }
    }

    /// Writes one root field from its JSON.
    pub fn field(&mut self, key: &str, json: &[u8]) {
        self.key(key);
        self.data.extend_from_slice(json);
    }

    /// Writes the root fields of a query.
    pub fn roots(&mut self, roots: &[Root], rows: &[Row], introspected: &Introspected, values: &Values) -> Result<(), Failure> {
        for root in roots {
            match &root.value {
                RootValue::Row(ordinal, output) => {
                    self.key(&root.key);
                    output.write(Some(value_of(rows, *ordinal)?), &mut self.data).map_err(malformed)?;
                }
                RootValue::Items(item) => {
                    self.key(&root.key);
                    item.write_items(rows.iter().map(|row| row.value.as_ref()), &mut self.data).map_err(malformed)?;
                }
                RootValue::Constant(json) => self.field(&root.key, json.as_bytes()),
                RootValue::Validation(validation) => {
                    let told = validation.row.map(|ordinal| Validation::told(value_of(rows, ordinal)?).map_err(malformed));
                    let json = validation.answer(&values.context(&told.transpose()?.unwrap_or_default()));
                    self.field(&root.key, json.map_err(|error| Failure::Operation(vec![error]))?.as_bytes());
                }
                RootValue::Introspection => self.field(&root.key, introspected.get(&root.key).as_bytes()),
                RootValue::Failed(error) => {
                    self.field(&root.key, b"null");
                    self.fail(&root.key, error, &values.variables);
                }
                RootValue::Object(roots) => {
                    self.key(&root.key);
                    self.data.push(b'{');
                    self.roots(roots, rows, introspected, values)?;
                    self.data.push(b'}');
                }
            }
        }
        Ok(())
    }

    /// The JSON of the only field, whose key is given.
    pub fn only_value(&self, key: &str) -> Option<String> {
        let head = key.len() + 4;
        String::from_utf8(self.data.get(head..)?.to_vec()).ok()
    }

    /// Writes the root fields of `query { … }` in a mutation below `key`.
    pub fn object(&mut self, key: &str, mut inner: Self) {
        inner.data.push(b'}');
        self.field(key, &inner.data);
        self.errors.append(&mut inner.errors);
    }

    /// Puts in what only the engine can make.
    pub fn splice(&mut self, splice: &RequestSplice<'_>) -> Result<(), Failure> {
        self.data = splice.apply(std::mem::take(&mut self.data))?;
        Ok(())
    }

    // Response keys are GraphQL names, which JSON does not escape.
    fn key(&mut self, key: &str) {
        if self.data.last() != Some(&b'{') {
            self.data.push(b',');
        }
        self.data.push(b'"');
        self.data.extend_from_slice(key.as_bytes());
        self.data.extend_from_slice(b"\":");
    }

    fn fail(&mut self, key: &Arc<str>, error: &RootError, variables: &Variables) {
        let message = error.message.render(variables, &StepOutputs::new());
        self.errors.push(RootFailure { message, code: error.code, pos: error.pos, key: Arc::clone(key) });
    }

    /// The whole response.
    pub fn finish(self) -> Answer {
        let mut body = Vec::with_capacity(self.data.len() + 16);
        body.push(b'{');
        if let Some(first) = self.errors.first() {
            let errors: Vec<ErrorEntry<'_>> = self.errors.iter().map(|error| error.entry(self.style)).collect();
            let parts: [(&[u8], Vec<u8>); 2] = [
                (b"\"errors\":", serde_json::to_vec(&errors).expect("texts and numbers serialise")),
                (b"\"extensions\":", serde_json::to_vec(&Extensions::new(first.code.as_str())).expect("a text serialises")),
            ];
            for (name, json) in parts {
                body.extend_from_slice(name);
                body.extend_from_slice(&json);
                body.push(b',');
            }
        }
        body.extend_from_slice(b"\"data\":");
        body.extend_from_slice(&self.data);
        body.extend_from_slice(b"}}");
        Answer { body }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use freehold_compiler::caller::Caller;
    use freehold_compiler::output::Output;
    use freehold_compiler::plan::{Plan, QueryPlan};
    use freehold_schema::Schema;

    use super::*;

    fn no_values() -> Values {
        let schema = Schema::from_sdl("schema.graphql", "type Note { text: String }").unwrap();
        let caller = Caller::resolve_stored(&schema, None, &[]);
        Values::new(
            &Plan::Query(QueryPlan { roots: Vec::new(), statement: None, slots: Vec::new() }),
            Variables::default(),
            Arc::new(caller),
            String::new(),
            None,
        )
    }

    fn root(key: &str, value: RootValue) -> Root {
        Root { key: key.into(), value }
    }

    /// A record of one text, in PostgreSQL's binary format.
    fn row(ordinal: i32, json: &str) -> Row {
        const TEXT: i32 = 25;
        let header = [1, TEXT, i32::try_from(json.len()).unwrap()].map(i32::to_be_bytes).concat();
        Row { ordinal, value: Bytes::from([header.as_slice(), json.as_bytes()].concat()) }
    }

    #[test]
    fn rows_are_copied_into_their_root_fields() {
        let only_json = || Output::Only(Box::new(Output::Json));
        let rows = [row(0, "[1]"), row(1, "{\"x\":2}")];
        let roots = [
            root("a", RootValue::Row(0, only_json())),
            root(
                "t",
                RootValue::Object(vec![
                    root("b", RootValue::Row(1, only_json())),
                    root("c", RootValue::Constant("\"Query\"".into())),
                ]),
            ),
            root("e", RootValue::Object(vec![])),
        ];
        let mut writer = Writer::new(Style::Plain, 10);
        writer.roots(&roots, &rows, &Introspected::default(), &no_values()).unwrap();
        let body = String::from_utf8(writer.finish().body).unwrap();
        assert_eq!(body, r#"{"data":{"a":[1],"t":{"b":{"x":2},"c":"Query"},"e":{}}}"#);
    }

    #[test]
    fn all_rows_are_the_items_of_the_only_list() {
        let roots = [root("a", RootValue::Items(Output::Object(vec![("x".into(), Output::Json)])))];
        for (rows, list) in [(vec![], "[]"), (vec![row(0, "1"), row(0, "2")], r#"[{"x":1}, {"x":2}]"#)] {
            let mut writer = Writer::new(Style::Plain, 10);
            writer.roots(&roots, &rows, &Introspected::default(), &no_values()).unwrap();
            assert_eq!(String::from_utf8(writer.finish().body).unwrap(), format!(r#"{{"data":{{"a":{list}}}}}"#));
        }
    }

    #[test]
    fn a_root_field_that_failed_is_null_beside_the_others() {
        let error = RootError {
            message: freehold_compiler::plan::Message::fixed("no"),
            code: ErrorCode::NonUniqueWhere,
            pos: Pos { line: 1, column: 2 },
        };
        let bodies = [Style::Plain, Style::Any].map(|style| {
            let mut writer = Writer::new(style, 10);
            writer.roots(&[root("a", RootValue::Failed(error.clone()))], &[], &Introspected::default(), &no_values()).unwrap();
            String::from_utf8(writer.finish().body).unwrap()
        });
        assert_eq!(
            bodies[0],
            r#"{"errors":[{"message":"no","path":[]}],"extensions":{"code":"NON_UNIQUE_WHERE"},"data":{"a":null}}"#
        );
        assert!(
            bodies[1].contains(r#""locations":[{"line":1,"column":2}],"path":["a"],"extensions":{"code":"NON_UNIQUE_WHERE"}"#)
        );
    }

    #[test]
    fn a_row_that_is_missing_is_an_error_of_ours() {
        let mut writer = Writer::new(Style::Plain, 10);
        let result = writer.roots(&[root("a", RootValue::Row(3, Output::Json))], &[], &Introspected::default(), &no_values());
        assert_eq!(result.unwrap_err().code(), "INTERNAL_SERVER_ERROR");
    }
}
