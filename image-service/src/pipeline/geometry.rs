//! Which part of the source goes into which size.

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use freehold_tokens::image::{Fit, Resize};

use super::PipelineError;
use super::orientation::Orientation;
use super::pixels::Bitmap;

/// DCT scaling is cheap but blurs and aliases; the resampler gets at least so many times the result's pixels per axis.
const MIN_RESAMPLED_REDUCTION: f64 = 2.0;

/// Sizes in pixels; `source` and `resized` as stored, `output` as seen.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    pub source: (u32, u32),
    /// Share of the source's width and height that is kept, centred.
    kept: (f64, f64),
    resized: (u32, u32),
    pub output: (u32, u32),
}

impl Plan {
    pub(crate) fn new(width: u32, height: u32, orientation: Orientation, resize: &Resize) -> Self {
        let seen = orientation.seen(width, height);
        let (output, kept) = match (resize.width(), resize.height(), resize.fit()) {
            (Some(w), Some(h), Fit::Cover) => cover(seen, (w, h)),
            (w, h, _) => (contain(seen, w, h), (1.0, 1.0)),
        };
        let resized = orientation.seen(output.0, output.1);
        let kept = if orientation.transposed { (kept.1, kept.0) } else { kept };
        Self { source: (width, height), kept, resized, output }
    }

    /// Smallest size of the decoded source that still leaves the resampler its share.
    pub(crate) fn wanted_source(&self) -> (u32, u32) {
        let x = f64::from(self.resized.0) / (f64::from(self.source.0) * self.kept.0);
        let y = f64::from(self.resized.1) / (f64::from(self.source.1) * self.kept.1);
        let scale = (x.max(y) * MIN_RESAMPLED_REDUCTION).min(1.0);
        (scaled(self.source.0, scale), scaled(self.source.1, scale))
    }

    /// Lanczos3, premultiplied by alpha.
    pub(crate) fn resize(&self, decoded: Bitmap) -> Result<Bitmap, PipelineError> {
        let (width, height) = self.resized;
        if (decoded.width, decoded.height) == self.resized && self.kept == (1.0, 1.0) {
            return Ok(decoded);
        }
        let pixel_type = decoded.layout.pixel_type();
        let source = ImageRef::new(decoded.width, decoded.height, &decoded.pixels, pixel_type);
        let source = source.map_err(|_| PipelineError::Damaged)?;
        let (full_width, full_height) = (f64::from(decoded.width), f64::from(decoded.height));
        let (kept_width, kept_height) = ((full_width * self.kept.0).max(1.0), (full_height * self.kept.1).max(1.0));
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3)).crop(
            (full_width - kept_width) / 2.0,
            (full_height - kept_height) / 2.0,
            kept_width,
            kept_height,
        );
        let mut resized = Image::new(width, height, pixel_type);
        Resizer::new().resize(&source, &mut resized, &options).map_err(|_| PipelineError::Damaged)?;
        Ok(Bitmap { width, height, layout: decoded.layout, pixels: resized.into_vec(), icc: decoded.icc })
    }
}

/// The whole image inside the box, never enlarged.
fn contain(seen: (u32, u32), width: Option<u32>, height: Option<u32>) -> (u32, u32) {
    let ratio = |asked: Option<u32>, has: u32| asked.map_or(1.0, |asked| f64::from(asked) / f64::from(has));
    let scale = ratio(width, seen.0).min(ratio(height, seen.1)).min(1.0);
    (scaled(seen.0, scale), scaled(seen.1, scale))
}

/// The box filled, and the share of the image that does it. A box larger than the image shrinks, keeping its shape.
fn cover(seen: (u32, u32), asked: (u32, u32)) -> ((u32, u32), (f64, f64)) {
    let (x, y) = (f64::from(seen.0) / f64::from(asked.0), f64::from(seen.1) / f64::from(asked.1));
    let shrink = x.min(y).min(1.0);
    let output = (scaled(asked.0, shrink), scaled(asked.1, shrink));
    // The smaller ratio is the axis that is kept whole.
    (output, ((y / x).min(1.0), (x / y).min(1.0)))
}

/// Rounded, but never nothing.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a side of at most 2^32 times a scale of at most 1")]
fn scaled(side: u32, scale: f64) -> u32 {
    ((f64::from(side) * scale).round() as u32).max(1)
}

#[cfg(test)]
mod tests {
    use freehold_tokens::image::{Format, Operations};

    use super::*;

    fn output(width: u32, height: u32, operations: &str) -> (u32, u32) {
        let Ok(Operations::Resize(resize)) = operations.parse() else { panic!("{operations}") };
        Plan::new(width, height, Orientation::default(), &resize).output
    }

    #[test]
    fn contain_keeps_the_shape_and_never_enlarges() {
        assert_eq!(output(4000, 3000, "w800.jpg"), (800, 600));
        assert_eq!(output(4000, 3000, "h600.jpg"), (800, 600));
        assert_eq!(output(4000, 3000, "w800-h300.jpg"), (400, 300));
        assert_eq!(output(400, 300, "w800.jpg"), (400, 300));
        assert_eq!(output(10_000, 1, "w10.jpg"), (10, 1));
    }

    #[test]
    fn cover_fills_the_box_or_its_shape() {
        assert_eq!(output(4000, 3000, "w800-h800-fc.jpg"), (800, 800));
        assert_eq!(output(400, 300, "w800-h800-fc.jpg"), (300, 300));
        assert_eq!(output(400, 300, "w1600-h800-fc.jpg"), (400, 200));
        assert_eq!(output(1, 10_000, "w16-h9-fc.jpg"), (1, 1));
    }

    #[test]
    fn a_turned_picture_is_measured_as_it_is_seen() {
        let resize = Resize::new(Some(100), Some(50), Fit::Cover, Format::Jpeg, None).unwrap();
        let plan = Plan::new(4000, 3000, Orientation::from_tag(6), &resize);
        assert_eq!((plan.output, plan.resized), ((100, 50), (50, 100)));
        assert_eq!(plan.kept, (0.375, 1.0));
    }

    #[test]
    fn the_resampler_keeps_its_share() {
        let resize = Resize::new(Some(400), None, Fit::Contain, Format::Jpeg, None).unwrap();
        assert_eq!(Plan::new(4000, 3000, Orientation::default(), &resize).wanted_source(), (800, 600));
        assert_eq!(Plan::new(600, 450, Orientation::default(), &resize).wanted_source(), (600, 450));
    }
}
