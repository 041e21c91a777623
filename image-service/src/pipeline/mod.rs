//! From stored bytes to the bytes of another size or format: probe, limits, decode, resize, orient, encode.
//!
//! The source is hostile until decoded. Its header alone decides whether decoding starts, and what is thrown by a decoder, a panic included,
//! becomes a [`PipelineError`]. Nothing here does I/O.

mod decode;
mod encode;
mod geometry;
mod icc;
mod orientation;
mod pixels;
mod probe;

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use freehold_tokens::image::Resize;
use serde::{Deserialize, Serialize};

use crate::media::Media;

/// Raised whenever the same source and operations would give other bytes: it is part of every variant's ETag.
pub const REVISION: u32 = 1;

/// What a source and a result may measure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Largest stored object that is resized, in bytes.
    pub max_source_bytes: u64,
    /// Largest source, in pixels (width times height).
    pub max_source_pixels: u64,
    /// Largest width or height of a result, in pixels.
    pub max_output_side: u32,
    /// Largest result, in pixels.
    pub max_output_pixels: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_source_bytes: 30 * 1024 * 1024,
            max_source_pixels: 50_000_000,
            max_output_side: 4096,
            max_output_pixels: 16_777_216,
        }
    }
}

/// Why there is no result. Every variant is a property of the stored object or of the signed operations.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PipelineError {
    /// Not on the list of formats, or a kind of it that is not decoded.
    #[error("the stored object is no image that can be resized: {0}")]
    Unsupported(&'static str),
    /// Truncated, or not what its first bytes say.
    #[error("the stored image is damaged")]
    Damaged,
    /// More pixels than the limit, by its header.
    #[error("the stored image has {pixels} pixels, more than the limit of {max}")]
    TooManyPixels {
        /// Width times height.
        pixels: u64,
        /// The limit.
        max: u64,
    },
    /// More scans than a real photograph has: decoding would take minutes.
    #[error("the stored image has more than {max} scans")]
    TooManyScans {
        /// The limit.
        max: usize,
    },
    /// The result would be larger than the limit.
    #[error("the result would measure {width} x {height} pixels, more than the limits of this service")]
    OutputTooLarge {
        /// Width of the result.
        width: u32,
        /// Height of the result.
        height: u32,
    },
}

/// A source whose header was read and found within the limits.
pub struct Job {
    source: Bytes,
    header: probe::Header,
    plan: geometry::Plan,
    resize: Resize,
}

impl Job {
    /// Reads the header only.
    ///
    /// # Errors
    /// When the source is no image that can be resized, or it or the result is beyond a limit.
    pub fn prepare(source: Bytes, resize: Resize, limits: &Limits) -> Result<Self, PipelineError> {
        let media = Media::sniff(&source).ok_or(PipelineError::Unsupported("its format is not known"))?;
        let header = probe::probe(media, &source)?;
        let pixels = u64::from(header.width) * u64::from(header.height);
        if pixels > limits.max_source_pixels {
            return Err(PipelineError::TooManyPixels { pixels, max: limits.max_source_pixels });
        }
        let plan = geometry::Plan::new(header.width, header.height, header.orientation, &resize);
        let (width, height) = plan.output;
        let side = width.max(height);
        if side > limits.max_output_side || u64::from(width) * u64::from(height) > limits.max_output_pixels {
            return Err(PipelineError::OutputTooLarge { width, height });
        }
        Ok(Self { source, header, plan, resize })
    }

    /// Upper estimate of the memory that [`Job::run`] takes, in bytes.
    #[must_use]
    pub fn estimated_bytes(&self) -> u64 {
        let pixels = u64::from(self.header.width) * u64::from(self.header.height);
        let output = u64::from(self.plan.output.0) * u64::from(self.plan.output.1);
        // Progressive JPEG keeps two bytes per coefficient of the whole image, whatever the scale.
        pixels * self.header.bytes_per_pixel + output * 12
    }

    /// Decodes, resizes, encodes. Takes tens of milliseconds of CPU: not for an async thread.
    ///
    /// # Errors
    /// When the source turns out to be damaged behind its header.
    pub fn run(&self) -> Result<Vec<u8>, PipelineError> {
        // Decoders are written by others and meet hostile bytes: a panic of theirs must not take anything else down.
        catch_unwind(AssertUnwindSafe(|| self.transform())).unwrap_or(Err(PipelineError::Damaged))
    }

    fn transform(&self) -> Result<Vec<u8>, PipelineError> {
        let decoded = decode::decode(&self.source, &self.header, &self.plan)?;
        let resized = self.plan.resize(decoded)?;
        let oriented = resized.oriented(self.header.orientation);
        encode::encode(oriented, &self.resize)
    }
}

#[cfg(test)]
mod tests;
