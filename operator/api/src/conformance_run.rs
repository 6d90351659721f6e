//! `ConformanceRun`: the signed result of one run of the conformance suite.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{conditions_schema, status_conditions};

/// Whoever writes it, only its signature counts: of the platform's suite, of a laboratory for a supervised run.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dmp.ma",
    version = "v1alpha1",
    kind = "ConformanceRun",
    namespaced,
    status = "ConformanceRunStatus",
    shortname = "crun",
    category = "dmp",
    derive = "PartialEq",
    cel,
    doc = "The signed result of one run of the conformance suite.",
    printcolumn(name = "Solution", type_ = "string", json_path = ".status.solution"),
    printcolumn(name = "Version", type_ = "string", json_path = ".status.version"),
    printcolumn(name = "Profile", type_ = "string", json_path = ".status.profile"),
    printcolumn(name = "Mode", type_ = "string", json_path = ".status.mode"),
    printcolumn(name = "Passed", type_ = "boolean", json_path = ".status.passed"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[x_kube(validation = Rule::new("self == oldSelf").message("a result never changes: run again"))]
#[serde(rename_all = "camelCase")]
pub struct ConformanceRunSpec {
    /// JWS (RFC 7515, compact, `x5c`) over the result.
    #[schemars(length(min = 1, max = 65536))]
    pub statement: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RunMode {
    /// The vendor's own, unlimited: shows, does not count.
    Sandbox,
    /// The server's own, of a submitted version.
    Rehearsal,
    /// By a laboratory, with fresh seeds and a random subset.
    Supervised,
    /// After the homologation.
    Surveillance,
}

impl RunMode {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Rehearsal => "rehearsal",
            Self::Supervised => "supervised",
            Self::Surveillance => "surveillance",
        }
    }
}

/// What the operator read in the signed statement; written by nobody else.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConformanceRunStatus {
    /// Generation of the specification that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Name of the `Solution`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub solution: Option<String>,
    /// Version that ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Name of the `ConformanceProfile`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// `sandbox`, `rehearsal`, `supervised` or `surveillance`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<RunMode>,
    /// Whether every requirement that was tested was met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passed: Option<bool>,
    /// Numbers of the requirements that were not met.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<String>,
    /// Conditions: `Ready` (the signature counts).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    pub conditions: Vec<Condition>,
}

status_conditions!(ConformanceRunStatus);
