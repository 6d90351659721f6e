//! What the end-to-end suite (`tests/suite`) and the fault suite share: appliances under test, and what is kept of one
//! when a test fails.
#![allow(clippy::unwrap_used)]

pub mod stage;
