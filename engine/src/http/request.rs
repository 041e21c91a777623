//! A GraphQL request as it comes over HTTP: JSON body or query string.

use actix_web::HttpRequest;
use actix_web::http::header;
use actix_web::web::Query;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::failure::Failure;

/// What is to be run.
#[derive(Debug, Default, PartialEq)]
pub struct GraphqlRequest {
    /// The document; empty while it is only named.
    pub query: String,
    /// How it is named instead, or besides.
    pub named: Option<Named>,
    /// Values of its variables.
    pub variables: Map<String, Value>,
    /// Which of its operations.
    pub operation_name: Option<String>,
    /// Memberships to assume (content API, 14.3), as written.
    pub assume_membership: Option<Value>,
}

/// A name of a document.
#[derive(Debug, PartialEq)]
pub enum Named {
    /// `extensions.persistedQuery.sha256Hash`: the SHA-256 of its text, or an id under which it is registered.
    Hash(String),
    /// `documentId`: an id under which it is registered.
    Id(String),
}

/// The members that mean something; others are ignored, as GraphQL over HTTP asks.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    query: Option<Value>,
    variables: Option<Value>,
    operation_name: Option<Value>,
    assume_membership: Option<Value>,
    document_id: Option<Value>,
    extensions: Option<Value>,
}

impl GraphqlRequest {
    /// From the body of a POST.
    pub fn from_body(request: &HttpRequest, body: &[u8]) -> Result<Self, Failure> {
        if !is_json(request) {
            return Err(Failure::UnsupportedMediaType);
        }
        match body.iter().find(|b| !b.is_ascii_whitespace()) {
            Some(b'{') => {}
            // A batch; what an old server says to it lets its clients fall back to single requests.
            Some(b'[') if serde_json::from_slice::<serde::de::IgnoredAny>(body).is_ok() => return Err(Failure::MissingQuery),
            Some(_) | None => return Err(Failure::BadRequest),
        }
        let body: Body = serde_json::from_slice(body).map_err(|_| Failure::BadRequest)?;
        body.check()
    }

    /// From the query string of a GET. None when it holds no document.
    pub fn from_query_string(query: &str) -> Result<Self, Failure> {
        let pairs = Query::<Vec<(String, String)>>::from_query(query).map_err(|_| Failure::BadRequest)?;
        let get = |name: &str| {
            pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
        };
        let json = |name: &'static str| {
            get(name).map(|text| serde_json::from_str::<Value>(text).map_err(|_| Failure::InvalidParameter(name))).transpose()
        };
        Body {
            query: get("query").map(Value::from),
            variables: json("variables")?,
            operation_name: get("operationName").map(Value::from),
            assume_membership: None,
            document_id: get("documentId").map(Value::from),
            extensions: json("extensions")?,
        }
        .check()
    }
}

impl Body {
    fn check(self) -> Result<GraphqlRequest, Failure> {
        if self.extensions.as_ref().is_some_and(|extensions| !extensions.is_object() && !extensions.is_null()) {
            return Err(Failure::InvalidParameter("extensions"));
        }
        let (hash, id) = (self.hash()?, self.document_id()?);
        let (query, named) = match self.query {
            // A document that was sent is the one to be run, as on servers that know no `documentId`.
            Some(Value::String(query)) if !query.is_empty() => (query, hash),
            Some(Value::String(_) | Value::Null) | None if id.is_some() || hash.is_some() => (String::new(), id.or(hash)),
            Some(Value::String(query)) => (query, None),
            Some(Value::Null) | None => return Err(Failure::MissingQuery),
            Some(_) => return Err(Failure::InvalidParameter("query")),
        };
        let variables = match self.variables {
            Some(Value::Object(variables)) => variables,
            Some(Value::Null) | None => Map::new(),
            Some(_) => return Err(Failure::InvalidParameter("variables")),
        };
        let operation_name = match self.operation_name {
            Some(Value::String(name)) => Some(name).filter(|name| !name.is_empty()),
            Some(Value::Null) | None => None,
            Some(_) => return Err(Failure::InvalidParameter("operationName")),
        };
        Ok(GraphqlRequest {
            query,
            named,
            variables,
            operation_name,
            assume_membership: self.assume_membership.filter(|value| !value.is_null()),
        })
    }

