//! The reference solution against a small scripted platform: good behaviour, bad input, and each defect.

#![allow(clippy::unwrap_used)]

mod actions;
mod bad_input;
mod defects;
mod platform;
mod readme;
mod scenario;
