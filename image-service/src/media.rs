//! What stored bytes are, by their first bytes. Neither a name's ending nor a stored media type is believed.

/// Kinds of files that are served. Others, above all SVG, HTML and PDF, could run scripts under the image host's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// WebP.
    Webp,
    /// GIF: served as stored, not resized.
    Gif,
    /// AVIF: served as stored, not resized.
    Avif,
    /// HEIC, the format of telephones' cameras: served as stored, not resized.
    Heic,
}

/// So many first bytes decide.
pub const SNIFF_BYTES: usize = 32;

impl Media {
    /// Kind of a file that starts with these bytes; `None` when it is on no list.
    #[must_use]
    pub fn sniff(start: &[u8]) -> Option<Self> {
        if start.starts_with(&[0xff, 0xd8, 0xff]) {
            return Some(Self::Jpeg);
        }
        if start.starts_with(b"\x89PNG\r\n\x1a\n") {
            return Some(Self::Png);
        }
        if start.starts_with(b"GIF87a") || start.starts_with(b"GIF89a") {
            return Some(Self::Gif);
        }
        match (start.get(..4), start.get(4..8), start.get(8..12)) {
            (Some(b"RIFF"), Some(_), Some(b"WEBP")) => Some(Self::Webp),
            (Some(_), Some(b"ftyp"), Some(b"avif" | b"avis")) => Some(Self::Avif),
            (Some(_), Some(b"ftyp"), Some(b"heic" | b"heix" | b"mif1")) => Some(Self::Heic),
            _ => None,
        }
    }

    /// Value of `Content-Type`.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Gif => "image/gif",
            Self::Avif => "image/avif",
            Self::Heic => "image/heic",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_kinds_are_known() {
        assert_eq!(Media::sniff(b"\xff\xd8\xff\xe0\0\x10JFIF"), Some(Media::Jpeg));
        assert_eq!(Media::sniff(b"RIFF\x10\0\0\0WEBPVP8 "), Some(Media::Webp));
        assert_eq!(Media::sniff(b"\0\0\0\x1cftypavif"), Some(Media::Avif));
        for other in
            [&b""[..], b"<svg xmlns=", b"<!doctype html>", b"%PDF-1.7", b"PK\x03\x04", b"BM", b"RIFF\0\0\0\0WAVE", b"\x89PNG"]
        {
            assert_eq!(Media::sniff(other), None, "{other:?}");
        }
    }
}
