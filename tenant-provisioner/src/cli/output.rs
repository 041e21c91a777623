//! Printing answers and failures, for people or for programs.

use std::io::{IsTerminal, Write};

use clap::ValueEnum;
use serde::Serialize;
use serde_json::json;

use super::failure::Failure;

/// Form of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum OutputFormat {
    /// Text for people.
    #[default]
    Human,
    /// One JSON document.
    Json,
}

/// Where answers go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    format: OutputFormat,
}

impl Output {
    pub(crate) fn new(format: OutputFormat) -> Self {
        Self { format }
    }

    pub(crate) fn is_json(self) -> bool {
        self.format == OutputFormat::Json
    }

    /// The answer of the command, in the form that was asked for.
    pub(crate) fn answer(self, json: &impl Serialize, human: impl FnOnce() -> String) {
        match self.format {
            OutputFormat::Json => {
                let text = serde_json::to_string_pretty(json).expect("answers have text keys and serialise");
                write_to(std::io::stdout().lock(), &text);
            }
            OutputFormat::Human => write_to(std::io::stdout().lock(), human().trim_end_matches('\n')),
        }
    }

    /// A remark beside the answer, for people only.
    pub(crate) fn note(self, text: &str) {
        if !self.is_json() {
            write_to(std::io::stderr().lock(), text);
        }
    }

    pub(crate) fn failure(self, failure: &Failure) {
        let text = match self.format {
            OutputFormat::Json => {
                let mut error = json!({ "code": failure.code, "message": failure.message });
                if let Some(hint) = &failure.hint {
                    error["hint"] = json!(hint);
                }
                if !failure.details.is_empty() {
                    error["details"] = json!(failure.details);
                }
                json!({ "error": error }).to_string()
            }
            OutputFormat::Human => {
                let details = failure.details.iter().map(|detail| format!("{detail}\n")).collect::<String>();
                let hint = failure.hint.iter().map(|hint| format!("\n  hint: {hint}")).collect::<String>();
                format!("{details}error[{}]: {}{hint}", failure.code, failure.message)
            }
        };
        write_to(std::io::stderr().lock(), &text);
    }
}

/// Whether a person can be asked something.
pub(crate) fn is_interactive() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// A reader that went away (`freehold … | head`) is no failure of the command.
pub(crate) fn write_to(mut stream: impl Write, text: &str) {
    let _ = writeln!(stream, "{text}").and_then(|()| stream.flush());
}

/// Columns as wide as their widest cell, two spaces apart.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([header[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |cells: &[String]| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        format!("{}\n", padded.collect::<Vec<_>>().join("  ").trim_end())
    };
    let header: Vec<String> = header.iter().map(|&name| name.to_owned()).collect();
    std::iter::once(line(&header)).chain(rows.iter().map(|row| line(row))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_aligned_and_have_no_trailing_spaces() {
        let rows = vec![vec!["acme".to_owned(), "active".to_owned()], vec!["ü".to_owned(), String::new()]];
        assert_eq!(table(&["SLUG", "STATE"], &rows), "SLUG  STATE\nacme  active\nü\n");
    }
}
