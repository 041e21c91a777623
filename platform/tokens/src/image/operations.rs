//! What to make of an image, as one segment of its URL: `w800-h600-fc-q75.webp`, or `o` for the original bytes.
//!
//! Canonical text: order width, height, fit, quality, format; defaults are not written. Only `a-z 0-9 . -` occur, which no proxy re-encodes.

use std::fmt;
use std::str::FromStr;

/// Largest width or height that can be asked for, in pixels. The image service's configured limit may be lower.
pub const MAX_SIDE: u32 = 16_384;
const MAX_QUALITY: u8 = 100;
const ORIGINAL: &str = "o";

/// What to make of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operations {
    /// The bytes as stored.
    Original,
    /// Another size, and an explicit format.
    Resize(Resize),
}

/// A size and a format. Images are never enlarged. Made by [`Resize::new`], which removes what makes no difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Resize {
    width: Option<u32>,
    height: Option<u32>,
    fit: Fit,
    format: Format,
    quality: Option<u8>,
}

/// How width and height together are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Fit {
    /// The whole image fits into width and height; one of them may come out smaller.
    #[default]
    Contain,
    /// Width and height are filled; what sticks out is cut off, centred.
    Cover,
}

/// Format of the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// `.jpg`
    Jpeg,
    /// `.png`
    Png,
    /// `.webp`
    Webp,
}

impl Format {
    /// Ending of the operations' text.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Webp => "webp",
        }
    }

    /// Media type of the answer.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
        }
    }

    /// Quality when none is asked for; `None` for a lossless format.
    #[must_use]
    pub fn default_quality(self) -> Option<u8> {
        match self {
            Self::Jpeg | Self::Webp => Some(80),
            Self::Png => None,
        }
    }
}

/// Why these are no operations.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OperationsError {
    /// Neither width nor height.
    #[error("a width or a height is missing")]
    NoSize,
    /// Zero or too large.
    #[error("width and height must be 1 to {MAX_SIDE} pixels")]
    Side,
    /// Out of range.
    #[error("quality must be 1 to {MAX_QUALITY}")]
    Quality,
    /// PNG keeps every pixel.
    #[error("a lossless format has no quality")]
    LosslessQuality,
    /// Not the grammar, another order, a default spelled out, or a number with zeros before it.
    #[error(
        "operations are spelled like `w800-h600-fc-q75.webp` (width, height, cover, quality, format), or `o`; defaults are left out"
    )]
    Spelling,
}

impl Resize {
    /// Checks ranges and drops what makes no difference: `Cover` without both sides, and the format's own quality.
    ///
    /// # Errors
    /// When no size is given or a number is out of range.
    pub fn new(
        width: Option<u32>,
        height: Option<u32>,
        fit: Fit,
        format: Format,
        quality: Option<u8>,
    ) -> Result<Self, OperationsError> {
        if width.is_none() && height.is_none() {
            return Err(OperationsError::NoSize);
        }
        if [width, height].into_iter().flatten().any(|side| side == 0 || side > MAX_SIDE) {
            return Err(OperationsError::Side);
        }
        if quality.is_some_and(|quality| quality == 0 || quality > MAX_QUALITY) {
            return Err(OperationsError::Quality);
        }
        if quality.is_some() && format.default_quality().is_none() {
            return Err(OperationsError::LosslessQuality);
        }
        let fit = if width.is_some() && height.is_some() { fit } else { Fit::Contain };
        let quality = quality.filter(|_| quality != format.default_quality());
        Ok(Self { width, height, fit, format, quality })
    }

    /// Asked width in pixels.
    #[must_use]
    pub fn width(&self) -> Option<u32> {
        self.width
    }

    /// Asked height in pixels.
    #[must_use]
    pub fn height(&self) -> Option<u32> {
        self.height
    }

    /// How width and height together are meant.
    #[must_use]
    pub fn fit(&self) -> Fit {
        self.fit
    }

    /// Format of the answer.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// Quality of the encoder, 1 to 100: the asked one, or the format's own. `None` for a lossless format.
    #[must_use]
    pub fn quality(&self) -> Option<u8> {
        self.quality.or(self.format.default_quality())
    }
}

