//! The faults, one test each, on the appliance `flt` (or `DMP_FAULTS_APPLIANCE`). Run one at a time.
//!
//! `make faults` runs all and writes `docs/faults.md`; `make test` runs those of [`short`].
#![allow(clippy::unwrap_used)]

mod certificates;
mod control_plane;
mod creation;
mod databases;
mod keys;
mod network;
mod nodes;
mod services;
mod short;
mod volume;
