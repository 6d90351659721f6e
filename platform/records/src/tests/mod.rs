//! The service over real mTLS, a real PostgreSQL and a real OpenBao. Registry and consent are small routers that speak
//! the same wire types (they have tests of their own).
#![allow(clippy::unwrap_used)]

mod access;
mod bundles;
mod fixtures;
mod foreign;
mod idempotency;
mod log;
mod plaintext;
mod realms;
mod world;
