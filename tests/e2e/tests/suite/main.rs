//! End to end: what a user would see, on an appliance that the suite starts itself (name `e2e`).
//!
//! Every test can run alone and twice: each makes its own patient and software; one that would spoil the appliance for the
//! others starts one of its own. [`dmp_e2e::stage`] starts the appliance once
//! and, when a test fails, leaves the logs of all pods, the events and the custom resources in `artifacts/e2e/<test>`.
//! `make test-e2e` runs it and takes the appliance down; to keep it: `DMP_E2E_KEEP=1 make test-e2e`.
#![allow(clippy::unwrap_used)]

mod administrators;
mod administrators_attempts;
mod administrators_page;
mod bad_input;
mod compliance;
mod conformance;
mod demonstration;
mod foreign_documents;
mod foreign_transactions;
mod guichet;
mod homologation;
mod images;
mod images_vulnerabilities;
mod network;
mod network_probe;
mod operator;
mod other_cluster;
mod other_cluster_registry;
mod other_cluster_upgrade;
mod placement;
mod retirement;
mod revocation;
mod signed;
mod support;
mod tours;
mod unprotected;

use dmp_e2e::stage;
