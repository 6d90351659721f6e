//! `ControlEvidence`: what people bring for a control: a document by its hash, and the facts that its checks ask for.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{conditions_schema, status_conditions};

/// Never changes, never deleted: the newest one of a control counts. Admission guards `by` and `role`: they are those of who wrote it.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dmp.ma",
    version = "v1alpha1",
    kind = "ControlEvidence",
    plural = "controlevidences",
    shortname = "ctlevi",
    status = "ControlEvidenceStatus",
    category = "dmp",
    derive = "PartialEq",
    cel,
    doc = "What people bring for a control: a document by its hash, and the facts that its checks ask for.",
    printcolumn(name = "Control", type_ = "string", json_path = ".spec.control"),
    printcolumn(name = "Role", type_ = "string", json_path = ".spec.role"),
    printcolumn(name = "By", type_ = "string", json_path = ".spec.by"),
    printcolumn(name = "Collected", type_ = "date", json_path = ".spec.collectedAt"),
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
#[x_kube(validation = Rule::new("self == oldSelf").message("evidence never changes: bring newer evidence"))]
#[serde(rename_all = "camelCase")]
pub struct ControlEvidenceSpec {
    /// Id of the control (`dmpctl compliance list`).
    #[schemars(regex(pattern = "^DMP-[A-Z]{3}-[0-9]{2}$"), length(max = 10))]
    pub control: String,
    /// The role as which it is brought; the control names the one that answers for it.
    #[schemars(regex(pattern = "^dmp-[a-z-]+$"), length(max = 63))]
    pub role: String,
    /// Who brings it: the name under which the API server knows this person.
    #[schemars(length(min = 1, max = 253))]
    pub by: String,
    /// When what it says was seen, RFC 3339: its age counts from then.
    #[schemars(extend("format" = "date-time"), length(max = 40))]
    pub collected_at: String,
    /// The facts, as the text of one JSON object: the inputs of the control's checks that nobody observes.
    #[schemars(length(min = 2, max = 65536))]
    pub inputs: String,
    /// SHA-256 of `inputs`, hex, as who brings it computed it.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub sha256: String,
    /// The papers behind it, which stay where they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub documents: Vec<DocumentHash>,
    /// The platform's image (`Platform.spec.images.dmp`), when what it says is about one release (results of tests): it ends with
    /// that release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub image: Option<String>,
}

/// A paper by its hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DocumentHash {
    /// Of the file.
    #[schemars(length(min = 1, max = 255))]
    pub name: String,
    /// SHA-256 of its bytes, hex.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub sha256: String,
    /// Its length.
    #[schemars(range(min = 1))]
    pub bytes: u64,
}

/// Whether it can count; what it comes to is in the ClusterReport.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ControlEvidenceStatus {
    /// Generation of the specification that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Conditions: `Ready` (this release has the control, its role brought it, its hash fits, it is not of the future).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    pub conditions: Vec<Condition>,
}

status_conditions!(ControlEvidenceStatus);
