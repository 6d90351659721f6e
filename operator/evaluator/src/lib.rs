//! The evaluator: says of a running platform which controls of the catalogue hold, from what the cluster is, not from what was
//! rendered for it. It runs under an account of its own that reads and changes nothing but its own reports and evidence: who
//! does is not who checks (`docs/decisions/0014-who-does-is-not-who-checks.md`).
//!
//! A pass: [`world`] reads what is there and keeps a few facts of it ([`objects`]), [`collect`] and the modules it asks make of it the
//! inputs of checks, `dmp_policies` judges by the values that are in force ([`profile`]), [`report`] writes
//! down what came of it, [`evidence`] what it rests on, [`publish`] brings both to the API server, [`history`] keeps a line of each day and
//! [`bundles`] its OSCAL documents,
//! [`policy_reports`] says the same to other tools when it is asked to. What could not be read is an
//! error, what is old is stale, and neither is a pass. A pass over a world that has not changed writes nothing.
//!
//! To check something more: a function in [`collect`] and its line in the table there. Not here: what must be true (a file of
//! `policies/controls`), correcting what is wrong (the operator), what people bring (they write it as `ControlEvidence`).

pub mod accounts;
pub mod admission;
pub mod assets;
mod audit;
pub mod brought;
pub mod bundles;
pub mod clocks;
pub mod collect;
pub mod config;
pub mod endpoints;
pub mod evidence;
pub mod exceptions;
pub mod history;
mod homologated;
pub mod images;
pub mod incidents;
pub mod keys;
mod left;
pub mod logs;
pub mod metrics;
pub mod objects;
pub mod pass;
mod placement;
pub mod policy_reports;
pub mod profile;
pub mod publish;
mod refused;
pub mod report;
pub mod rights;
pub mod run;
pub mod vulnerabilities;
pub mod world;