impl fmt::Display for Operations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resize = match self {
            Self::Original => return f.write_str(ORIGINAL),
            Self::Resize(resize) => resize,
        };
        let mut separator = "";
        for (letter, side) in [('w', resize.width), ('h', resize.height)] {
            if let Some(side) = side {
                write!(f, "{separator}{letter}{side}")?;
                separator = "-";
            }
        }
        if resize.fit == Fit::Cover {
            f.write_str("-fc")?;
        }
        if let Some(quality) = resize.quality {
            write!(f, "-q{quality}")?;
        }
        write!(f, ".{}", resize.format.extension())
    }
}

impl FromStr for Operations {
    type Err = OperationsError;

    /// Reads leniently, then compares with the canonical text: whatever is spelled differently is refused.
    fn from_str(text: &str) -> Result<Self, OperationsError> {
        if text == ORIGINAL {
            return Ok(Self::Original);
        }
        let operations = Self::Resize(read(text)?);
        if operations.to_string() == text { Ok(operations) } else { Err(OperationsError::Spelling) }
    }
}

fn read(text: &str) -> Result<Resize, OperationsError> {
    let (steps, extension) = text.rsplit_once('.').ok_or(OperationsError::Spelling)?;
    let format = [Format::Jpeg, Format::Png, Format::Webp].into_iter().find(|format| format.extension() == extension);
    let (mut width, mut height, mut fit, mut quality) = (None, None, Fit::Contain, None);
    for step in steps.split('-') {
        let mut letters = step.chars();
        match (letters.next(), letters.as_str()) {
            (Some('w'), number) => width = Some(self::number(number)?),
            (Some('h'), number) => height = Some(self::number(number)?),
            (Some('f'), "c") => fit = Fit::Cover,
            (Some('q'), number) => quality = Some(self::number(number)?),
            _ => return Err(OperationsError::Spelling),
        }
    }
    Resize::new(width, height, fit, format.ok_or(OperationsError::Spelling)?, quality)
}

fn number<N: FromStr>(text: &str) -> Result<N, OperationsError> {
    text.parse().map_err(|_| OperationsError::Spelling)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_texts_are_read_and_written() {
        for text in ["o", "w800.webp", "h600.jpg", "w800-h600.png", "w800-h600-fc.webp", "w1-h16384-fc-q75.jpg", "h1-q100.webp"] {
            assert_eq!(text.parse::<Operations>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn every_other_spelling_is_refused() {
        let twisted =
            ["h600-w800.jpg", "w0800.jpg", "w+800.jpg", "w800-q80.jpg", "w800-fc.jpg", "w8-w8.jpg", "w800.jpeg", "W800.jpg"];
        let nonsense =
            ["", ".jpg", "w.jpg", "w800", "w800.", "800.jpg", "w800--h6.jpg", "-w800.jpg", "w800-.jpg", "w8 .jpg", "O", "o.jpg"];
        let fits = ["w8-h8-fx.jpg", "w8-h8-f.jpg", "w8-h8-fcc.jpg", "w8-h8-fc-fc.jpg", "fc.jpg", "q70.jpg", "wé.jpg", "é8.jpg"];
        for text in twisted.iter().chain(&nonsense).chain(&fits) {
            assert!(text.parse::<Operations>().is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        for (text, error) in [
            ("w0.jpg", OperationsError::Side),
            ("w8-h16385.jpg", OperationsError::Side),
            ("w8-q0.jpg", OperationsError::Quality),
            ("w8-q101.jpg", OperationsError::Quality),
            ("w8-q300.jpg", OperationsError::Spelling),
            ("w99999999999.jpg", OperationsError::Spelling),
            ("w8-q90.png", OperationsError::LosslessQuality),
        ] {
            assert_eq!(text.parse::<Operations>(), Err(error), "{text}");
        }
    }

    #[test]
    fn what_makes_no_difference_is_not_written() {
        let resize = Resize::new(Some(8), None, Fit::Cover, Format::Webp, Some(80)).unwrap();
        assert_eq!(Operations::Resize(resize).to_string(), "w8.webp");
        assert_eq!(resize.quality(), Some(80));
    }
}
