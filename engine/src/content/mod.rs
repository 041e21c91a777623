//! From a checked request to the bytes of its answer.

pub mod answer;
pub mod assume;
pub mod by_tenant;
pub mod cipher;
pub mod documents;
pub mod execute;
pub mod images;
pub mod introspection;
pub mod mutation;
pub mod persisted;
pub mod planning;
pub mod reference;
pub mod releases;
pub mod sessions;
pub mod splice;
pub mod trace;
