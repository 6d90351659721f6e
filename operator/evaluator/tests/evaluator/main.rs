//! The evaluator beside its code: its rights, and its passes over a real API server.

#![allow(clippy::unwrap_used)]

mod admitted;
mod assets;
mod bundles;
mod history;
mod placement;
mod platform;
mod policy_reports;
mod profile;
mod rights;
mod world;
