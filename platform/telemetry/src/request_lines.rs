//! The log's lines about requests, which are most of its lines, as JSON.
//!
//! tracing-subscriber hands every member of a line through several layers: some 20,000 instructions for a line, a seventh of what the engine does for a small request
//! (measured: `tests/bench/README.md`). Here it is a quarter of that, for the same line.

use std::fmt;
use std::io::Write;

use chrono::{SecondsFormat, Utc};
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Whether an event tells of one request.
pub(crate) fn is_of_request(event: &Metadata<'_>) -> bool {
    event.target().ends_with("::access")
}

/// Writes events of requests itself, and leaves all others to another format.
pub(crate) struct RequestLines<F>(pub F);

impl<S, N, F> FormatEvent<S, N> for RequestLines<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        if !is_of_request(event.metadata()) {
            return self.0.format_event(context, writer, event);
        }
        writer.write_str(std::str::from_utf8(&line(event)).map_err(|_| fmt::Error)?)
    }
}

fn line(event: &Event<'_>) -> Vec<u8> {
    let mut members = Members(Vec::with_capacity(512));
    members.text("timestamp", &Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true));
    members.text("level", event.metadata().level().as_str());
    event.record(&mut members);
    members.text("target", event.metadata().target());
    let Members(mut line) = members;
    line.extend_from_slice(b"}\n");
    line
}

/// A JSON object but for its end.
struct Members(Vec<u8>);

impl Members {
    fn name(&mut self, name: &str) {
        self.0.extend_from_slice(if self.0.is_empty() { b"{\"" } else { b",\"" });
        // Names are those of fields in the source: there is nothing to escape.
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    fn text(&mut self, name: &str, text: &str) {
        self.name(name);
        serde_json::to_writer(&mut self.0, text).expect("writing text to memory does not fail");
    }

    fn plain(&mut self, name: &str, value: impl fmt::Display) {
        self.name(name);
        write!(self.0, "{value}").expect("writing to memory does not fail");
    }
}

impl Visit for Members {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field.name(), value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.plain(field.name(), value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.plain(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.plain(field.name(), value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.text(field.name(), &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log_buffer::tests::Sink;

    /// What is logged about a request, with its instant taken away, by both formats.
    fn logged(ours: bool) -> String {
        let sink = Sink::default();
        let out = sink.clone();
        let builder = tracing_subscriber::fmt().with_writer(move || out.clone()).json().flatten_event(true);
        let log = || {
            let (nothing, operation, depth) = (None::<&str>, Some("a \"b\"\n\u{1}č"), -1);
            tracing::event!(target: "x::access", tracing::Level::INFO, request.id = "r", status = 200_u16, micros = 7_u64, depth, new = true, operation, nothing, shown = %"d", "request");
            tracing::event!(target: "x", tracing::Level::WARN, n = 1, "other");
        };
        if ours {
            tracing::subscriber::with_default(builder.map_event_format(RequestLines).finish(), log);
        } else {
            tracing::subscriber::with_default(builder.finish(), log);
        }
        let text = sink.text();
        let lines = text.lines().map(|line| {
            let (time, rest) = line.strip_prefix("{\"timestamp\":\"").unwrap().split_at("2026-11-27T21:11:36.123456Z".len());
            assert!(chrono::DateTime::parse_from_rfc3339(time).is_ok() && time.ends_with('Z'), "{time}");
            serde_json::from_str::<serde_json::Value>(line).unwrap();
            format!("{rest}\n")
        });
        lines.collect()
    }

    #[test]
    fn lines_are_those_of_tracing_subscriber() {
        let lines = logged(true);
        assert_eq!(lines.lines().count(), 2, "{lines}");
        assert_eq!(lines, logged(false));
    }
}
