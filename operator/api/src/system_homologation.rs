//! `SystemHomologation`: the signed word of an auditor or an authority on whether the platform, or a group, may open.
//!
//! Not the homologation of what connects (`SolutionHomologation`), which has a similar name in law and nothing else in common.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::body::Role;
use crate::common::{conditions_schema, status_conditions};

/// Append-only. Who writes the object proves nothing: the statement's own signature does. What all that there are come to is
/// condition `Homologated` of the `Platform` and of each production `HealthGroup`, and the gate at the gateways.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dmp.ma",
    version = "v1alpha1",
    kind = "SystemHomologation",
    status = "SystemHomologationStatus",
    shortname = "syshom",
    category = "dmp",
    derive = "PartialEq",
    cel,
    doc = "The signed word of an auditor or an authority on whether the platform, or a group, may open (law 05-20, art. 4 and 19).",
    selectable = ".spec.healthGroup",
    printcolumn(name = "Group", type_ = "string", json_path = ".spec.healthGroup"),
    printcolumn(name = "Says", type_ = "string", json_path = ".status.says"),
    printcolumn(name = "Until", type_ = "string", json_path = ".status.until"),
    printcolumn(name = "Body", type_ = "string", json_path = ".status.body"),
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
#[x_kube(validation = Rule::new("self == oldSelf").message("a signed word never changes: sign another one"))]
#[serde(rename_all = "camelCase")]
pub struct SystemHomologationSpec {
    /// Name of the `HealthGroup`; the platform itself when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 40))]
    pub health_group: Option<String>,
    /// JWS (RFC 7515, compact, `x5c`): `dmpctl homologation system`.
    #[schemars(length(min = 1, max = 16384))]
    pub statement: String,
}

/// What a signed statement says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SystemWord {
    /// An auditor's report.
    Audit,
    /// The authority opens it.
    Decision,
    /// The authority closes it, or does not open it.
    Refusal,
    /// One of the two bodies that give it more time together.
    Extension,
}

/// What the operator read in the signed statement; written by nobody else.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SystemHomologationStatus {
    /// Generation of the specification that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub says: Option<SystemWord>,
    /// Of a decision or an extension: its last day, `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Role of the signer's body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Name of the signer's body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Conditions: `Ready` (the signature counts).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    pub conditions: Vec<Condition>,
}

status_conditions!(SystemHomologationStatus);
