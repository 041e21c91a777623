//! What an error report may hold: the error and its stack, the service, the request's method and path. Never headers, cookies,
//! query strings, bodies, tokens, or anything about a person.

use sentry::protocol::{Breadcrumb, Event, Map, Request, Stacktrace, Value};

use crate::redact;

/// Request headers that say nothing about a person or a credential.
const HARMLESS_HEADERS: [&str; 4] = ["accept", "content-length", "content-type", "x-request-id"];

pub(crate) fn event(mut event: Event<'static>) -> Event<'static> {
    event.user = None;
    event.server_name = None;
    event.request = event.request.take().map(request);
    for message in [&mut event.message, &mut event.culprit, &mut event.transaction] {
        text_option(message);
    }
    if let Some(entry) = &mut event.logentry {
        text(&mut entry.message);
        entry.params.iter_mut().for_each(value);
    }
    for exception in &mut event.exception.values {
        text_option(&mut exception.value);
        exception.stacktrace.iter_mut().chain(&mut exception.raw_stacktrace).for_each(stacktrace);
    }
    event.stacktrace.iter_mut().for_each(stacktrace);
    for thread in &mut event.threads.values {
        thread.stacktrace.iter_mut().chain(&mut thread.raw_stacktrace).for_each(stacktrace);
    }
    event.breadcrumbs.values = std::mem::take(&mut event.breadcrumbs.values).into_iter().map(breadcrumb).collect();
    event.tags.values_mut().for_each(text);
    values(&mut event.extra);
    event
}

pub(crate) fn breadcrumb(mut breadcrumb: Breadcrumb) -> Breadcrumb {
    text_option(&mut breadcrumb.message);
    values(&mut breadcrumb.data);
    breadcrumb
}

fn request(mut request: Request) -> Request {
    if let Some(url) = &mut request.url {
        url.set_query(None);
        url.set_fragment(None);
        *url = redact::text(url.as_str()).parse().unwrap_or_else(|_| url.clone());
    }
    let headers = request.headers.into_iter();
    let headers = headers.filter(|(name, _)| HARMLESS_HEADERS.contains(&name.to_ascii_lowercase().as_str())).collect();
    Request { url: request.url, method: request.method, headers, ..Request::default() }
}

/// Local variables of a frame may hold anything.
fn stacktrace(stacktrace: &mut Stacktrace) {
    for frame in &mut stacktrace.frames {
        frame.vars.clear();
    }
}

fn values(values: &mut Map<String, Value>) {
    values.values_mut().for_each(value);
}

fn value(value: &mut Value) {
    match value {
        Value::String(string) => text(string),
        Value::Array(items) => items.iter_mut().for_each(self::value),
        Value::Object(fields) => fields.values_mut().for_each(self::value),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn text_option(message: &mut Option<String>) {
    message.iter_mut().for_each(text);
}

fn text(message: &mut String) {
    if let std::borrow::Cow::Owned(clean) = redact::text(message) {
        *message = clean;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::{Arc, Mutex};

    use sentry::protocol::{Exception, User};

    use super::*;

    const TOKEN: &str = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl";

    #[derive(Default)]
    struct Sent(Mutex<Vec<u8>>);

    impl sentry::Transport for Sent {
        fn send_envelope(&self, envelope: sentry::Envelope) {
            envelope.to_writer(&mut *self.0.lock().unwrap()).unwrap();
        }
    }

    /// What would go over the wire, through a real client with the options of production, so that a forgotten callback would be seen.
    fn reported(report: impl FnOnce()) -> String {
        let sent = Arc::new(Sent::default());
        let mut options = crate::init::sentry_options("engine", "1.2.3", "test");
        options.dsn = Some("https://public@sentry.invalid/1".parse().unwrap());
        let transport = Arc::clone(&sent);
        options.transport = Some(Arc::new(move |_: &sentry::ClientOptions| Arc::clone(&transport) as Arc<dyn sentry::Transport>));
        let hub = Arc::new(sentry::Hub::new(Some(Arc::new(options.into())), Arc::new(sentry::Scope::default())));
        sentry::Hub::run(hub, report);
        let bytes = sent.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_report_holds_no_secret_and_nobody() {
        let wire = reported(|| {
            sentry::add_breadcrumb(Breadcrumb { message: Some(format!("sent Bearer {TOKEN}")), ..Breadcrumb::default() });
            let mut headers = Map::new();
            headers.insert("Authorization".to_owned(), format!("Bearer {TOKEN}"));
            headers.insert("Cookie".to_owned(), "session=hunter2".to_owned());
            headers.insert("X-Request-Id".to_owned(), "r-12345678".to_owned());
            let request = Request {
                url: Some(format!("https://h.example/i/{TOKEN}/o?who=ada").parse().unwrap()),
                method: Some("GET".to_owned()),
                data: Some("{\"password\":\"hunter2\"}".to_owned()),
                query_string: Some("who=ada".to_owned()),
                cookies: Some("session=hunter2".to_owned()),
                headers,
                ..Request::default()
            };
            let exception = Exception {
                ty: "Boom".to_owned(),
                value: Some("cannot reach postgres://u:hunter2@db/x".to_owned()),
                ..Exception::default()
            };
            let mut extra = Map::new();
            extra.insert("note".to_owned(), Value::from(vec!["ada@example.org"]));
            sentry::capture_event(Event {
                user: Some(User { email: Some("ada@example.org".to_owned()), ..User::default() }),
                request: Some(request),
                exception: vec![exception].into(),
                extra,
                ..Event::default()
            });
        });
        for secret in ["hunter2", "ada", "c2lnbmF0dXJl", "session"] {
            assert!(!wire.contains(secret), "{secret} in {wire}");
        }
        assert!(wire.contains("r-12345678") && wire.contains("Boom") && wire.contains("https://h.example/i/"), "{wire}");
    }
}
