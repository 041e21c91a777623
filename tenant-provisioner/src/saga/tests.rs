//! The three proofs of every saga, on a real server: it succeeds; failing or dying at each step leaves a clean slate or is finished
//! by the next call; running each step twice changes nothing.

mod deprovisioning;
mod fixture;
mod provisioning;
mod servers;
