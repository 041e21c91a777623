//! The content benchmark.
fn main() {}
