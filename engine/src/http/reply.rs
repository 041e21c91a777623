//! From what a request comes to, to a response.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::body::MessageBody;
use actix_web::http::header::{HeaderName, HeaderValue};
use bytes::Bytes;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use super::accept::Style;
use super::headers;
use crate::content::reference::Reply;
use crate::content::trace::Trace;

static SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// The answer, or 304 for a client that has it.
pub fn respond(reply: Reply, style: Style) -> HttpResponse {
    let mut response = match reply.answer {
        Some(answer) => HttpResponse::Ok().content_type(style.content_type()).body(answer.body),
        None => HttpResponse::NotModified().finish(),
    };
    if let Some(value) = reply.reference.and_then(|reference| HeaderValue::try_from(reference).ok()) {
        headers::REF.set(response.headers_mut(), &value);
    }
    response
}

/// Adds what ran to an answer or a refusal.
pub fn with_trace(mut response: HttpResponse, trace: &Trace) -> HttpResponse {
    if let Ok(value) = HeaderValue::try_from(trace.timing()) {
        response.headers_mut().insert(SERVER_TIMING.clone(), value);
    }
    let (response, body) = response.into_parts();
    match body.try_into_bytes() {
        Ok(body) => response.set_body(with_queries(body, trace)).map_into_boxed_body(),
        Err(body) => response.set_body(body),
    }
}

/// `data` and `errors` are copied as they are: numbers of PostgreSQL's may not survive being read. What is no object, such as an empty body, stays.
fn with_queries(body: Bytes, trace: &Trace) -> Bytes {
    let Ok(mut members) = serde_json::from_slice::<BTreeMap<&str, &RawValue>>(&body) else { return body };
    let known = members.get("extensions").and_then(|raw| serde_json::from_str::<Map<String, Value>>(raw.get()).ok());
    let mut extensions = known.unwrap_or_default();
    extensions.insert("dbQueries".to_owned(), serde_json::to_value(trace.queries()).expect("texts and numbers serialise"));
    let extensions = to_raw_value(&extensions).expect("JSON serialises");
    members.insert("extensions", &extensions);
    serde_json::to_vec(&members).expect("JSON serialises").into()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn everything_else_stays_byte_for_byte() {
        let trace = Trace::new(Instant::now());
        let with = |body: &'static str| String::from_utf8(with_queries(Bytes::from(body), &trace).to_vec()).unwrap();
        assert_eq!(
            with(r#"{"data":{"n": 1.10000000000000000001, "a":null}}"#),
            r#"{"data":{"n": 1.10000000000000000001, "a":null},"extensions":{"dbQueries":[]}}"#
        );
        assert_eq!(
            with(r#"{"errors":[{"message":"no"}],"data":null,"extensions":{"code":"X"}}"#),
            r#"{"data":null,"errors":[{"message":"no"}],"extensions":{"code":"X","dbQueries":[]}}"#
        );
        assert_eq!((with(""), with("Bad Request")), (String::new(), "Bad Request".to_owned()));
    }
}
