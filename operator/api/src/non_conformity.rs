//! `NonConformity`: something that a homologated product does not conform to, with a deadline.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{conditions_schema, status_conditions};

/// Never changes, never deleted. The vendor answers, and a deciding body closes it, in a `NonConformityAnswer`.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dmp.ma",
    version = "v1alpha1",
    kind = "NonConformity",
    plural = "nonconformities",
    namespaced,
    status = "NonConformityStatus",
    shortname = "ncon",
    category = "dmp",
    derive = "PartialEq",
    cel,
    doc = "Something that a homologated product does not conform to.",
    printcolumn(name = "Solution", type_ = "string", json_path = ".spec.solution"),
    printcolumn(name = "Version", type_ = "string", json_path = ".spec.version"),
    printcolumn(name = "Severity", type_ = "string", json_path = ".spec.severity"),
    printcolumn(name = "Rule", type_ = "string", json_path = ".spec.rule"),
    printcolumn(name = "Deadline", type_ = "string", json_path = ".spec.deadline"),
    printcolumn(name = "State", type_ = "string", json_path = ".status.state"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("size(self.metadata.name) <= 63 && !self.metadata.name.contains('.')")
        .message("the name is a DNS label of at most 63 characters")
)]
#[x_kube(
    validation = Rule::new("self == oldSelf").message("a non-conformity never changes: close it and open another one"),
    validation = Rule::new("has(self.rule) || has(self.finding)").message("name the rule that is not kept, or say what was found")
)]
#[serde(rename_all = "camelCase")]
pub struct NonConformitySpec {
    /// Name of the `Solution` in the same namespace.
    #[schemars(length(min = 1, max = 63))]
    pub solution: String,
    /// One version, and those that follow it; all of them when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub version: Option<String>,
    /// Number of the requirement, or name of the alert, that it is about: `DF-03`, `DmpSolutionInvalidResources`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = "^[A-Za-z][A-Za-z0-9-]*$"), length(max = 63))]
    pub rule: Option<String>,
    /// What was found, for the vendor. No patient's data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2000))]
    pub finding: Option<String>,
    /// What was measured: `7 % of 12 400 writes refused as invalid`. No patient's data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub measured: Option<String>,
    /// `minor`, `major` or `critical`.
    pub severity: Severity,
    /// Last day on which it may be open, `YYYY-MM-DD`. What happens after that the programme says.
    #[schemars(regex(pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), length(max = 10))]
    pub deadline: String,
}

/// How much a non-conformity, or an incident, matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Nobody is hurt; to be mended.
    Minor,
    /// Work with the record suffers.
    Major,
    /// Patients or their data are at risk.
    Critical,
}

impl Severity {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Minor => "minor",
            Self::Major => "major",
            Self::Critical => "critical",
        }
    }
}

/// Where a non-conformity stands. Derived; see `dmp-homologation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum NonConformityState {
    Open,
    /// The vendor has answered; no body has closed it.
    Answered,
    /// Its deadline is over, answered or not.
    Overdue,
    /// A deciding body signed that it is mended.
    Closed,
}

impl NonConformityState {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "Open",
            Self::Answered => "Answered",
            Self::Overdue => "Overdue",
            Self::Closed => "Closed",
        }
    }
}

/// What follows from the answers and the time; written by the operator alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NonConformityStatus {
    /// Generation of the specification that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// `Open`, `Answered`, `Overdue` or `Closed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<NonConformityState>,
    /// SHA-256 of the specification, hex: what the statement that closes it names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Conditions: `Ready` (it is closed).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    pub conditions: Vec<Condition>,
}

status_conditions!(NonConformityStatus);
