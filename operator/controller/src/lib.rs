//! The operator: makes custom resources of `dmp.ma/v1alpha1` into a running DMP, and serves the facts stream.
//!
//! One module per kind, one file per step (`dereference`, `validate`, `build`, `apply`, `update_status`); kinds
//! without children have no `build` and no `apply`. [`plane`] renders, [`apply`] sends, [`openbao`] is the only
//! place that speaks to OpenBao, [`controller`] the frame that all kinds share. It holds no data key and reads no
//! Secret.

pub mod acts;
pub mod apply;
pub mod catalogue;
pub mod catalogue_entry;
mod changes;
pub mod config;
pub mod conformance_profile;
pub mod conformance_run;
pub mod control_evidence;
pub mod controller;
pub mod dossier;
pub mod evidence_item;
pub mod facts;
pub mod gateway_quota;
pub mod guard;
pub mod health_group;
pub mod homologated;
pub mod homologation_programme;
pub mod homologation_review;
pub mod image_release;
pub mod incident;
pub mod key_custody;
pub mod kubernetes_audit;
pub mod label_key;
pub mod lifts;
pub mod log_stores;
pub mod network_probe;
pub mod node_clocks;
pub mod non_conformity;
pub mod non_conformity_answer;
mod observed;
pub mod openbao;
pub mod openbao_tls;
pub mod oscal_record;
mod pace;
mod pages;
pub mod placement;
pub mod plane;
pub mod platform;
pub mod policy_exception;
pub mod policy_profile;
pub mod posture_record;
pub mod revocation_lift;
pub mod run;
pub mod schema_check;
pub mod site;
pub mod site_inventory;
pub mod solution;
pub mod solution_credential;
pub mod solution_homologation;
pub mod solution_revocation;
pub mod solution_version;
pub mod status;
pub mod system_homologation;
#[cfg(test)]
mod test_support;
pub mod tls_probe;
pub mod together;
pub mod vendor;
pub mod watches;
