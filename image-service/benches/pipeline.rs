//! CPU time of making one image: `cargo bench -p freehold-images`. Targets (ARCHITECTURE.md, "Numbers to reach"): 2 MP to 400 px JPEG in 18 ms, 12 MP to 800 px WebP in
//! 140 ms. CPU time rather than wall time, because it says the same on a busy machine.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a program for one screen")]

use std::time::Instant;

use bytes::Bytes;
use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{PixelType, Resizer};
use freehold_images::pipeline::{Job, Limits};
use freehold_tokens::image::Operations;

const N_RUNS: u32 = 40;
const MILLISECONDS_PER_TICK: f64 = 10.0;

fn main() {
    for (width, height, operations) in
        [(1632, 1224, "w400.jpg"), (1632, 1224, "w400.webp"), (4000, 3000, "w800.jpg"), (4000, 3000, "w800.webp")]
    {
        let source = photograph(width, height);
        let Ok(Operations::Resize(resize)) = operations.parse() else { panic!("{operations}") };
        let (cpu_before, mut best, mut n_bytes) = (cpu_milliseconds(), f64::MAX, 0);
        for _ in 0..N_RUNS {
            let started = Instant::now();
            n_bytes = Job::prepare(source.clone(), resize, &Limits::default()).unwrap().run().unwrap().len();
            best = best.min(started.elapsed().as_secs_f64() * 1000.0);
        }
        let cpu = (cpu_milliseconds() - cpu_before) / f64::from(N_RUNS);
        let source_bytes = source.len();
        println!("{width}x{height} ({source_bytes} B) to {operations} ({n_bytes} B): {cpu:.1} ms CPU, {best:.1} ms at best");
    }
}

/// One of the example's pictures at another size, with a camera's noise: a smooth picture would be decoded too fast.
fn photograph(width: u32, height: u32) -> Bytes {
    const NOISE: u32 = 24;
    let file = include_bytes!("../../examples/blog/photos/acme/harbour.jpg");
    let mut decoder = jpeg_decoder::Decoder::new(&file[..]);
    let pixels = decoder.decode().unwrap();
    let info = decoder.info().unwrap();
    let source = ImageRef::new(info.width.into(), info.height.into(), &pixels, PixelType::U8x3).unwrap();
    let mut picture = Image::new(width, height, PixelType::U8x3);
    Resizer::new().resize(&source, &mut picture, None).unwrap();
    let mut random = 12_345_u32;
    for value in picture.buffer_mut() {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        let noisy = i64::from(*value) + i64::from(random % NOISE) - i64::from(NOISE / 2);
        *value = u8::try_from(noisy.clamp(0, 255)).unwrap();
    }
    let mut jpeg = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut jpeg, 85);
    encoder.set_sampling_factor(jpeg_encoder::SamplingFactor::F_2_2);
    let side = |side: u32| u16::try_from(side).unwrap();
    encoder.encode(picture.buffer(), side(width), side(height), jpeg_encoder::ColorType::Rgb).unwrap();
    jpeg.into()
}

/// User and system time of all threads of this process (proc(5), fields 14 and 15), in steps of 10 ms.
fn cpu_milliseconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<_> = text.rsplit(')').next().unwrap().split_whitespace().collect();
    [fields[11], fields[12]].iter().map(|ticks| ticks.parse::<f64>().unwrap()).sum::<f64>() * MILLISECONDS_PER_TICK
}
