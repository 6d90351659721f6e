//! `ConformanceProfile`: the numbered requirements that open one scope, and the tests that verify them.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{conditions_schema, status_conditions};

/// Never changes: another version of the requirements is another profile. Runs name it by its hash.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dmp.ma",
    version = "v1alpha1",
    kind = "ConformanceProfile",
    status = "ConformanceProfileStatus",
    shortname = "cprof",
    category = "dmp",
    derive = "PartialEq",
    cel,
    doc = "The numbered requirements that open one scope.",
    printcolumn(name = "Scope", type_ = "string", json_path = ".spec.scope"),
    printcolumn(name = "Version", type_ = "string", json_path = ".spec.version"),
    printcolumn(name = "Title", type_ = "string", json_path = ".spec.title"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    )
)]
#[x_kube(validation = Rule::new("self == oldSelf").message("a profile never changes: create another version of it"))]
#[serde(rename_all = "camelCase")]
pub struct ConformanceProfileSpec {
    /// What software that conforms may do: `identity-feed`, `registry-consumer`, `document-feeder`, `document-reader`, …
    #[schemars(regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"), length(max = 63))]
    pub scope: String,
    /// Of the requirements.
    #[schemars(regex(pattern = r"^[0-9]+(\.[0-9]+){0,2}$"), length(max = 20))]
    pub version: String,
    /// For people, in French.
    #[schemars(length(min = 1, max = 200))]
    pub title: String,
    /// What is asked, each by its number.
    #[schemars(length(min = 1, max = 300), extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["id"]))]
    pub requirements: Vec<Requirement>,
}

/// One requirement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Requirement {
    /// Its number: `DF-03`.
    #[schemars(regex(pattern = "^[A-Z]{2,4}-[0-9]{2,3}$"), length(max = 8))]
    pub id: String,
    /// What is asked, in French.
    #[schemars(length(min = 1, max = 1000))]
    pub text: String,
    /// How it is verified: `automatic`, `attested`, `inspected`; `not-yet` when the part of the platform it needs does not exist.
    pub verified: Verified,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verified {
    /// By a test of the suite.
    Automatic,
    /// By the vendor's signed word.
    Attested,
    /// By a person of the laboratory.
    Inspected,
    /// Not so far.
    NotYet,
}

/// What the operator sees; written by nobody else.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConformanceProfileStatus {
    /// Generation of the specification that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// SHA-256 of the specification, hex: what runs name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Conditions: `Ready`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    pub conditions: Vec<Condition>,
}

status_conditions!(ConformanceProfileStatus);
