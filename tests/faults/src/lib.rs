//! The fault suite: the demonstration's traffic goes on while parts of the platform are killed, cut off or filled up.
//!
//! [`cast`] is who acts (software, caregivers, patients, their tokens), [`steps`] what they do, [`traffic`] repeats it all
//! the time, [`ledger`] keeps what was acknowledged, [`verify`] reads all of it back, [`recovery`] says how long a step
//! failed, [`cluster`] finds and breaks things, [`scene`] puts one fault on stage, [`report`] writes the table of
//! `docs/faults.md`. The faults themselves are the tests in `tests/faults`.
//!
//! What must hold for every fault: an acknowledged document comes back byte for byte, exists once, and its write is in
//! the patient's trail; a submission that was not acknowledged can be repeated and gives one document; a patient who
//! opposes is read by nobody; no answer that is not the document holds any of its text; every step passes again within
//! [`recovery::BAR`].
#![allow(clippy::unwrap_used)]

pub mod cast;
pub mod cluster;
pub mod ledger;
pub mod network;
pub mod openbao;
pub mod recovery;
pub mod report;
pub mod scene;
pub mod steps;
pub mod traffic;
pub mod verify;
pub mod volume;
