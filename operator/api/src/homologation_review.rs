//! `HomologationReview`: the signed word of a reviewer, or of a body's decision-maker, on one submission.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::body::Role;
use crate::common::{conditions_schema, status_conditions};

/// Append-only. Who writes the object proves nothing: the statement's own signature does.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dmp.ma",
    version = "v1alpha1",
    kind = "HomologationReview",
    namespaced,
    status = "HomologationReviewStatus",
    shortname = "hrev",
    category = "dmp",
    derive = "PartialEq",
    cel,
    doc = "The signed word of a reviewer on one submission.",
    printcolumn(name = "Homologation", type_ = "string", json_path = ".spec.homologation"),
    printcolumn(name = "Domain", type_ = "string", json_path = ".status.domain"),
    printcolumn(name = "Decision", type_ = "boolean", json_path = ".status.decision"),
    printcolumn(name = "Verdict", type_ = "string", json_path = ".status.verdict"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[x_kube(validation = Rule::new("self == oldSelf").message("a review never changes: write another one"))]
#[serde(rename_all = "camelCase")]
pub struct HomologationReviewSpec {
    /// Name of the `SolutionHomologation` in the same namespace.
    #[schemars(length(min = 1, max = 63))]
    pub homologation: String,
    /// JWS (RFC 7515, compact, `x5c`) over the review (`dmpctl homologation review`), or over a later document that the signer's
    /// body accepts (`dmpctl homologation accept-evidence`).
    #[schemars(length(min = 1, max = 16384))]
    pub statement: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReviewVerdict {
    Favourable,
    Unfavourable,
    /// Something is missing or wrong that the vendor can mend: in another submission.
    SentBack,
}

impl ReviewVerdict {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Favourable => "favourable",
            Self::Unfavourable => "unfavourable",
            Self::SentBack => "sent-back",
        }
    }
}

/// What the operator read in the signed statement; written by nobody else.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HomologationReviewStatus {
    /// Generation of the specification that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Role of the signer's body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<Role>,
    /// Whether it is the body's decision, not one reviewer's finding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<bool>,
    /// `favourable`, `unfavourable` or `sent-back`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<ReviewVerdict>,
    /// Name of the `EvidenceItem` that it accepts, if it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<String>,
    /// Name of the signer's body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Conditions: `Ready` (the signature counts).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    pub conditions: Vec<Condition>,
}

status_conditions!(HomologationReviewStatus);
