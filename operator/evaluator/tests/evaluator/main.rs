//! The evaluator beside its code: its rights, and its passes over a real API server.

#![allow(clippy::unwrap_used)]

mod admitted;
mod assets;
mod bundles;
mod history;
mod left;
mod placement;
mod platform;
mod policy_reports;
mod profile;
mod rights;
mod vulnerabilities;
mod world;
