//! What the end-to-end suite (`tests/suite`), the fault suite and the measurements share: appliances under test, what is kept of
//! one when a test fails, and how long revoked software is still answered and renewals take.
#![allow(clippy::unwrap_used)]

pub mod renewal;
pub mod revocation;
pub mod stage;
