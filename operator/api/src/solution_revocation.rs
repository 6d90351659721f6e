//! `SolutionRevocation`: closes the door to a product, a version of it, or one credential. Never changed or deleted.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{conditions_schema, status_conditions};

/// In force from the moment the API server has it. Admission denies its deletion.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dmp.ma",
    version = "v1alpha1",
    kind = "SolutionRevocation",
    status = "SolutionRevocationStatus",
    shortname = "solr",
    category = "dmp",
    derive = "PartialEq",
    cel,
    doc = "Closes the door to a product, a version of it, or one credential.",
    printcolumn(name = "Solution", type_ = "string", json_path = ".spec.solution"),
    printcolumn(name = "Version", type_ = "string", json_path = ".spec.version"),
    printcolumn(name = "Credential", type_ = "string", json_path = ".spec.credential"),
    printcolumn(name = "Hit", type_ = "integer", json_path = ".status.credentials"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".spec.reason"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[x_kube(
    validation = Rule::new("self == oldSelf").message("a revocation never changes"),
    validation = Rule::new("!(has(self.version) && has(self.credential))")
        .message("name a version or a credential, not both")
)]
#[serde(rename_all = "camelCase")]
pub struct SolutionRevocationSpec {
    /// `<vendor namespace>/<Solution name>`.
    #[schemars(
        regex(pattern = r"^vendor-[a-z0-9]([-a-z0-9]*[a-z0-9])?/[a-z0-9]([-a-z0-9]*[a-z0-9])?$"),
        length(max = 127)
    )]
    pub solution: String,
    /// One version; all of them when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub version: Option<String>,
    /// One credential, by its name in the vendor's namespace; all of them when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub credential: Option<String>,
    /// Why, for the vendor and the public list. No patient's data.
    #[schemars(length(min = 1, max = 1000))]
    pub reason: String,
}

/// What the operator sees; written by nobody else.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SolutionRevocationStatus {
    /// Generation of the specification that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Number of credentials it closes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<i64>,
    /// Conditions: `Ready`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    pub conditions: Vec<Condition>,
}

status_conditions!(SolutionRevocationStatus);
