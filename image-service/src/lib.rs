//! The image service: signed URL, object, pipeline, bytes.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod media;
pub mod pipeline;
