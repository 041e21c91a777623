//! From a checked request to the bytes of its answer.

pub mod answer;
pub mod assume;
pub mod documents;
pub mod execute;
pub mod images;
pub mod introspection;
pub mod mutation;
pub mod planning;
pub mod releases;
pub mod sessions;
