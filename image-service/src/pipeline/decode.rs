//! Pixels from files. JPEG is decoded at a half, a quarter or an eighth when that is enough.

use std::io::Cursor;

use jpeg_decoder::PixelFormat;
use png::{ColorType, Transformations};

use super::geometry::Plan;
use super::pixels::{Bitmap, Layout};
use super::probe::Header;
use super::{PipelineError, icc};
use crate::media::Media;

pub(crate) fn decode(source: &[u8], header: &Header, plan: &Plan) -> Result<Bitmap, PipelineError> {
    let bitmap = match header.media {
        Media::Jpeg => jpeg(source, header, plan)?,
        Media::Png => png(source, header)?,
        Media::Webp => webp(source, header)?,
        Media::Gif | Media::Avif | Media::Heic => return Err(PipelineError::Unsupported("it is served as stored only")),
    };
    let n_bytes = bitmap.width as usize * bitmap.height as usize * bitmap.layout.n_channels();
    if bitmap.pixels.len() == n_bytes { Ok(bitmap) } else { Err(PipelineError::Damaged) }
}

fn jpeg(source: &[u8], header: &Header, plan: &Plan) -> Result<Bitmap, PipelineError> {
    let failed = |error| match error {
        jpeg_decoder::Error::Unsupported(_) => PipelineError::Unsupported("it is a kind of JPEG that is not decoded"),
        jpeg_decoder::Error::Format(_) | jpeg_decoder::Error::Io(_) | jpeg_decoder::Error::Internal(_) => PipelineError::Damaged,
    };
    let mut decoder = jpeg_decoder::Decoder::new(Cursor::new(source));
    decoder.read_info().map_err(failed)?;
    let info = decoder.info().ok_or(PipelineError::Damaged)?;
    // Probe and decoder must have read the same header: the limits were checked on the probe's.
    if (u32::from(info.width), u32::from(info.height)) != (header.width, header.height) {
        return Err(PipelineError::Damaged);
    }
    let n_channels = info.pixel_format.pixel_bytes();
    decoder.set_max_decoding_buffer_size(header.width as usize * header.height as usize * n_channels);
    let (width, height) = plan.wanted_source();
    let side = |side: u32| u16::try_from(side).unwrap_or(u16::MAX);
    let (width, height) = decoder.scale(side(width), side(height)).map_err(failed)?;
    let pixels = decoder.decode().map_err(failed)?;
    let (layout, pixels) = match info.pixel_format {
        PixelFormat::L8 => (Layout::Luma, pixels),
        PixelFormat::RGB24 => (Layout::Rgb, pixels),
        PixelFormat::CMYK32 => (Layout::Rgb, rgb_of_inks(&pixels)),
        PixelFormat::L16 => return Err(PipelineError::Unsupported("it is a JPEG with 16 bits per pixel")),
    };
    let icc = icc::worth_keeping(decoder.icc_profile(), layout).filter(|_| info.pixel_format != PixelFormat::CMYK32);
    Ok(Bitmap { width: width.into(), height: height.into(), layout, pixels, icc })
}

/// Amounts of cyan, magenta, yellow and black ink, without a profile of the press.
fn rgb_of_inks(cmyk: &[u8]) -> Vec<u8> {
    let light = |ink: u8, black: u8| {
        u8::try_from(u16::from(255 - ink) * u16::from(255 - black) / 255).expect("a product of two shares is a share")
    };
    let (cmyk, _) = cmyk.as_chunks::<4>();
    cmyk.iter().flat_map(|&[c, m, y, k]| [light(c, k), light(m, k), light(y, k)]).collect()
}

fn png(source: &[u8], header: &Header) -> Result<Bitmap, PipelineError> {
    let n_pixels = header.width as usize * header.height as usize;
    // The limit is for what the decoder allocates besides our buffer: rows, palette, profile.
    let limits = png::Limits { bytes: 64 * 1024 * 1024 };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(source), limits);
    decoder.set_transformations(Transformations::normalize_to_color8());
    decoder.set_ignore_text_chunk(true);
    let mut reader = decoder.read_info().map_err(|_| PipelineError::Damaged)?;
    let n_bytes = reader.output_buffer_size().filter(|n_bytes| *n_bytes <= n_pixels * 4).ok_or(PipelineError::Damaged)?;
    let mut pixels = vec![0; n_bytes];
    let frame = reader.next_frame(&mut pixels).map_err(|_| PipelineError::Damaged)?;
    pixels.truncate(frame.buffer_size());
    let (layout, pixels) = match frame.color_type {
        ColorType::Grayscale => (Layout::Luma, pixels),
        ColorType::Rgb => (Layout::Rgb, pixels),
        ColorType::Rgba => (Layout::Rgba, pixels),
        ColorType::GrayscaleAlpha => {
            let (pairs, _) = pixels.as_chunks::<2>();
            (Layout::Rgba, pairs.iter().flat_map(|&[grey, alpha]| [grey, grey, grey, alpha]).collect())
        }
        ColorType::Indexed => return Err(PipelineError::Damaged),
    };
    let profile = reader.info().icc_profile.as_ref().map(|profile| profile.to_vec());
    let icc = icc::worth_keeping(profile, layout);
    Ok(Bitmap { width: frame.width, height: frame.height, layout, pixels, icc })
}

fn webp(source: &[u8], header: &Header) -> Result<Bitmap, PipelineError> {
    let image = webp::Decoder::new(source).decode().ok_or(PipelineError::Damaged)?;
    if (image.width(), image.height()) != (header.width, header.height) {
        return Err(PipelineError::Damaged);
    }
    let layout = if image.is_alpha() { Layout::Rgba } else { Layout::Rgb };
    let profile = header.webp_icc.clone().and_then(|range| source.get(range)).map(<[u8]>::to_vec);
    Ok(Bitmap {
        width: header.width,
        height: header.height,
        layout,
        pixels: image.to_vec(),
        icc: icc::worth_keeping(profile, layout),
    })
}
