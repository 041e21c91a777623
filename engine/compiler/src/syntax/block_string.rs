//! Indentation of block strings (GraphQL October 2021, 2.9.4 "BlockStringValue").

/// Removes common indentation and blank first and last lines.
pub(super) fn dedent(raw: &str) -> String {
    let normalised = raw.replace("\r\n", "\n").replace('\r', "\n");
    let lines: Vec<&str> = normalised.split('\n').collect();
    let indent = |line: &&str| line.bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let is_blank = |line: &&str| indent(line) == line.len();
    let common = lines.iter().skip(1).filter(|line| !is_blank(line)).map(indent).min().unwrap_or(0);
    let first = lines.iter().position(|line| !is_blank(line));
    let last = lines.iter().rposition(|line| !is_blank(line));
    let (Some(first), Some(last)) = (first, last) else { return String::new() };
    let kept = lines.iter().enumerate().skip(first).take(last - first + 1);
    let texts = kept.map(|(index, line)| if index == 0 { *line } else { line.get(common..).unwrap_or("") });
    texts.collect::<Vec<_>>().join("\n")
}
