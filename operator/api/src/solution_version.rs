//! `SolutionVersion`: a frozen version of a product.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{conditions_schema, status_conditions};

/// What is tested, homologated and named by credentials.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dmp.ma",
    version = "v1alpha1",
    kind = "SolutionVersion",
    namespaced,
    status = "SolutionVersionStatus",
    shortname = "solv",
    category = "dmp",
    derive = "PartialEq",
    cel,
    doc = "A frozen version of a product.",
    printcolumn(name = "Solution", type_ = "string", json_path = ".spec.solution"),
    printcolumn(name = "Version", type_ = "string", json_path = ".spec.version"),
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
#[x_kube(validation = Rule::new("self == oldSelf").message("a version is frozen: create another one"))]
#[serde(rename_all = "camelCase")]
pub struct SolutionVersionSpec {
    /// Name of the `Solution` in the same namespace.
    #[schemars(length(min = 1, max = 63))]
    pub solution: String,
    /// As the vendor numbers it, in the one way to write it: `4.2.1`, `2026.11`, `5.0-rc.1`. `01.2` or `4.2.1+x` would be second
    /// names of another version.
    #[schemars(length(min = 1, max = 64))]
    #[x_kube(validation = Rule::new("self.matches('^(0|[1-9][0-9]*)([.](0|[1-9][0-9]*)){0,3}(-[0-9A-Za-z]+([.-][0-9A-Za-z]+)*)?$')")
        .message("a version is written as numbers without leading zeros, then perhaps a pre-release: 4.2.1, 2026.11, 5.0-rc.1; no build part (+)"))]
    pub version: String,
    /// What is delivered. Needed for a homologation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<Package>,
}

/// What a vendor delivers, by its hashes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Package {
    /// SHA-256 of the image or package, hex.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub sha256: String,
    /// SHA-256 of its bill of materials (CycloneDX, JSON), hex.
    #[schemars(regex(pattern = "^[0-9a-f]{64}$"))]
    pub sbom_sha256: String,
}

/// What the operator sees; written by nobody else.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SolutionVersionStatus {
    /// Generation of the specification that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Conditions: `Ready`, `Revoked`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    pub conditions: Vec<Condition>,
}

status_conditions!(SolutionVersionStatus);
