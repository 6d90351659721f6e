//! `RevocationLift`: the signed word of a deciding body that a revocation ends.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::body::Role;
use crate::common::{conditions_schema, status_conditions};

/// Append-only. Who writes the object proves nothing: the statement's own signature does, and one body's alone lifts nothing.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dmp.ma",
    version = "v1alpha1",
    kind = "RevocationLift",
    status = "RevocationLiftStatus",
    shortname = "rlift",
    category = "dmp",
    derive = "PartialEq",
    cel,
    doc = "The signed word of a deciding body that a revocation ends.",
    printcolumn(name = "Revocation", type_ = "string", json_path = ".spec.revocation"),
    printcolumn(name = "Role", type_ = "string", json_path = ".status.role"),
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
#[x_kube(validation = Rule::new("self == oldSelf").message("a lift never changes: who takes it back revokes again"))]
#[serde(rename_all = "camelCase")]
pub struct RevocationLiftSpec {
    /// Name of the `SolutionRevocation`.
    #[schemars(length(min = 1, max = 253))]
    pub revocation: String,
    /// JWS (RFC 7515, compact, `x5c`) over the revocation (`dmpctl homologation lift`).
    #[schemars(length(min = 1, max = 16384))]
    pub statement: String,
}

/// What the operator read in the signed statement; written by nobody else.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevocationLiftStatus {
    /// Generation of the specification that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
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

status_conditions!(RevocationLiftStatus);
