//! What a file's header says, read without decoding a pixel and in time linear in the file's length.

use memchr::memchr;

use super::PipelineError;
use super::orientation::Orientation;
use crate::media::Media;

/// A camera's progressive photograph has about 10 scans. Each scan visits every block again while it may take only a few bytes, so that
/// thousands of scans in a small file would keep a core busy for minutes.
const MAX_SCANS: usize = 64;

/// Facts that decide whether, and how, the rest is decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    pub media: Media,
    /// As stored, before the orientation is applied.
    pub width: u32,
    pub height: u32,
    pub orientation: Orientation,
    /// Upper estimate of the decoder's memory per source pixel.
    pub bytes_per_pixel: u64,
    /// Where an ICC profile stands in a WebP file.
    pub webp_icc: Option<std::ops::Range<usize>>,
}

pub(crate) fn probe(media: Media, source: &[u8]) -> Result<Header, PipelineError> {
    let header = match media {
        Media::Jpeg => jpeg(source)?,
        Media::Png => png(source)?,
        Media::Webp => webp(source)?,
        Media::Gif => return Err(PipelineError::Unsupported("GIF is served as stored only")),
        Media::Avif => return Err(PipelineError::Unsupported("AVIF is served as stored only")),
        Media::Heic => return Err(PipelineError::Unsupported("HEIC is served as stored only")),
    };
    if header.width == 0 || header.height == 0 { Err(PipelineError::Damaged) } else { Ok(header) }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at.checked_add(2)?).and_then(|bytes| bytes.try_into().ok()).map(u16::from_be_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes)
}

/// Walks marker segments (ITU-T T.81, annex B), scans included, up to the end or to where the file breaks off.
fn jpeg(source: &[u8]) -> Result<Header, PipelineError> {
    let mut frame = None;
    let mut orientation = None;
    let mut n_scans = 0;
    let mut at = 2;
    while let Some((marker, body, next)) = jpeg_segment(source, at) {
        match marker {
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) && frame.is_none() => {
                let (height, width, n_components) = (u16_at(body, 1), u16_at(body, 3), body.get(5).copied());
                let is_progressive = !matches!(marker, 0xc0 | 0xc1);
                frame = height.zip(width).zip(n_components).map(|frame| (frame, is_progressive));
            }
            0xe1 => {
                let exif = body.strip_prefix(b"Exif\0\0").map(Orientation::from_exif);
                orientation = orientation.or(exif);
            }
            0xda => n_scans += 1,
            _ => {}
        }
        if n_scans > MAX_SCANS {
            return Err(PipelineError::TooManyScans { max: MAX_SCANS });
        }
        at = next;
    }
    let (((height, width), n_components), is_progressive) = frame.ok_or(PipelineError::Damaged)?;
    let bytes_per_pixel = u64::from(n_components.clamp(1, 4)) * if is_progressive { 4 } else { 2 };
    Ok(Header {
        media: Media::Jpeg,
        width: width.into(),
        height: height.into(),
        orientation: orientation.unwrap_or_default(),
        bytes_per_pixel,
        webp_icc: None,
    })
}

/// Marker, content and end of the next segment from `at` on. Entropy-coded data before it is skipped.
fn jpeg_segment(source: &[u8], mut at: usize) -> Option<(u8, &[u8], usize)> {
    loop {
        at += memchr(0xff, source.get(at..)?)? + 1;
        match *source.get(at)? {
            // A stuffed zero, restart markers and TEM stand alone; 0xff is filling before a marker.
            0x00 | 0x01 | 0xd0..=0xd8 => at += 1,
            0xff => {}
            0xd9 => return None,
            marker => {
                let length = usize::from(u16_at(source, at + 1)?);
                let body = source.get(at + 3..at + 1 + length.max(2))?;
                return Some((marker, body, at + 1 + length.max(2)));
            }
        }
    }
}

/// Walks chunks (PNG, third edition, §5.3); `IHDR` must be the first.
fn png(source: &[u8]) -> Result<Header, PipelineError> {
    let header = || {
        let is_header = u32_at(source, 8)? == 13 && source.get(12..16)? == b"IHDR";
        is_header.then_some((u32_at(source, 16)?, u32_at(source, 20)?))
    };
    let (width, height) = header().ok_or(PipelineError::Damaged)?;
    let mut orientation = Orientation::default();
    let mut at = 8;
    while let (Some(length), Some(kind)) = (u32_at(source, at), source.get(at + 4..at + 8)) {
        let Some(end) = usize::try_from(length).ok().and_then(|length| (at + 8).checked_add(length)) else { break };
        match (kind, source.get(at + 8..end)) {
            (b"eXIf", Some(exif)) => orientation = Orientation::from_exif(exif),
            (b"IEND", _) | (_, None) => break,
            _ => {}
        }
        at = end + 4;
    }
    // Sixteen bits times four channels are decoded to rows, eight bits are kept; the resizer keeps a copy.
    Ok(Header { media: Media::Png, width, height, orientation, bytes_per_pixel: 8, webp_icc: None })
}

/// Dimensions by libwebp's own header reader; metadata by walking the RIFF chunks.
fn webp(source: &[u8]) -> Result<Header, PipelineError> {
    let features = webp::BitstreamFeatures::new(source).ok_or(PipelineError::Damaged)?;
    if features.has_animation() {
        return Err(PipelineError::Unsupported("animated WebP is served as stored only"));
    }
    let mut orientation = Orientation::default();
    let mut webp_icc = None;
    let mut at: usize = 12;
    while let (Some(kind), Some(length)) = (source.get(at..at + 4), source.get(at + 4..at + 8)) {
        let length = u32::from_le_bytes(length.try_into().expect("four bytes were taken"));
        let Some(end) = usize::try_from(length).ok().and_then(|length| (at + 8).checked_add(length)) else { break };
        match (kind, source.get(at + 8..end)) {
            // Some writers keep JPEG's prefix.
            (b"EXIF", Some(exif)) => orientation = Orientation::from_exif(exif.strip_prefix(b"Exif\0\0").unwrap_or(exif)),
            (b"ICCP", Some(_)) => webp_icc = Some(at + 8..end),
            (_, None) => break,
            _ => {}
        }
        at = end + (end & 1);
    }
    let (width, height) = (features.width(), features.height());
    Ok(Header { media: Media::Webp, width, height, orientation, bytes_per_pixel: 8, webp_icc })
}
