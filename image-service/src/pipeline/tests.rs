//! Real files in, decoded and measured files out.

use super::orientation::Orientation;
use super::pixels::{Bitmap, Layout};
use super::*;
use freehold_tokens::image::Operations;

fn resize(operations: &str) -> Resize {
    match operations.parse() {
        Ok(Operations::Resize(resize)) => resize,
        other => panic!("{operations}: {other:?}"),
    }
}

fn run(source: &[u8], operations: &str) -> Result<Vec<u8>, PipelineError> {
    Job::prepare(Bytes::copy_from_slice(source), resize(operations), &Limits::default())?.run()
}

/// Decoded at full size.
fn decoded(file: &[u8]) -> Bitmap {
    let media = Media::sniff(file).unwrap();
    let header = probe::probe(media, file).unwrap();
    let whole = resize(&format!("w{}.png", header.width));
    let plan = geometry::Plan::new(header.width, header.height, Orientation::default(), &whole);
    decode::decode(file, &header, &plan).unwrap()
}

/// Red left, blue right, green stripe along the top.
fn picture(width: u32, height: u32, layout: Layout) -> Bitmap {
    let mut pixels = Vec::new();
    for y in 0..height {
        for x in 0..width {
            let (r, g, b) = if y < height / 4 {
                (0, 255, 0)
            } else if x < width / 2 {
                (255, 0, 0)
            } else {
                (0, 0, 255)
            };
            match layout {
                Layout::Luma => pixels.push(r / 2 + b / 4 + g),
                Layout::Rgb => pixels.extend([r, g, b]),
                Layout::Rgba => pixels.extend([r, g, b, if x < width / 2 { 255 } else { 0 }]),
            }
        }
    }
    Bitmap { width, height, layout, pixels, icc: None }
}

fn file(bitmap: Bitmap, operations: &str) -> Vec<u8> {
    encode::encode(bitmap, &resize(operations)).unwrap()
}

fn pixel(bitmap: &Bitmap, x: u32, y: u32) -> &[u8] {
    let at = (y * bitmap.width + x) as usize * bitmap.layout.n_channels();
    &bitmap.pixels[at..at + bitmap.layout.n_channels()]
}

fn assert_near(found: &[u8], expected: &[u8]) {
    assert!(
        found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| a.abs_diff(*b) < 40),
        "{found:?} {expected:?}"
    );
}

#[test]
fn every_format_becomes_every_format() {
    for from in ["w1.jpg", "w1.png", "w1.webp"] {
        let source = file(picture(200, 100, Layout::Rgb), from);
        for to in ["jpg", "png", "webp"] {
            let bytes = run(&source, &format!("w50.{to}")).unwrap();
            let result = decoded(&bytes);
            assert_eq!(Media::sniff(&bytes).unwrap().media_type(), resize(&format!("w1.{to}")).format().media_type());
            assert_eq!((result.width, result.height), (50, 25), "{from} {to}");
            assert_near(pixel(&result, 10, 18), &[255, 0, 0]);
            assert_near(pixel(&result, 40, 18), &[0, 0, 255]);
            assert_near(pixel(&result, 25, 2), &[0, 255, 0]);
        }
    }
}

#[test]
fn the_same_source_gives_the_same_bytes() {
    let source = file(picture(300, 200, Layout::Rgb), "w1.jpg");
    for operations in ["w80.jpg", "w80.webp", "w80.png"] {
        assert_eq!(run(&source, operations).unwrap(), run(&source, operations).unwrap());
    }
}

#[test]
fn cover_cuts_the_middle() {
    let source = file(picture(400, 100, Layout::Rgb), "w1.png");
    let result = decoded(&run(&source, "w50-h50-fc.png").unwrap());
    assert_eq!((result.width, result.height), (50, 50));
    assert_near(pixel(&result, 5, 40), &[255, 0, 0]);
    assert_near(pixel(&result, 45, 40), &[0, 0, 255]);
}

#[test]
fn transparency_is_kept_or_laid_on_white() {
    let source = file(picture(80, 80, Layout::Rgba), "w1.png");
    for operations in ["w40.png", "w40.webp"] {
        let result = decoded(&run(&source, operations).unwrap());
        assert_eq!(result.layout, Layout::Rgba);
        assert_near(pixel(&result, 5, 30), &[255, 0, 0, 255]);
        assert_eq!(pixel(&result, 35, 30)[3], 0);
    }
    let result = decoded(&run(&source, "w40.jpg").unwrap());
    assert_near(pixel(&result, 5, 30), &[255, 0, 0]);
    assert_near(pixel(&result, 35, 30), &[255, 255, 255]);
}

