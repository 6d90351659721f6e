//! `EvidenceItem`: a document that a vendor or a laboratory brings, by its hash.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{conditions_schema, status_conditions};

/// Never changes, never deleted: another document is another item.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dmp.ma",
    version = "v1alpha1",
    kind = "EvidenceItem",
    namespaced,
    status = "EvidenceItemStatus",
    shortname = "evi",
    category = "dmp",
    derive = "PartialEq",
    cel,
    doc = "A document that a vendor or a laboratory brings, by its hash.",
    validation = Rule::new("!has(self.spec.renews) || self.spec.renews != self.metadata.name")
        .message("evidence renews another item"),
    printcolumn(name = "Kind", type_ = "string", json_path = ".spec.kind"),
    printcolumn(name = "Issuer", type_ = "string", json_path = ".spec.issuer"),
    printcolumn(name = "Issued", type_ = "string", json_path = ".spec.issued"),
    printcolumn(name = "Until", type_ = "string", json_path = ".spec.validUntil"),
    printcolumn(name = "Renews", type_ = "string", json_path = ".spec.renews"),
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
    validation = Rule::new("self == oldSelf").message("evidence never changes: create another item"),
    validation = Rule::new("!has(self.validUntil) || self.issued <= self.validUntil").message("issued is not after validUntil")
)]
#[serde(rename_all = "camelCase")]
pub struct EvidenceItemSpec {
    /// `pen-test`, `iso-27001`, `secnum` or `safety-case`.
    pub kind: EvidenceKind,
    /// Who issued the document.
    #[schemars(length(min = 1, max = 200))]
    pub issuer: String,
    /// SHA-256 of the document, hex.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub sha256: String,
    /// Day of issue, `YYYY-MM-DD`.
    #[schemars(regex(pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), length(max = 10))]
    pub issued: String,
    /// Last day on which it holds, `YYYY-MM-DD`; the programme's greatest age when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), length(max = 10))]
    pub valid_until: Option<String>,
    /// Name of the item in whose place it comes: of the same kind, issued before. It counts for a submission that names that one
    /// once the bodies have accepted it (`dmpctl homologation accept-evidence`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub renews: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EvidenceKind {
    /// Report of a penetration test.
    PenTest,
    /// ISO/IEC 27001 certificate of the vendor.
    #[serde(rename = "iso-27001")]
    Iso27001,
    /// Qualification of the vendor's cloud.
    Secnum,
    /// Clinical safety case and hazard log.
    SafetyCase,
}

impl EvidenceKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PenTest => "pen-test",
            Self::Iso27001 => "iso-27001",
            Self::Secnum => "secnum",
            Self::SafetyCase => "safety-case",
        }
    }
}

/// What the operator sees; written by nobody else.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EvidenceItemStatus {
    /// Generation of the specification that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// SHA-256 of the specification, hex: what the statement that accepts it names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Conditions: `Ready` (its dates are possible, and it fits what it renews).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    pub conditions: Vec<Condition>,
}

status_conditions!(EvidenceItemStatus);
