//! Files with documents: GraphQL, and the manifests that compilers of clients write.

use std::path::{Path, PathBuf};

use freehold_catalog::NewDocument;
use freehold_compiler::prepare::{Limits, operation_names};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::failure::{Exit, Failure};
use super::schema::read_text;

/// What Apollo's manifests call themselves.
const APOLLO: &str = "apollo-persisted-query-manifest";

/// An entry of a file.
struct Entry {
    id: Option<String>,
    name: Option<String>,
    text: String,
}

/// Apollo's manifest, version 1.
#[derive(Deserialize)]
struct ApolloManifest {
    version: u64,
    operations: Vec<ApolloOperation>,
}

#[derive(Deserialize)]
struct ApolloOperation {
    id: String,
    name: String,
    body: String,
}

/// The documents of all files; mistakes become a failure that lists them all.
pub(super) fn read(files: &[PathBuf]) -> Result<Vec<NewDocument>, Failure> {
    let (mut documents, mut mistakes) = (Vec::new(), Vec::new());
    for path in files {
        for entry in entries(path, read_text(path)?)? {
            let place = entry.id.as_ref().map_or_else(|| path.display().to_string(), |id| format!("{}: {id}", path.display()));
            match document(entry) {
                Ok(document) => documents.push(document),
                Err(mistake) => mistakes.push(format!("{place}: {mistake}")),
            }
        }
    }
    if mistakes.is_empty() {
        return Ok(documents);
    }
    let message = format!("{} of {} documents cannot be registered", mistakes.len(), mistakes.len() + documents.len());
    Err(Failure::local("DOCUMENT_INVALID", message).details(mistakes))
}

fn entries(path: &Path, text: String) -> Result<Vec<Entry>, Failure> {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("graphql" | "gql") => Ok(vec![Entry { id: None, name: None, text }]),
        Some("json") => manifest(&text).ok_or_else(|| {
            Failure::local("MANIFEST_INVALID", format!("`{}` is no manifest of documents", path.display()))
                .hint(format!("an object of ids and documents, or Apollo's with `\"format\": \"{APOLLO}\"` and `\"version\": 1`"))
        }),
        _ => Err(Failure::new(Exit::Usage, "MANIFEST_FORM", format!("cannot tell the form of `{}`", path.display()))
            .hint("its name ends in .graphql for one document, or in .json for a manifest")),
    }
}

fn manifest(text: &str) -> Option<Vec<Entry>> {
    let object: Map<String, Value> = serde_json::from_str(text).ok()?;
    if object.get("format").and_then(Value::as_str) == Some(APOLLO) {
        let manifest: ApolloManifest = serde_json::from_value(object.into()).ok()?;
        let entry =
            |operation: ApolloOperation| Entry { id: Some(operation.id), name: Some(operation.name), text: operation.body };
        return (manifest.version == 1).then(|| manifest.operations.into_iter().map(entry).collect());
    }
    let entry = |(id, text): (String, Value)| match text {
        Value::String(text) => Some(Entry { id: Some(id), name: None, text }),
        _ => None,
    };
    object.into_iter().map(entry).collect()
}

fn document(entry: Entry) -> Result<NewDocument, String> {
    // How large a document may be is the engine's setting; how deep keeps this process's stack whole.
    let limits = Limits { tokens: usize::MAX, ..Limits::default() };
    let operations = operation_names(&entry.text, &limits).map_err(|error| {
        let places = error.locations.iter().map(|pos| format!("{}:{}: ", pos.line, pos.column));
        format!("{}{}", places.collect::<String>(), error.message)
    })?;
    let first = operations.into_iter().next().ok_or("there is no operation in it")?;
    NewDocument::new(entry.text, entry.name.or(first), entry.id.as_deref()).map_err(|error| error.to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Id and name of each document.
    fn read_as(name: &str, text: &str) -> Result<Vec<(String, Option<String>)>, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let documents = read(&[path])?;
        Ok(documents.iter().map(|new| (new.alias().unwrap_or("its hash").to_owned(), new.name().map(str::to_owned))).collect())
    }

    #[test]
    fn every_form_is_read() {
        let named = |id: &str, name: &str| (id.to_owned(), Some(name.to_owned()));
        let hash = NewDocument::new("query A { a }".to_owned(), None, None).unwrap().sha256().to_owned();
        assert_eq!(read_as("a.graphql", "query A { a }\n").unwrap(), [named("its hash", "A")]);
        assert_eq!(read_as("a.gql", "{ a }").unwrap(), [("its hash".to_owned(), None)]);
        let by_hash = format!(r#"{{"{hash}": "query A {{ a }}", "d41d8cd98f00b204e9800998ecf8427e": "query B {{ b }}"}}"#);
        assert_eq!(
            read_as("m.json", &by_hash).unwrap(),
            [named("its hash", "A"), named("d41d8cd98f00b204e9800998ecf8427e", "B")]
        );
        let apollo = format!(
            r#"{{"format": "{APOLLO}", "version": 1, "operations": [{{"id": "one", "name": "A", "type": "query", "body": "query A {{ a }}"}}]}}"#
        );
        assert_eq!(read_as("m.json", &apollo).unwrap(), [named("one", "A")]);
        assert_eq!(read_as("m.json", "{}").unwrap(), []);
    }

    #[test]
    fn mistakes_are_all_told_with_their_places() {
        let wrong =
            format!(r#"{{"a": "query {{", "b": "fragment F on T {{ a }}", "{}": "{{ a }}", "d": "{{ a }}"}}"#, "0".repeat(64));
        let failure = read_as("m.json", &wrong).unwrap_err();
        assert_eq!((failure.code, failure.message.as_str()), ("DOCUMENT_INVALID", "3 of 4 documents cannot be registered"));
        let all = failure.details.join("\n");
        for part in ["m.json: a: 1:8: Syntax Error", "m.json: b: there is no operation in it", "is not the SHA-256 of its text"] {
            assert!(all.contains(part), "{all}");
        }
        for (name, text, code) in [
            ("m.json", "[]", "MANIFEST_INVALID"),
            ("m.json", r#"{"a": 1}"#, "MANIFEST_INVALID"),
            ("m.json", &format!(r#"{{"format": "{APOLLO}", "version": 2, "operations": []}}"#), "MANIFEST_INVALID"),
            ("m.txt", "{ a }", "MANIFEST_FORM"),
        ] {
            assert_eq!(read_as(name, text).unwrap_err().code, code, "{text}");
        }
    }
}