#[test]
fn grey_stays_grey() {
    let source = file(picture(64, 64, Layout::Luma), "w1.jpg");
    for (operations, layout) in [("w32.jpg", Layout::Luma), ("w32.png", Layout::Luma), ("w32.webp", Layout::Rgb)] {
        assert_eq!(decoded(&run(&source, operations).unwrap()).layout, layout, "{operations}");
    }
}

#[test]
fn cyan_ink_is_seen_as_cyan() {
    let mut source = Vec::new();
    let cyan = [255, 0, 0, 0].repeat(32 * 32);
    jpeg_encoder::Encoder::new(&mut source, 95).encode(&cyan, 32, 32, jpeg_encoder::ColorType::Cmyk).unwrap();
    assert_near(pixel(&decoded(&run(&source, "w16.png").unwrap()), 8, 8), &[0, 255, 255]);
}

fn with_exif_orientation(jpeg: &[u8], tag: u8) -> Vec<u8> {
    let tiff = [b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".as_slice(), &[tag], b"\0\0\0\0\0\0"].concat();
    let length = u16::try_from(tiff.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xff, 0xe1], &length, &tiff, &jpeg[2..]].concat()
}

/// Where the stored picture's red (left) and green (top) are seen, for each value of the tag.
#[test]
fn pictures_are_turned_as_the_camera_was_held() {
    let source = file(picture(96, 64, Layout::Rgb), "w1-q95.jpg");
    // (size, a red point, a green point), as EXIF 2.3 describes "the 0th row is at the visual …, the 0th column at the visual …".
    let expected = [
        (1, (48, 32), (5, 28), (24, 3)),
        (2, (48, 32), (42, 28), (24, 3)),
        (3, (48, 32), (42, 4), (24, 29)),
        (4, (48, 32), (5, 4), (24, 29)),
        (5, (32, 48), (28, 5), (3, 24)),
        (6, (32, 48), (4, 5), (29, 24)),
        (7, (32, 48), (4, 42), (29, 24)),
        (8, (32, 48), (28, 42), (3, 24)),
    ];
    for (tag, size, red, green) in expected {
        let turned = with_exif_orientation(&source, tag);
        let result = decoded(&run(&turned, &format!("w{}.png", size.0)).unwrap());
        assert_eq!((result.width, result.height), size, "{tag}");
        assert_near(pixel(&result, red.0, red.1), &[255, 0, 0]);
        assert_near(pixel(&result, green.0, green.1), &[0, 255, 0]);
    }
}

fn display_profile() -> Vec<u8> {
    let mut profile = vec![7; 300];
    profile[16..20].copy_from_slice(b"RGB ");
    profile
}

#[test]
fn colour_profiles_of_displays_are_kept() {
    let source = |name: &str| {
        let mut bitmap = picture(60, 60, Layout::Rgb);
        bitmap.icc = Some(display_profile());
        file(bitmap, name)
    };
    for from in ["w1.jpg", "w1.png", "w1.webp"] {
        for to in ["w30.jpg", "w30.png", "w30.webp"] {
            let result = decoded(&run(&source(from), to).unwrap());
            assert_eq!(result.icc, Some(display_profile()), "{from} {to}");
            assert_near(pixel(&result, 5, 25), &[255, 0, 0]);
        }
    }
}

#[test]
fn profiles_that_change_nothing_or_do_not_fit_are_dropped() {
    let mut srgb = display_profile();
    srgb[100..104].copy_from_slice(b"sRGB");
    assert_eq!(icc::worth_keeping(Some(srgb), Layout::Rgb), None);
    assert_eq!(icc::worth_keeping(Some(display_profile()), Layout::Luma), None);
    assert_eq!(icc::worth_keeping(Some(vec![0; 5]), Layout::Rgb), None);
}

/// 34 bytes that declare 16384 x 16384 pixels (VP8L).
fn webp_bomb() -> Vec<u8> {
    let bits: u32 = 0x3fff | 0x3fff << 14;
    let mut body = b"WEBPVP8L".to_vec();
    body.extend(14u32.to_le_bytes());
    body.push(0x2f);
    body.extend(bits.to_le_bytes());
    body.extend([0; 9]);
    let file = [b"RIFF".as_slice(), &u32::try_from(body.len()).unwrap().to_le_bytes(), &body].concat();
    assert_eq!(file.len(), 34);
    file
}

fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    drop(encoder.write_header().unwrap());
    file
}

#[test]
fn bombs_are_refused_by_their_headers() {
    let bombs = [(webp_bomb(), 268_435_456), (png_header(50_000, 50_000), 2_500_000_000)];
    for (bomb, pixels) in bombs {
        assert_eq!(run(&bomb, "w400.jpg"), Err(PipelineError::TooManyPixels { pixels, max: 50_000_000 }));
    }
    let jpeg = file(picture(16, 16, Layout::Rgb), "w1.jpg");
    let frame = memchr::memmem::find(&jpeg, &[0xff, 0xc0]).unwrap();
    let mut bomb = jpeg.clone();
    bomb[frame + 5..frame + 9].copy_from_slice(&[0xff; 4]);
    assert_eq!(run(&bomb, "w400.jpg"), Err(PipelineError::TooManyPixels { pixels: 65_535 * 65_535, max: 50_000_000 }));
}

#[test]
fn a_file_of_many_scans_is_refused() {
    let jpeg = file(picture(16, 16, Layout::Rgb), "w1.jpg");
    let scan = memchr::memmem::find(&jpeg, &[0xff, 0xda]).unwrap();
    let end = jpeg.len() - 2;
    let bomb = [&jpeg[..scan], &jpeg[scan..end].repeat(65), &jpeg[end..]].concat();
    assert_eq!(run(&bomb, "w8.jpg"), Err(PipelineError::TooManyScans { max: 64 }));
}

#[test]
fn large_results_are_refused_before_decoding() {
    let file = png_header(6000, 6000);
    assert_eq!(run(&file, "w5000.png"), Err(PipelineError::OutputTooLarge { width: 5000, height: 5000 }));
    let limits = Limits { max_output_pixels: 100, ..Limits::default() };
    let job = Job::prepare(file.into(), resize("w11.png"), &limits).map(|_| ());
    assert_eq!(job, Err(PipelineError::OutputTooLarge { width: 11, height: 11 }));
}

#[test]
fn other_formats_are_named() {
    for (source, part) in [
        (&b"<svg xmlns='http://www.w3.org/2000/svg'/>"[..], "not known"),
        (b"", "not known"),
        (b"GIF89a\x01\0\x01\0\0\0\0", "GIF"),
        (b"\0\0\0\x1cftypavif\0\0\0\0", "AVIF"),
    ] {
        let error = run(source, "w8.png").unwrap_err();
        assert!(matches!(error, PipelineError::Unsupported(why) if why.contains(part)), "{error}");
    }
}

/// Shortened at every length, and with one byte changed at every place: a result or an error, never a panic, never a hang.
#[test]
fn damaged_files_are_errors_or_pictures() {
    for name in ["w1.jpg", "w1.png", "w1.webp"] {
        let source = file(picture(24, 16, Layout::Rgba), name);
        let mut n_refused = 0;
        for n_bytes in 0..source.len() {
            n_refused += usize::from(run(&source[..n_bytes], "w8.png").is_err());
        }
        assert!(n_refused > source.len() / 2, "{name}: {n_refused} of {}", source.len());
        for at in 0..source.len() {
            for flip in [0x01, 0x80, 0xff] {
                let mut changed = source.clone();
                changed[at] ^= flip;
                if let Ok(bytes) = run(&changed, "w8.png") {
                    assert!(Media::sniff(&bytes).is_some());
                }
            }
        }
    }
}

#[test]
fn polyglots_are_what_their_first_bytes_say() {
    let mut source = file(picture(16, 16, Layout::Rgb), "w1.jpg");
    source.extend_from_slice(b"PK\x03\x04<html><script>alert(1)</script>");
    let result = run(&source, "w8.jpg").unwrap();
    assert!(memchr::memmem::find(&result, b"script").is_none());
}

#[test]
fn the_estimate_covers_the_decoder() {
    let job = Job::prepare(png_header(5000, 5000).into(), resize("w100.png"), &Limits::default()).unwrap();
    assert!(job.estimated_bytes() >= 5000 * 5000 * 4);
}
