//! `CatalogueEntry`: what the public sees of one homologated version. Derived from the vendor's dossier, never the other way.
//!
//! Nothing personal is in it: no reviewer, no comment, no credential.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::body::Organisation;
use crate::common::{conditions_schema, status_conditions};
use crate::non_conformity::Severity;
use crate::solution::ProductKind;

/// Which version it is of. Kept after the end, with how it ended.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[kube(
    group = "dmp.ma",
    version = "v1alpha1",
    kind = "CatalogueEntry",
    status = "CatalogueEntryStatus",
    shortname = "cat",
    category = "dmp",
    derive = "PartialEq",
    cel,
    doc = "One homologated version in the public catalogue. Written by the operator alone.",
    printcolumn(name = "Product", type_ = "string", json_path = ".status.published.product"),
    printcolumn(name = "Version", type_ = "string", json_path = ".spec.version"),
    printcolumn(
        name = "Organisation",
        type_ = "string",
        json_path = ".status.published.organisation.name"
    ),
    printcolumn(name = "State", type_ = "string", json_path = ".status.published.state"),
    printcolumn(name = "Scopes", type_ = "string", json_path = ".status.published.scopes"),
    printcolumn(name = "Until", type_ = "string", json_path = ".status.published.until"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    )
)]
#[x_kube(validation = Rule::new("self == oldSelf").message("an entry is of one version for ever"))]
#[serde(rename_all = "camelCase")]
pub struct CatalogueEntrySpec {
    /// The vendor's namespace.
    #[schemars(length(min = 1, max = 63))]
    pub namespace: String,
    /// Name of the `Solution` in it.
    #[schemars(length(min = 1, max = 63))]
    pub solution: String,
    /// `spec.version` of its `SolutionVersion`.
    #[schemars(length(min = 1, max = 64))]
    pub version: String,
}

/// Where a version stands for the public. Another cycle of the same version goes on with its entry: none is superseded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum CatalogueState {
    /// Production opens to it.
    Homologated,
    /// Closed for now: a body took its word back, a test or a document does not hold any more.
    Suspended,
    /// Its time is over.
    Expired,
    /// The vendor gave it up.
    Withdrawn,
    /// Closed by a `SolutionRevocation` that both bodies have not lifted.
    Revoked,
}

impl CatalogueState {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Homologated => "Homologated",
            Self::Suspended => "Suspended",
            Self::Expired => "Expired",
            Self::Withdrawn => "Withdrawn",
            Self::Revoked => "Revoked",
        }
    }
}

/// What the public reads: an entry of the catalogue's text is exactly this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Published {
    /// Name of the entry: the last part of its address.
    pub id: String,
    /// `<vendor namespace>/<Solution name>`.
    pub solution: String,
    /// The product's name.
    pub product: String,
    /// Who makes it, in law.
    pub organisation: Organisation,
    /// What the product is used in.
    pub kind: ProductKind,
    /// As the vendor numbers it.
    pub version: String,
    /// SHA-256 of the delivered package, hex: what was homologated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package_sha256: Option<String>,
    /// Against what it was tested, and what came out.
    pub profiles: Vec<PublishedProfile>,
    /// What production opens to it now.
    pub scopes: Vec<String>,
    /// Since when it was homologated first, RFC 3339, UTC.
    pub since: String,
    /// Until when, RFC 3339, UTC; of one that has ended, until when it would have been.
    pub until: String,
    /// Where it stands.
    pub state: CatalogueState,
    /// Since when it stands there, as the operator saw it, RFC 3339, UTC.
    pub state_since: String,
    /// Of a revoked one: why, as the `SolutionRevocation` says for the public.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Where it stood before, the newest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<PastState>,
    /// What it does not conform to and was not closed so far.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub non_conformities: Vec<PublishedNonConformity>,
    /// JWS (RFC 7515, compact) that states it, for 30 days at most; only while it is homologated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
}

/// A state that is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PastState {
    /// Where it stood.
    pub state: CatalogueState,
    /// From when, RFC 3339, UTC; until the next one.
    pub since: String,
}

/// A `NonConformity` that is not closed. What was found is the vendor's and the bodies' to read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublishedNonConformity {
    /// Name of the `NonConformity`.
    pub name: String,
    /// How much it matters.
    pub severity: Severity,
    /// When it was opened, RFC 3339, UTC.
    pub opened: String,
    /// Last day on which it may be open, `YYYY-MM-DD`.
    pub deadline: String,
}

/// One profile and the summary of its last supervised run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublishedProfile {
    /// Name of the `ConformanceProfile`.
    pub name: String,
    /// SHA-256 of its specification, hex: which text was tested.
    pub sha256: String,
    /// The scope that it opens.
    pub scope: String,
    /// When the laboratory's run was signed, RFC 3339, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tested_at: Option<String>,
    /// Requirements that were met.
    pub met: i32,
    /// Requirements that were not met.
    pub not_met: i32,
    /// Requirements that were not tested.
    pub not_tested: i32,
}

/// What follows from the dossier; written by the operator alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CatalogueEntryStatus {
    /// Generation of the specification that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Name of the `SolutionHomologation` that opened it last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub homologation: Option<String>,
    /// What the public reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub published: Option<Published>,
    /// Conditions: `Ready` (it says what is so, and its label is signed).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    pub conditions: Vec<Condition>,
}

status_conditions!(CatalogueEntryStatus);
