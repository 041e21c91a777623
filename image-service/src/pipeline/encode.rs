//! Files from pixels. The same pixels always give the same bytes.

use std::borrow::Cow;

use freehold_tokens::image::{Format, Resize};
use jpeg_encoder::SamplingFactor;

use super::PipelineError;
use super::pixels::{Bitmap, Layout};

/// Effort 0 to 6. Method 4, libwebp's default, takes twice the time for files that are about 3 % smaller.
const WEBP_METHOD: i32 = 2;

pub(crate) fn encode(bitmap: Bitmap, resize: &Resize) -> Result<Vec<u8>, PipelineError> {
    match resize.format() {
        Format::Jpeg => jpeg(bitmap.opaque(), quality(resize)),
        Format::Png => png(bitmap),
        Format::Webp => webp(bitmap.coloured(), quality(resize)),
    }
}

fn quality(resize: &Resize) -> u8 {
    resize.quality().expect("lossy formats have a quality")
}

fn jpeg(bitmap: Bitmap, quality: u8) -> Result<Vec<u8>, PipelineError> {
    let (width, height) = (side(bitmap.width)?, side(bitmap.height)?);
    let colour = match bitmap.layout {
        Layout::Luma => jpeg_encoder::ColorType::Luma,
        Layout::Rgb | Layout::Rgba => jpeg_encoder::ColorType::Rgb,
    };
    let mut bytes = Vec::with_capacity(bitmap.pixels.len() / 8);
    let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, quality);
    // Colour at half the resolution, as cameras do, unless the quality asked for says that details matter.
    encoder.set_sampling_factor(if quality < 90 { SamplingFactor::F_2_2 } else { SamplingFactor::F_1_1 });
    encoder.set_optimized_huffman_tables(true);
    if let Some(icc) = &bitmap.icc {
        encoder.add_icc_profile(icc).map_err(|_| PipelineError::Damaged)?;
    }
    encoder.encode(&bitmap.pixels, width, height, colour).map_err(|_| PipelineError::Damaged)?;
    Ok(bytes)
}

fn side(side: u32) -> Result<u16, PipelineError> {
    u16::try_from(side).map_err(|_| PipelineError::OutputTooLarge { width: side, height: side })
}

fn png(bitmap: Bitmap) -> Result<Vec<u8>, PipelineError> {
    let mut bytes = Vec::with_capacity(bitmap.pixels.len() / 2);
    let mut info = png::Info::with_size(bitmap.width, bitmap.height);
    info.bit_depth = png::BitDepth::Eight;
    info.color_type = match bitmap.layout {
        Layout::Luma => png::ColorType::Grayscale,
        Layout::Rgb => png::ColorType::Rgb,
        Layout::Rgba => png::ColorType::Rgba,
    };
    info.icc_profile = bitmap.icc.map(Cow::Owned);
    let write = || -> Result<(), png::EncodingError> {
        let mut encoder = png::Encoder::with_info(&mut bytes, info)?;
        encoder.set_compression(png::Compression::Balanced);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&bitmap.pixels)?;
        writer.finish()
    };
    write().map_err(|_| PipelineError::Damaged)?;
    Ok(bytes)
}

fn webp(bitmap: Bitmap, quality: u8) -> Result<Vec<u8>, PipelineError> {
    let mut config = webp::WebPConfig::new().map_err(|()| PipelineError::Damaged)?;
    config.quality = f32::from(quality);
    config.method = WEBP_METHOD;
    let encoder = match bitmap.layout {
        Layout::Rgba => webp::Encoder::from_rgba(&bitmap.pixels, bitmap.width, bitmap.height),
        Layout::Rgb | Layout::Luma => webp::Encoder::from_rgb(&bitmap.pixels, bitmap.width, bitmap.height),
    };
    let bytes = encoder.encode_advanced(&config).map_err(|_| PipelineError::Damaged)?.to_vec();
    Ok(match &bitmap.icc {
        Some(icc) => webp_with_profile(&bytes, icc, &bitmap).unwrap_or(bytes),
        None => bytes,
    })
}

/// libwebp's encoder writes no metadata: the chunks are put into the extended container (RFC 9649, 2.7) here. `None` when the encoder's file is
/// not laid out as expected; it is good without the profile then.
fn webp_with_profile(file: &[u8], icc: &[u8], bitmap: &Bitmap) -> Option<Vec<u8>> {
    const ICC_FLAG: u8 = 0x20;
    const ALPHA_FLAG: u8 = 0x10;
    let mut image = file.get(12..)?;
    if image.starts_with(b"VP8X") {
        image = image.get(18..)?;
    }
    let alpha = if bitmap.layout == Layout::Rgba { ALPHA_FLAG } else { 0 };
    let mut body = b"WEBPVP8X\x0a\0\0\0".to_vec();
    body.extend_from_slice(&[ICC_FLAG | alpha, 0, 0, 0]);
    body.extend_from_slice(&(bitmap.width - 1).to_le_bytes()[..3]);
    body.extend_from_slice(&(bitmap.height - 1).to_le_bytes()[..3]);
    body.extend_from_slice(b"ICCP");
    body.extend_from_slice(&u32::try_from(icc.len()).ok()?.to_le_bytes());
    body.extend_from_slice(icc);
    body.resize(body.len().next_multiple_of(2), 0);
    body.extend_from_slice(image);
    let length = u32::try_from(body.len()).ok()?;
    Some([b"RIFF".as_slice(), &length.to_le_bytes(), &body].concat())
}
