//! The suite's files, judged over exchanges of a software that is simulated: right, or with one defect.
#![allow(clippy::unwrap_used)]

mod bundles;
mod faults;
mod judging;
mod loading;
mod pages;
mod reports;
mod sampling;
mod software;
mod verdicts;
mod world;
