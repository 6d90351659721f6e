//! The operator beside its code: its admission policies, its rights, and itself against a real API server.

#![allow(clippy::unwrap_used)]

mod admission;
mod control_plane;
mod facts;
mod lifecycle;
mod openbao;
mod parts;
mod rights;
