//! Colour profiles: kept when a picture would look different without them.

use memchr::memmem;

use super::pixels::Layout;

/// Display profiles take a few hundred bytes to a few kilobytes. Larger ones (printing) would outweigh a thumbnail.
const MAX_BYTES: usize = 16 * 1024;
/// Where the header names the colour space of the data (ICC.1:2022, 7.2).
const COLOUR_SPACE: std::ops::Range<usize> = 16..20;

/// The profile, if it fits the pixels and says something else than what browsers assume anyway (sRGB).
pub(crate) fn worth_keeping(profile: Option<Vec<u8>>, layout: Layout) -> Option<Vec<u8>> {
    profile.filter(|profile| {
        let fits = match layout {
            Layout::Luma => profile.get(COLOUR_SPACE) == Some(b"GRAY"),
            Layout::Rgb | Layout::Rgba => profile.get(COLOUR_SPACE) == Some(b"RGB "),
        };
        fits && profile.len() <= MAX_BYTES && !describes_srgb(profile)
    })
}

/// By its description, in version 2 ASCII, in version 4 UTF-16.
fn describes_srgb(profile: &[u8]) -> bool {
    memmem::find(profile, b"sRGB").is_some() || memmem::find(profile, b"s\0R\0G\0B").is_some()
}
