//! The catalogue of controls: what must be true of the platform, by which law or norm, what is done about it today, and what a
//! piece of evidence is worth. HDS-equivalent controls with territory MA; never a certification. Pure: no client, no clock.
//!
//! A control is a file (`policies/controls`), a norm another (`policies/frameworks`). [`Catalogue::embedded`] reads them all or
//! says everything that is wrong; [`evaluate`] answers one check over inputs that somebody collected; [`judge()`] says what a
//! control comes to, [`profile`] which stricter values a platform has. An error, something stale and something that is not there yet are never a pass.
//!
//! To add a control: its file with two worlds for each check, and its id beside each identifier in the framework's file; then
//! `make controls`. Its proofs (policies, tests, code) must exist: the tests of this crate look.
//!
//! Not here: collecting inputs, storing evidence, writing reports (`dmp-evaluator`); admission policies from these files (not there yet).

pub mod admission;
pub mod brought;
mod cel_value;
pub mod control;
pub mod evaluate;
pub mod exception;
pub mod expression;
pub mod framework;
pub mod history;
pub mod judge;
mod load;
pub mod openreports;
pub mod oscal;
pub mod page;
pub mod posture;
pub mod problem;
pub mod profile;
mod time;
mod validate;

pub use control::{Check, Control, State};
pub use evaluate::{Inputs, Outcome, evaluate};
pub use framework::Framework;
pub use judge::{Evidence, Judgement, Verdict, judge};
pub use load::{Catalogue, embedded_files};
pub use problem::{CatalogueError, Problem, Wrong};
pub use profile::{Profile, tightened};
pub use time::day;
