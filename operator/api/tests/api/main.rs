//! The custom resources' schemas: freshness of `crds/`, every CEL rule with a case that passes and one that fails,
//! in process and against a real API server.

#![allow(clippy::unwrap_used)]

mod cases;
mod cel;
mod control_evidence_cases;
mod fresh;
mod homologation_cases;
mod image_release_cases;
mod incident_cases;
mod policy_exception_cases;
mod policy_profile_cases;
mod revocation_cases;
mod schema;
mod server;
mod site_inventory_cases;
mod system_homologation_cases;
mod vendor_cases;
mod vulnerability_export_cases;
