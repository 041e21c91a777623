//! Places in a file, and the mistakes found there.

use crate::SchemaError;

/// A value and the byte where it stands in its file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct At<T> {
    pub value: T,
    pub at: usize,
}

impl<T> At<T> {
    pub fn new(value: T, at: usize) -> Self {
        Self { value, at }
    }
}

impl At<String> {
    pub fn as_str(&self) -> &str {
        &self.value
    }
}

/// Mistakes found so far.
#[derive(Debug, Default)]
pub(crate) struct Errors {
    found: Vec<Found>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Found {
    at: usize,
    code: &'static str,
    message: String,
    hint: Option<String>,
}

impl Found {
    /// Says what to do about the mistake.
    pub fn hint(&mut self, hint: impl Into<String>) {
        self.hint = Some(hint.into());
    }

    /// Proposes the known name that is most like the unknown one, or names them all when they are few.
    pub fn suggest<'a>(&mut self, name: &str, known: impl IntoIterator<Item = &'a str>) {
        let known: Vec<&str> = known.into_iter().collect();
        self.hint = match nearest(name, &known) {
            Some(near) => Some(format!("did you mean `{near}`?")),
            None if !known.is_empty() && known.len() <= 8 => {
                let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
                Some(format!("known: {}", names.join(", ")))
            }
            None => None,
        };
    }
}

impl Errors {
    pub fn add(&mut self, at: usize, code: &'static str, message: impl Into<String>) -> &mut Found {
        self.found.push(Found { at, code, message: message.into(), hint: None });
        self.found.last_mut().expect("one was just pushed")
    }

    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Forgets mistakes found at the given places: what was read there is not what was meant.
    pub fn forget(&mut self, ranges: &[std::ops::Range<usize>]) {
        self.found.retain(|found| !ranges.iter().any(|range| range.contains(&found.at)));
    }

    pub fn append(&mut self, mut other: Self) {
        self.found.append(&mut other.found);
    }

    /// The mistakes in the order of the file.
    pub fn finish(mut self, file: &str, text: &str) -> Vec<SchemaError> {
        self.found.sort();
        self.found.dedup();
        let lines = LineStarts::new(text);
        let locate = |found: Found| {
            let (line, column) = lines.locate(text, found.at);
            SchemaError { file: file.to_owned(), line, column, code: found.code, message: found.message, hint: found.hint }
        };
        self.found.into_iter().map(locate).collect()
    }
}

struct LineStarts(Vec<usize>);

impl LineStarts {
    fn new(text: &str) -> Self {
        Self(std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect())
    }

    fn locate(&self, text: &str, at: usize) -> (usize, usize) {
        let mut at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        let line = self.0.partition_point(|&start| start <= at);
        (line, text[self.0[line - 1]..at].chars().count() + 1)
    }
}

/// The known name most like `name`, if it is like it at all.
pub(crate) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).clamp(1, 4);
    let distance = |candidate: &str| edit_distance(&name.to_lowercase(), &candidate.to_lowercase());
    let near = known.iter().map(|candidate| (distance(candidate), *candidate)).filter(|(distance, _)| *distance <= limit).min();
    // `equals` for `eq`: the longest known name that it begins with.
    let begins =
        || known.iter().copied().filter(|known| known.len() > 1 && name.starts_with(known)).max_by_key(|known| known.len());
    near.map(|(_, near)| near).or_else(begins)
}

/// Changes of one character (insert, delete, replace, swap of neighbours) that turn one text into the other: optimal string alignment.
fn edit_distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let replace = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replace.min(rows[i - 1][j] + 1).min(rows[i][j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_proposed() {
        let known = ["slug", "title", "publishedAt"];
        let cases = [
            ("slgu", Some("slug")),
            ("Title", Some("title")),
            ("published_at", Some("publishedAt")),
            ("price", None),
            ("x", None),
        ];
        for (name, expected) in cases {
            assert_eq!(nearest(name, &known), expected, "{name}");
        }
    }

    #[test]
    fn places_are_counted_in_characters() {
        let text = "é\nžluť x";
        let at = text.find('x').expect("it is there");
        assert_eq!(LineStarts::new(text).locate(text, at), (2, 6));
        assert_eq!(LineStarts::new(text).locate(text, 0), (1, 1));
        assert_eq!(LineStarts::new(text).locate(text, 999), (2, 7));
    }
}
