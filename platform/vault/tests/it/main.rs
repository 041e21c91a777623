//! The vault against a server that speaks KMS's protocol, and its configuration.
#![allow(clippy::unwrap_used)]

mod config;
mod kms;
mod kms_server;
