//! What the client's `Accept` asks for, and what follows for statuses and the shape of errors.

/// How a GraphQL answer is dressed.
///
/// Without an explicit wish the content API's own contract holds (section 14.2): real statuses, and errors as clients of that contract know them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// No `Accept` at all: errors hold nothing beyond the contract; the code is beside them, in the answer's own `extensions`.
    Plain,
    /// `*/*`: the same statuses; each error has `extensions.code`.
    Any,
    /// `application/json`: 200 for whatever is a well-formed GraphQL response (GraphQL over HTTP, 6.4.1).
    Json,
    /// `application/graphql-response+json`: real statuses (GraphQL over HTTP, 6.4.2).
    GraphqlResponse,
}

impl Style {
    /// The best of what a client accepts that we can give; what it cannot take it gets as [`Style::Any`], because an error it cannot read is worse than none.
    pub fn of(accept: Option<&str>) -> Self {
        let Some(accept) = accept.filter(|accept| !accept.trim().is_empty()) else { return Self::Plain };
        let mut best: Option<(f32, Self)> = None;
        for range in accept.split(',') {
            let mut parts = range.split(';');
            let name = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
            let quality = parts
                .filter_map(|parameter| parameter.trim().strip_prefix("q="))
                .find_map(|text| text.trim().parse::<f32>().ok())
                .unwrap_or(1.0);
            let style = match name.as_str() {
                "application/graphql-response+json" => Self::GraphqlResponse,
                "application/json" => Self::Json,
                "application/*" | "*/*" => Self::Any,
                _ => continue,
            };
            if quality > 0.0 && best.is_none_or(|(known, _)| quality > known) {
                best = Some((quality, style));
            }
        }
        best.map_or(Self::Any, |(_, style)| style)
    }

    /// Of the answer.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::GraphqlResponse => "application/graphql-response+json; charset=utf-8",
            Self::Plain | Self::Any | Self::Json => "application/json; charset=utf-8",
        }
    }

    /// Whether each error carries its code.
    pub fn has_error_codes(self) -> bool {
        self != Self::Plain
    }

    /// The status of a GraphQL response that would have `status` otherwise.
    pub fn graphql_status(self, status: u16) -> u16 {
        // Failures of the server stay visible to proxies and monitors in any style.
        if self == Self::Json && status < 500 { 200 } else { status }
    }
}

/// Whether a browser asks for a page: it names HTML, and before JSON if it names that at all.
pub fn wants_html(accept: Option<&str>) -> bool {
    let accept = accept.unwrap_or_default().to_ascii_lowercase();
    let (html, json) = (accept.find("text/html"), accept.find("json"));
    html.is_some_and(|html| json.is_none_or(|json| html < json))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clients_wish_decides() {
        for (accept, style) in [
            (None, Style::Plain),
            (Some(""), Style::Plain),
            (Some("*/*"), Style::Any),
            (Some("application/json"), Style::Json),
            (Some("Application/JSON; charset=utf-8"), Style::Json),
            (Some("application/graphql-response+json"), Style::GraphqlResponse),
            (Some("application/graphql-response+json, application/json;q=0.9"), Style::GraphqlResponse),
            (Some("application/graphql-response+json;q=0.2, application/json;q=0.9"), Style::Json),
            (Some("application/json;q=0, */*"), Style::Any),
            (Some("image/png"), Style::Any),
        ] {
            assert_eq!(Style::of(accept), style, "{accept:?}");
        }
    }

    #[test]
    fn only_browsers_get_the_page() {
        assert!(wants_html(Some("text/html,application/xhtml+xml,*/*;q=0.8")));
        for accept in [None, Some("*/*"), Some("application/json"), Some("application/json, text/html")] {
            assert!(!wants_html(accept), "{accept:?}");
        }
    }
}
