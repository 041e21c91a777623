//! The service over HTTP, with an S3 server behind it: real sockets, real signatures, real photographs.
#![allow(clippy::unwrap_used)]

#[path = "it/binary.rs"]
mod binary;
#[path = "it/fixture.rs"]
mod fixture;
#[path = "it/hostile.rs"]
mod hostile;
#[path = "it/originals.rs"]
mod originals;
#[path = "it/outages.rs"]
mod outages;
#[path = "it/variants.rs"]
mod variants;
