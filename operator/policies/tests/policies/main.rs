//! The catalogue of controls: what is in it, what is refused, what a judgement comes to, and that its proofs exist.
#![allow(clippy::unwrap_used)]

mod brought;
mod catalogue;
mod exception;
mod history;
mod judging;
mod loading;
mod oscal;
mod pages;
mod posture;
mod profile;
mod proofs;
