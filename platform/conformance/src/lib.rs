//! The conformance suite: tests as data (`tests/conformance`), exchanges judged by them, and what is told of a sitting.
//!
//! Responsible for: the form of profiles and tests and their strictness ([`suite`]), which fault is due ([`faults`]), which
//! tests a supervised run draws ([`sample`]), the verdicts ([`judge`]), the result that can be judged again ([`bundle`]) and
//! its reports ([`report`]).
//! Not responsible for: recording exchanges and playing faults (gateway), keeping sittings and signing (portal), preparing
//! what a test needs (the bench). No network, no clock, no file but those compiled in.

pub mod bundle;
pub mod exchange;
pub mod faults;
pub mod judge;
pub mod report;
pub mod sample;
pub mod suite;
pub mod wire;
