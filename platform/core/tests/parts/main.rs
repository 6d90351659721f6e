//! dmp-core against real parts: handshakes on loopback, PostgreSQL, files that change.

#![allow(clippy::unwrap_used)]

mod auth;
mod connections;
mod db;
mod handshakes;
mod raw;
mod service;
mod trust;
