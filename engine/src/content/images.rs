//! Signed image URLs.

use freehold_compiler::coerce::Variables;
use freehold_compiler::plan::ImageSlot;
use freehold_compiler::selection::Input;
use freehold_tokens::image::{Fit, Format, Operations, Resize};
use serde_json::Value;

/// What the arguments ask for; the stored bytes when they ask for nothing. None when they cannot be had.
pub fn operations(slot: &ImageSlot, variables: &Variables) -> Option<Operations> {
    let argument = |input: &Input| input.to_json(variables);
    let side = |input: &Input| match argument(input) {
        Value::Null => Some(None),
        value => value.as_u64().and_then(|side| u32::try_from(side).ok()).map(Some),
    };
    let (width, height) = (side(&slot.width)?, side(&slot.height)?);
    let fit = match argument(&slot.fit).as_str() {
        Some(name) if name.eq_ignore_ascii_case("cover") => Fit::Cover,
        Some(_) | None => Fit::Contain,
    };
    let format = match argument(&slot.format).as_str().map(str::to_ascii_lowercase).as_deref() {
        Some("png") => Format::Png,
        Some("jpeg" | "jpg") => Format::Jpeg,
        Some(_) | None => Format::Webp,
    };
    if width.is_none() && height.is_none() {
        return Some(Operations::Original);
    }
    Resize::new(width, height, fit, format, None).ok().map(Operations::Resize)
}
