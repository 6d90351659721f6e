//! `NonConformityAnswer`: the vendor's answer to a non-conformity, or the signed word of a body that closes it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::body::Role;
use crate::common::{conditions_schema, status_conditions};

/// Append-only. Who writes the object proves nothing: a text closes nothing, a statement does by its own signature.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dmp.ma",
    version = "v1alpha1",
    kind = "NonConformityAnswer",
    namespaced,
    status = "NonConformityAnswerStatus",
    shortname = "ncans",
    category = "dmp",
    derive = "PartialEq",
    cel,
    doc = "An answer to a non-conformity, or the signed word that closes it.",
    printcolumn(name = "NonConformity", type_ = "string", json_path = ".spec.nonConformity"),
    printcolumn(name = "Closed-By", type_ = "string", json_path = ".status.closedBy"),
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
#[x_kube(
    validation = Rule::new("self == oldSelf").message("an answer never changes: write another one"),
    validation = Rule::new("has(self.text) != has(self.statement)").message("an answer has a text or a statement")
)]
#[serde(rename_all = "camelCase")]
pub struct NonConformityAnswerSpec {
    /// Name of the `NonConformity` in the same namespace.
    #[schemars(length(min = 1, max = 63))]
    pub non_conformity: String,
    /// What the vendor says and does about it. No patient's data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4000))]
    pub text: Option<String>,
    /// JWS (RFC 7515, compact, `x5c`) of a member of the interop or the security entity that it is mended
    /// (`dmpctl homologation close-non-conformity`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16384))]
    pub statement: Option<String>,
}

/// What the operator read in it; written by nobody else.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NonConformityAnswerStatus {
    /// Generation of the specification that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Role of the signer's body, of a statement that closes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_by: Option<Role>,
    /// Conditions: `Ready` (it is about what is there; its signature counts).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    pub conditions: Vec<Condition>,
}

status_conditions!(NonConformityAnswerStatus);
