//! "Did you mean": graphql-js's `suggestionList`, `naturalCompare` and `didYouMean`, version 16.

use std::cmp::Ordering;

const MAX_SUGGESTIONS: usize = 5;

/// Options that look like `input`, best first.
pub(crate) fn suggestions<'a>(input: &str, options: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let threshold = input.len() * 2 / 5 + 1;
    let lower = input.to_lowercase();
    let near = |option: &str| option.len().abs_diff(input.len()) <= threshold;
    let options = options.into_iter().filter(|option| near(option));
    let mut close: Vec<(usize, &str)> =
        options.filter_map(|option| Some((distance(input, &lower, option, threshold)?, option))).collect();
    close.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| natural_order(a.1, b.1)));
    close.into_iter().map(|(_, option)| option).collect()
}

/// ` Did you mean "a", "b", or "c"?`, or nothing.
pub(crate) fn did_you_mean<T: AsRef<str>>(suggestions: &[T]) -> String {
    did_you_mean_the("", suggestions)
}

/// The same with a word before the suggestions: `the enum value `.
pub(crate) fn did_you_mean_the(what: &str, suggestions: &[impl AsRef<str>]) -> String {
    let quoted: Vec<String> =
        suggestions.iter().take(MAX_SUGGESTIONS).map(|suggestion| format!("\"{}\"", suggestion.as_ref())).collect();
    let list = match quoted.as_slice() {
        [] => return String::new(),
        [one] => one.clone(),
        [one, two] => format!("{one} or {two}"),
        [rest @ .., last] => format!("{}, or {last}", rest.join(", ")),
    };
    format!(" Did you mean {what}{list}?")
}

/// Damerau–Levenshtein distance without case, None above the threshold. Another case alone counts as 1.
fn distance(input: &str, lower: &str, option: &str, threshold: usize) -> Option<usize> {
    if input == option {
        return Some(0);
    }
    let option = option.to_lowercase();
    if option == lower {
        return Some(1);
    }
    let (option, lower) = (option.as_bytes(), lower.as_bytes());
    let (long, short) = if option.len() < lower.len() { (lower, option) } else { (option, lower) };
    let mut rows = [vec![0; short.len() + 1], vec![0; short.len() + 1], vec![0; short.len() + 1]];
    rows[0] = (0..=short.len()).collect();
    for i in 1..=long.len() {
        let mut smallest = i;
        rows[i % 3][0] = i;
        for j in 1..=short.len() {
            let cost = usize::from(long[i - 1] != short[j - 1]);
            let up = &rows[(i - 1) % 3];
            let mut cell = (up[j] + 1).min(rows[i % 3][j - 1] + 1).min(up[j - 1] + cost);
            let swapped = i > 1 && j > 1 && long[i - 1] == short[j - 2] && long[i - 2] == short[j - 1];
            if swapped {
                cell = cell.min(rows[(i - 2) % 3][j - 2] + 1);
            }
            smallest = smallest.min(cell);
            rows[i % 3][j] = cell;
        }
        // Later rows only grow.
        if smallest > threshold {
            return None;
        }
    }
    Some(rows[long.len() % 3][short.len()]).filter(|distance| *distance <= threshold)
}

/// Compares runs of digits as numbers, everything else by character.
pub(crate) fn natural_order(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let (mut i, mut j) = (0, 0);
    while i < a.len() && j < b.len() {
        if a[i].is_ascii_digit() && b[j].is_ascii_digit() {
            let (number_a, end_a) = digits(a, i);
            let (number_b, end_b) = digits(b, j);
            let order = number_a.len().cmp(&number_b.len()).then_with(|| number_a.cmp(number_b));
            if order != Ordering::Equal {
                return order;
            }
            (i, j) = (end_a, end_b);
        } else {
            if a[i] != b[j] {
                return a[i].cmp(&b[j]);
            }
            i += 1;
            j += 1;
        }
    }
    a.len().cmp(&b.len())
}

/// The digits at `start` without leading zeros, and where they end.
fn digits(text: &[u8], start: usize) -> (&[u8], usize) {
    let end = start + text[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let zeros = text[start..end].iter().take_while(|byte| **byte == b'0').count();
    (&text[start + zeros..end], end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggestions_are_those_of_graphql_js() {
        let table: &[(&str, &[&str], &[&str])] = &[
            ("", &["a"], &["a"]),
            ("input", &[], &[]),
            ("greenish", &["green"], &["green"]),
            ("green", &["greenish"], &["greenish"]),
            ("verylongstring", &["short"], &[]),
            ("", &["short"], &[]),
            ("abc", &["a", "ab", "abc"], &["abc", "ab", "a"]),
            ("abc", &["ABC", "abx"], &["ABC", "abx"]),
            ("agr", &["arg"], &["arg"]),
            ("214365879", &["123456789"], &["123456789"]),
            ("a", &["az", "ax", "ay"], &["ax", "ay", "az"]),
            ("ab", &["xc", "xa10", "xa9"], &[]),
            (
                "state",
                &["id", "slug", "rank", "secret", "title", "site", "author", "tags", "locales", "and", "or", "not"],
                &["site", "tags", "title"],
            ),
        ];
        for (input, options, expected) in table {
            assert_eq!(suggestions(input, options.iter().copied()), *expected, "{input}");
        }
    }

    #[test]
    fn lists_read_like_english() {
        assert_eq!(did_you_mean::<&str>(&[]), "");
        assert_eq!(did_you_mean(&["A"]), " Did you mean \"A\"?");
        assert_eq!(did_you_mean(&["A", "B"]), " Did you mean \"A\" or \"B\"?");
        assert_eq!(did_you_mean(&["A", "B", "C"]), " Did you mean \"A\", \"B\", or \"C\"?");
        assert_eq!(did_you_mean(&["A", "B", "C", "D", "E", "F"]), " Did you mean \"A\", \"B\", \"C\", \"D\", or \"E\"?");
        assert_eq!(did_you_mean_the("the enum value ", &["A"]), " Did you mean the enum value \"A\"?");
    }

    #[test]
    fn numbers_in_names_count_as_numbers() {
        assert_eq!(natural_order("a9", "a10"), Ordering::Less);
        assert_eq!(natural_order("a007", "a7"), Ordering::Greater);
        assert_eq!(natural_order("a", "b"), Ordering::Less);
        assert_eq!(natural_order("aB", "aa"), Ordering::Less);
    }
}
