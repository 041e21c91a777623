//! Integration tests: what must hold across crates, tried on the real binaries and real servers. One binary, so that it links once.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod cases;
mod cli;
mod dev;
mod documents;
mod encrypted;
mod events;
// The property tests of the compiler use more of it.
#[allow(dead_code)]
#[path = "../../engine/compiler/tests/generator/mod.rs"]
mod generator;
mod images;
mod isolation;
mod journey;
mod killed_postgres;
mod leaks;
mod many;
mod mirror;
mod objects;
mod orphans;
mod outages;
mod paging;
mod plans;
mod racing;
mod random;
mod recordings;
mod refusals;
mod rules;
mod saga_crash;
mod search;
mod skew;
mod tidy;
