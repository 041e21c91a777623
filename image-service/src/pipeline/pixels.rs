//! Decoded images, eight bits per channel.

use fast_image_resize::PixelType;

use super::orientation::Orientation;

/// Channels of a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    Luma,
    Rgb,
    Rgba,
}

impl Layout {
    pub(crate) fn n_channels(self) -> usize {
        match self {
            Self::Luma => 1,
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }

    pub(crate) fn pixel_type(self) -> PixelType {
        match self {
            Self::Luma => PixelType::U8,
            Self::Rgb => PixelType::U8x3,
            Self::Rgba => PixelType::U8x4,
        }
    }
}

/// Rows from top to bottom, without padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bitmap {
    pub width: u32,
    pub height: u32,
    pub layout: Layout,
    pub pixels: Vec<u8>,
    /// The ICC profile that gives the numbers their colours; absent for sRGB.
    pub icc: Option<Vec<u8>>,
}

impl Bitmap {
    /// Turned and mirrored as it is meant to be seen.
    pub(crate) fn oriented(self, orientation: Orientation) -> Self {
        if orientation == Orientation::default() {
            return self;
        }
        match self.layout {
            Layout::Luma => self.oriented_by::<1>(orientation),
            Layout::Rgb => self.oriented_by::<3>(orientation),
            Layout::Rgba => self.oriented_by::<4>(orientation),
        }
    }

    fn oriented_by<const N: usize>(self, orientation: Orientation) -> Self {
        let (stored_width, stored_height) = (self.width as usize, self.height as usize);
        let (width, height) = orientation.seen(self.width, self.height);
        let (source, _) = self.pixels.as_chunks::<N>();
        let mut pixels = Vec::with_capacity(self.pixels.len());
        for y in 0..height as usize {
            for x in 0..width as usize {
                let x = if orientation.mirrored_horizontally { width as usize - 1 - x } else { x };
                let y = if orientation.mirrored_vertically { height as usize - 1 - y } else { y };
                let (column, row) = if orientation.transposed { (y, x) } else { (x, y) };
                debug_assert!(column < stored_width && row < stored_height, "a turn keeps every pixel inside");
                pixels.extend_from_slice(&source[row * stored_width + column]);
            }
        }
        Self { width, height, pixels, ..self }
    }

    /// Without transparency: pixels are laid on white.
    pub(crate) fn opaque(self) -> Self {
        if self.layout != Layout::Rgba {
            return self;
        }
        let (rgba, _) = self.pixels.as_chunks::<4>();
        let on_white = |colour: u8, alpha: u8| {
            let sum = u16::from(colour) * u16::from(alpha) + 255 * (255 - u16::from(alpha));
            u8::try_from((sum + 127) / 255).expect("a weighted mean of bytes is a byte")
        };
        let pixels = rgba.iter().flat_map(|&[r, g, b, a]| [on_white(r, a), on_white(g, a), on_white(b, a)]).collect();
        Self { layout: Layout::Rgb, pixels, ..self }
    }

    /// With three or four channels.
    pub(crate) fn coloured(self) -> Self {
        if self.layout != Layout::Luma {
            return self;
        }
        let pixels = self.pixels.iter().flat_map(|&grey| [grey; 3]).collect();
        // A profile for grey numbers says nothing about red, green and blue ones.
        Self { layout: Layout::Rgb, pixels, icc: None, ..self }
    }
}
