//! `HomologationProgramme`: the rules a solution is homologated by. In force when both deciding bodies have signed it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::body::Role;
use crate::common::{conditions_schema, status_conditions};
use crate::evidence_item::EvidenceKind;

/// Never changes: other rules are another programme. It can ask for more than the product does, never for less: interop
/// and security entity always decide together.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dmp.ma",
    version = "v1alpha1",
    kind = "HomologationProgramme",
    status = "HomologationProgrammeStatus",
    shortname = "hprog",
    category = "dmp",
    derive = "PartialEq",
    cel,
    doc = "The rules a solution is homologated by.",
    printcolumn(name = "From", type_ = "string", json_path = ".spec.validFrom"),
    printcolumn(name = "Until", type_ = "string", json_path = ".spec.validUntil"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason"
    )
)]
#[x_kube(
    validation = Rule::new("self == oldSelf").message("a programme never changes: create another one"),
    validation = Rule::new("self.validFrom < self.validUntil").message("validFrom is before validUntil")
)]
#[serde(rename_all = "camelCase")]
pub struct HomologationProgrammeSpec {
    /// First day on which a version may be submitted, `YYYY-MM-DD`.
    #[schemars(regex(pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), length(max = 10))]
    pub valid_from: String,
    /// Last day on which a version may be submitted, `YYYY-MM-DD`.
    #[schemars(regex(pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), length(max = 10))]
    pub valid_until: String,
    /// Longest life of a homologation, in days.
    #[schemars(range(min = 1, max = 1830))]
    pub max_days: i32,
    /// Domains that review, each with its deadline. Interop and security always do.
    #[schemars(length(max = 4), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["domain"]))]
    pub domains: Vec<DomainRule>,
    /// What a submission brings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["kind"]))]
    pub evidence: Vec<EvidenceRule>,
    /// What happens after the homologation. Nothing by itself when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surveillance: Option<Surveillance>,
    /// What is done again for a later version that follows a homologated one. Everything when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<Changes>,
    /// JWS of a member of each deciding body over the programme (`dmpctl homologation approve-programme`).
    #[schemars(length(max = 4), inner(length(max = 16384)))]
    pub signatures: Vec<String>,
}

/// A domain and its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DomainRule {
    /// `interop`, `security`, `privacy` or `clinical`.
    #[x_kube(validation = Rule::new("self in ['interop', 'security', 'privacy', 'clinical']")
        .message("a domain is interop, security, privacy or clinical"))]
    pub domain: Role,
    /// Days from the submission to its review; shown to the vendor.
    #[schemars(range(min = 1, max = 365))]
    pub days: i32,
}

/// A kind of evidence and its age.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct EvidenceRule {
    /// `pen-test`, `iso-27001`, `secnum` or `safety-case`.
    pub kind: EvidenceKind,
    /// After so many days from its issue it no longer counts, even if it says otherwise.
    #[schemars(range(min = 1, max = 1830))]
    pub max_age_days: i32,
    /// Scopes that end with it; all when absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 40), inner(length(max = 63)))]
    pub scopes: Vec<String>,
    /// Bodies that accept a later document in the place of one that was handed in; interop and security when absent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4), extend("x-kubernetes-list-type" = "set"))]
    #[x_kube(validation = Rule::new("self.all(role, role in ['interop', 'security', 'privacy', 'clinical'])")
        .message("who accepts evidence is interop, security, privacy or clinical"))]
    pub renewed_by: Vec<Role>,
}

/// The written rules of surveillance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Surveillance {
    /// A version with a `NonConformity` that is open past its deadline is suspended until that is closed.
    pub suspend_after_deadline: bool,
}

/// What a later version does again. A major change is always a new cycle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Changes {
    /// Earlier programmes whose homologations may be followed under this one; its own always.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), inner(length(min = 1, max = 63)))]
    pub from: Vec<String>,
    /// `4.2.1` to `4.2.2`. Everything again when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patch: Option<ChangeRule>,
    /// `4.2` to `4.3`. Everything again when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minor: Option<ChangeRule>,
}

/// What is done again; the rest is carried over from the version before. The suite's own run is always done again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangeRule {
    /// Domains that review again.
    #[schemars(length(max = 4), extend("x-kubernetes-list-type" = "set"))]
    #[x_kube(validation = Rule::new("self.all(role, role in ['interop', 'security', 'privacy', 'clinical'])")
        .message("a domain is interop, security, privacy or clinical"))]
    pub reviews: Vec<Role>,
    /// Scopes whose supervised test is taken again. One with a profile that is new or has another text is taken in any case.
    #[schemars(length(max = 40), inner(length(min = 1, max = 63)))]
    pub supervised: Vec<String>,
    /// Whether both bodies decide again. If not, what they granted to the version before counts for this one: no other scope,
    /// no day longer.
    pub decide: bool,
}

/// What the operator sees; written by nobody else.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HomologationProgrammeStatus {
    /// Generation of the specification that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Conditions: `Ready` (both deciding bodies signed it).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    pub conditions: Vec<Condition>,
}

status_conditions!(HomologationProgrammeStatus);
