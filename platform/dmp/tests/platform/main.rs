//! The services as processes of the real program, with a real PostgreSQL, OpenBao and mTLS between them: what they
//! say of themselves to those who watch them.
//!
//! The test stands in for the operator (signed facts) and for the software of a hospital and a patient.
#![allow(clippy::unwrap_used)]

mod collector;
mod conformance;
mod metrics;
mod realms;
mod traces;
mod world;
