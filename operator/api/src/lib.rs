//! The custom resources of the appliance (`dmp.ma/v1alpha1`): types, schemas, CEL rules, printer columns.
//!
//! One file per kind. What a schema can refuse is refused here; what needs a second object (a reference, an
//! approval) is the controller's and becomes `Ready=False`. `crdgen` writes [`crds`] to `crds/`, and
//! [`schema`] tells an operator whether the served schema knows every field that it will write.
//!
//! Not here: behaviour (`dmp-operator`), names that the services share (`dmp-core`).

#![allow(
    clippy::duplicated_attributes,
    reason = "each `printcolumn` of the derive repeats the words `type_ = \"string\"`"
)]

pub mod asset;
pub mod body;
pub mod catalogue;
pub mod catalogue_entry;
mod common;
pub mod conformance_profile;
pub mod conformance_run;
pub mod control_evidence;
pub mod evidence_item;
pub mod gateway_quota;
pub mod health_group;
pub mod homologation_programme;
pub mod homologation_review;
pub mod image_release;
pub mod incident;
pub mod key_custody;
pub mod last_uses;
pub mod log_stores;
pub mod names;
pub mod node_clocks;
pub mod non_conformity;
pub mod non_conformity_answer;
pub mod openbao;
pub mod platform;
pub mod policy_exception;
pub mod policy_profile;
pub mod revocation_lift;
pub mod schema;
pub mod site;
pub mod site_inventory;
pub mod solution;
pub mod solution_credential;
pub mod solution_homologation;
pub mod solution_revocation;
pub mod solution_version;
pub mod system_homologation;
pub mod tls_probe;
pub mod vendor;
pub mod vulnerability_export;
pub mod yaml;

pub use asset::Asset;
pub use catalogue::{Catalogue, CatalogueSpec, CatalogueStatus};
pub use catalogue_entry::{CatalogueEntry, CatalogueEntrySpec, CatalogueEntryStatus, CatalogueState};
pub use common::{Mode, Sizing, StatusConditions};
pub use conformance_profile::{ConformanceProfile, ConformanceProfileSpec, ConformanceProfileStatus};
pub use conformance_run::{ConformanceRun, ConformanceRunSpec, ConformanceRunStatus};
pub use control_evidence::{ControlEvidence, ControlEvidenceSpec, ControlEvidenceStatus, DocumentHash};
pub use evidence_item::{EvidenceItem, EvidenceItemSpec, EvidenceItemStatus};
pub use health_group::{HealthGroup, HealthGroupSpec, HealthGroupStatus};
pub use homologation_programme::{
    HomologationProgramme, HomologationProgrammeSpec, HomologationProgrammeStatus,
};
pub use homologation_review::{HomologationReview, HomologationReviewSpec, HomologationReviewStatus};
pub use image_release::{ImageRelease, ImageReleaseSpec, ImageReleaseStatus};
pub use incident::{Incident, IncidentSpec, IncidentStatus};
pub use non_conformity::{NonConformity, NonConformitySpec, NonConformityState, NonConformityStatus};
pub use non_conformity_answer::{NonConformityAnswer, NonConformityAnswerSpec, NonConformityAnswerStatus};
pub use platform::{Platform, PlatformSpec, PlatformStatus};
pub use policy_exception::{PolicyException, PolicyExceptionSpec, PolicyExceptionStatus};
pub use policy_profile::{ChosenParameter, PolicyProfile, PolicyProfileSpec, PolicyProfileStatus};
pub use revocation_lift::{RevocationLift, RevocationLiftSpec, RevocationLiftStatus};
pub use site::{Site, SiteSpec, SiteStatus};
pub use site_inventory::{SiteInventory, SiteInventorySpec, SiteInventoryStatus};
pub use solution::{Solution, SolutionSpec, SolutionStatus};
pub use solution_credential::{SolutionCredential, SolutionCredentialSpec, SolutionCredentialStatus};
pub use solution_homologation::{
    HomologationState, SolutionHomologation, SolutionHomologationSpec, SolutionHomologationStatus,
};
pub use solution_revocation::{SolutionRevocation, SolutionRevocationSpec, SolutionRevocationStatus};
pub use solution_version::{SolutionVersion, SolutionVersionSpec, SolutionVersionStatus};
pub use system_homologation::{
    SystemHomologation, SystemHomologationSpec, SystemHomologationStatus, SystemWord,
};
pub use vendor::{Vendor, VendorSpec, VendorStatus};
pub use vulnerability_export::{VulnerabilityExport, VulnerabilityExportSpec};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;

/// Every CRD of this version, with the schema's hash as annotation, in the order of `crds/`.
pub fn crds() -> Vec<CustomResourceDefinition> {
    [
        Catalogue::crd(),
        CatalogueEntry::crd(),
        ConformanceProfile::crd(),
        ConformanceRun::crd(),
        ControlEvidence::crd(),
        EvidenceItem::crd(),
        HealthGroup::crd(),
        HomologationProgramme::crd(),
        HomologationReview::crd(),
        ImageRelease::crd(),
        Incident::crd(),
        NonConformity::crd(),
        NonConformityAnswer::crd(),
        Platform::crd(),
        PolicyException::crd(),
        PolicyProfile::crd(),
        RevocationLift::crd(),
        Site::crd(),
        SiteInventory::crd(),
        Solution::crd(),
        SolutionCredential::crd(),
        SolutionHomologation::crd(),
        SolutionRevocation::crd(),
        SolutionVersion::crd(),
        SystemHomologation::crd(),
        Vendor::crd(),
        VulnerabilityExport::crd(),
    ]
    .into_iter()
    .map(schema::annotated)
    .collect()
}
