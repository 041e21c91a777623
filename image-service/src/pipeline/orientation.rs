//! How a camera was held: EXIF tag 274 (TIFF 6.0, EXIF 2.3 §4.6.4).

/// The eight ways of putting stored rows onto the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Orientation {
    /// Rows become columns, before the mirrors.
    pub transposed: bool,
    pub mirrored_horizontally: bool,
    pub mirrored_vertically: bool,
}

impl Orientation {
    /// By the tag's value; unknown values mean "as stored".
    pub(crate) fn from_tag(value: u16) -> Self {
        let (transposed, mirrored_horizontally, mirrored_vertically) = match value {
            2 => (false, true, false),
            3 => (false, true, true),
            4 => (false, false, true),
            5 => (true, false, false),
            6 => (true, true, false),
            7 => (true, true, true),
            8 => (true, false, true),
            _ => (false, false, false),
        };
        Self { transposed, mirrored_horizontally, mirrored_vertically }
    }

    /// From a TIFF block as it stands in EXIF. Broken blocks mean "as stored": no picture is refused for its metadata.
    pub(crate) fn from_exif(tiff: &[u8]) -> Self {
        orientation_tag(tiff).map(Self::from_tag).unwrap_or_default()
    }

    /// Width and height as seen.
    pub(crate) fn seen(self, width: u32, height: u32) -> (u32, u32) {
        if self.transposed { (height, width) } else { (width, height) }
    }
}

/// Only the first directory is read, and no pointer besides its own is followed: nothing to run in circles on.
fn orientation_tag(tiff: &[u8]) -> Option<u16> {
    const ORIENTATION: u16 = 274;
    const SHORT: u16 = 3;
    let big_endian = match tiff.get(..4)? {
        b"MM\0*" => true,
        b"II*\0" => false,
        _ => return None,
    };
    let u16_at = |at: usize| -> Option<u16> {
        let bytes = tiff.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    };
    let u32_at = |at: usize| -> Option<u32> {
        let bytes = tiff.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) })
    };
    let directory = usize::try_from(u32_at(4)?).ok()?;
    let n_entries = usize::from(u16_at(directory)?);
    (0..n_entries)
        .map_while(|i| directory.checked_add(2 + i * 12))
        .find(|at| u16_at(*at) == Some(ORIENTATION))
        .filter(|at| u16_at(at + 2) == Some(SHORT))
        .and_then(|at| u16_at(at + 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_byte_orders_are_read_and_broken_blocks_are_ignored() {
        let big = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0";
        let little = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0";
        assert_eq!(Orientation::from_exif(big), Orientation::from_tag(6));
        assert_eq!(Orientation::from_exif(little), Orientation::from_tag(6));
        for n_bytes in 0..18 {
            assert_eq!(Orientation::from_exif(&big[..n_bytes]), Orientation::default(), "{n_bytes}");
        }
        let far = b"MM\0*\xff\xff\xff\xff\0\x01";
        assert_eq!(Orientation::from_exif(far), Orientation::default());
        let many = b"MM\0*\0\0\0\x08\xff\xff\x01\x13";
        assert_eq!(Orientation::from_exif(many), Orientation::default());
    }
}
