//! Media types of uploads.

/// The media type of an upload of which none is said.
pub const UNKNOWN: &str = "application/octet-stream";
/// The extension of a media type that is not in the table.
const UNKNOWN_EXTENSION: &str = "bin";
const MAX_BYTES: usize = 255;

/// What is uploaded to content, and the usual ends of its names.
const EXTENSIONS: &[(&str, &str)] = &[
    ("application/gzip", "gz"),
    ("application/json", "json"),
    ("application/msword", "doc"),
    ("application/pdf", "pdf"),
    ("application/vnd.ms-excel", "xls"),
    ("application/vnd.openxmlformats-officedocument.presentationml.presentation", "pptx"),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
    ("application/xml", "xml"),
    ("application/zip", "zip"),
    ("audio/aac", "aac"),
    ("audio/mp4", "m4a"),
    ("audio/mpeg", "mp3"),
    ("audio/ogg", "ogg"),
    ("audio/wav", "wav"),
    ("font/woff", "woff"),
    ("font/woff2", "woff2"),
    ("image/avif", "avif"),
    ("image/gif", "gif"),
    ("image/heic", "heic"),
    ("image/jpeg", "jpg"),
    ("image/png", "png"),
    ("image/svg+xml", "svg"),
    ("image/tiff", "tiff"),
    ("image/webp", "webp"),
    ("text/css", "css"),
    ("text/csv", "csv"),
    ("text/html", "html"),
    ("text/markdown", "md"),
    ("text/plain", "txt"),
    ("text/vtt", "vtt"),
    ("video/mp4", "mp4"),
    ("video/quicktime", "mov"),
    ("video/webm", "webm"),
];

/// Whether a text can be sent as a media type: `type/subtype`, perhaps with parameters (RFC 9110, 8.3.1).
pub fn is_media_type(text: &str) -> bool {
    let is_token =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b));
    let is_printable = text.len() <= MAX_BYTES && text.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
    is_printable && essence(text).split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype))
}

/// The extension of names of this media type.
pub fn extension(media_type: &str) -> &'static str {
    let known = EXTENSIONS.iter().find(|(known, _)| known.eq_ignore_ascii_case(essence(media_type)));
    known.map_or(UNKNOWN_EXTENSION, |(_, extension)| extension)
}

/// Without parameters.
fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_come_from_the_media_type() {
        let table = [
            ("image/jpeg", "jpg"),
            ("IMAGE/PNG", "png"),
            ("text/csv; charset=utf-8", "csv"),
            ("image/svg+xml", "svg"),
            ("application/x-own", "bin"),
            (UNKNOWN, "bin"),
        ];
        for (media_type, expected) in table {
            assert!(is_media_type(media_type), "{media_type}");
            assert_eq!(extension(media_type), expected, "{media_type}");
        }
    }

    #[test]
    fn what_is_no_media_type_is_not_sent_as_one() {
        for text in ["", "image", "image/", "/png", "image/p ng", "image/png\r\nx: y", "image/pñg", &"a/".repeat(200)] {
            assert!(!is_media_type(text), "{text:?}");
        }
    }
}