    /// Apollo's protocol of automatic persisted queries, version 1.
    fn hash(&self) -> Result<Option<Named>, Failure> {
        let persisted = self.extensions.as_ref().and_then(|extensions| extensions.get("persistedQuery"));
        let Some(persisted) = persisted.filter(|persisted| !persisted.is_null()) else { return Ok(None) };
        if persisted.get("version").and_then(Value::as_u64) != Some(1) {
            return Err(Failure::PersistedQueryVersion);
        }
        match persisted.get("sha256Hash") {
            Some(Value::String(hash)) if !hash.is_empty() => Ok(Some(Named::Hash(hash.clone()))),
            Some(_) | None => Err(Failure::InvalidParameter("extensions.persistedQuery.sha256Hash")),
        }
    }

    /// GraphQL over HTTP, draft of appendix A.
    fn document_id(&self) -> Result<Option<Named>, Failure> {
        match &self.document_id {
            Some(Value::String(id)) if !id.is_empty() => Ok(Some(Named::Id(id.clone()))),
            Some(Value::Null) | None => Ok(None),
            Some(_) => Err(Failure::InvalidParameter("documentId")),
        }
    }
}

/// Other types can be sent by a page of any site without asking first (CSRF), so a JSON body must say that it is one.
fn is_json(request: &HttpRequest) -> bool {
    let declared = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = declared.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("application/json"));
    let mut charset =
        parts.filter_map(|parameter| parameter.split_once('=')).filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    is_json && charset.all(|(_, value)| matches!(value.trim().trim_matches('"').to_ascii_lowercase().as_str(), "utf-8" | "utf8"))
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn body(text: &str) -> Result<GraphqlRequest, &'static str> {
        let request = TestRequest::post().insert_header(("content-type", "application/json")).to_http_request();
        GraphqlRequest::from_body(&request, text.as_bytes()).map_err(|failure| failure.code())
    }

    #[test]
    fn bodies_are_read_strictly() {
        let good = body(r#"{"query": "{ a }", "variables": {"x": 1}, "operationName": null, "other": 1}"#).unwrap();
        assert_eq!((good.query.as_str(), good.variables.len(), good.operation_name), ("{ a }", 1, None));
        for (text, code) in [
            ("{}", "MISSING_QUERY"),
            (r#"[{"query": "{ a }"}]"#, "MISSING_QUERY"),
            (r#"{"query": null}"#, "MISSING_QUERY"),
            (r#"{"extensions": {"persistedQuery": {"version": 1}}}"#, "INVALID_PARAMETER"),
            (r#"{"extensions": {"persistedQuery": {"version": 1, "sha256Hash": 7}}}"#, "INVALID_PARAMETER"),
            (r#"{"extensions": {"persistedQuery": {"version": 2, "sha256Hash": "a"}}}"#, "PERSISTED_QUERY_VERSION"),
            (r#"{"query": "{a}", "extensions": {"persistedQuery": "a"}}"#, "PERSISTED_QUERY_VERSION"),
            (r#"{"documentId": 7}"#, "INVALID_PARAMETER"),
            (r#"{"documentId": ""}"#, "INVALID_PARAMETER"),
            (r#"{"documentId": null}"#, "MISSING_QUERY"),
            (r#"{"extensions": {"persistedQuery": null}}"#, "MISSING_QUERY"),
            (r#"{"query": 1}"#, "INVALID_PARAMETER"),
            (r#"{"query": "{a}", "variables": "x"}"#, "INVALID_PARAMETER"),
            (r#"{"query": "{a}", "variables": []}"#, "INVALID_PARAMETER"),
            (r#"{"query": "{a}", "operationName": 1}"#, "INVALID_PARAMETER"),
            (r#"{"query": "{a}", "extensions": 1}"#, "INVALID_PARAMETER"),
            (r#"{"query": "{a}", "query": "{b}"}"#, "BAD_REQUEST"),
            (r#"{"query": "\ud800"}"#, "BAD_REQUEST"),
            (r#""str""#, "BAD_REQUEST"),
            ("", "BAD_REQUEST"),
            ("null", "BAD_REQUEST"),
            ("{", "BAD_REQUEST"),
            ("[", "BAD_REQUEST"),
        ] {
            assert_eq!(body(text), Err(code), "{text}");
        }
    }

    #[test]
    fn documents_are_named_in_two_ways() {
        let named = |text: &str| body(text).map(|request| (request.query, request.named)).unwrap();
        let hash = r#""extensions": {"persistedQuery": {"version": 1, "sha256Hash": "h"}}"#;
        let (by_hash, by_id) = (|| Some(Named::Hash("h".to_owned())), || Some(Named::Id("i".to_owned())));
        assert_eq!(named(&format!("{{{hash}}}")), (String::new(), by_hash()));
        assert_eq!(named(&format!(r#"{{"query": null, {hash}}}"#)), (String::new(), by_hash()));
        assert_eq!(named(&format!(r#"{{"query": "{{a}}", {hash}}}"#)), ("{a}".to_owned(), by_hash()));
        assert_eq!(named(r#"{"documentId": "i"}"#), (String::new(), by_id()));
        assert_eq!(named(&format!(r#"{{"documentId": "i", {hash}}}"#)), (String::new(), by_id()));
        assert_eq!(named(r#"{"documentId": "i", "query": "{a}"}"#), ("{a}".to_owned(), None));
        let request = GraphqlRequest::from_query_string("documentId=i").unwrap();
        assert_eq!((request.query, request.named), (String::new(), by_id()));
        let extensions = "extensions=%7B%22persistedQuery%22%3A%7B%22version%22%3A1%2C%22sha256Hash%22%3A%22h%22%7D%7D";
        assert_eq!(GraphqlRequest::from_query_string(extensions).unwrap().named, by_hash());
    }

    #[test]
    fn a_body_that_a_page_of_another_site_can_send_is_refused() {
        for (content_type, is_good) in [
            ("application/json", true),
            ("APPLICATION/json ; charset=\"UTF-8\"", true),
            ("application/json; charset=iso-8859-1", false),
            ("text/plain", false),
            ("application/x-www-form-urlencoded", false),
            ("multipart/form-data; boundary=b", false),
            ("text/plain; application/json", false),
            ("", false),
        ] {
            let request = TestRequest::post().insert_header(("content-type", content_type)).to_http_request();
            assert_eq!(GraphqlRequest::from_body(&request, br#"{"query":"{a}"}"#).is_ok(), is_good, "{content_type}");
        }
        assert!(GraphqlRequest::from_body(&TestRequest::post().to_http_request(), br#"{"query":"{a}"}"#).is_err());
    }

    #[test]
    fn query_strings_carry_the_same() {
        let request = GraphqlRequest::from_query_string("query=%7B+a+%7D&variables=%7B%22x%22%3A1%7D&operationName=A").unwrap();
        assert_eq!((request.query.as_str(), request.variables.len(), request.operation_name.as_deref()), ("{ a }", 1, Some("A")));
        assert_eq!(GraphqlRequest::from_query_string("").unwrap_err().code(), "MISSING_QUERY");
        assert_eq!(GraphqlRequest::from_query_string("query=a&variables=1").unwrap_err().code(), "INVALID_PARAMETER");
        assert_eq!(GraphqlRequest::from_query_string("query=a&variables=%7B").unwrap_err().code(), "INVALID_PARAMETER");
    }
}
