//! `PolicyProfile`: the stricter values that a platform has of its own for parameters of controls. One object, `national`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::common::{conditions_schema, status_conditions};

/// It only tightens: with a value that loosens, or is of no parameter, the whole profile counts for nothing and the catalogue's own
/// values stay in force (DMP-GOV-03). Without it they are in force too.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dmp.ma",
    version = "v1alpha1",
    kind = "PolicyProfile",
    shortname = "polprof",
    status = "PolicyProfileStatus",
    category = "dmp",
    derive = "PartialEq",
    cel,
    doc = "The stricter values that this platform has for parameters of controls; never looser ones.",
    printcolumn(name = "In force", type_ = "integer", json_path = ".status.inForce"),
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
    printcolumn(
        name = "Message",
        type_ = "string",
        priority = 1,
        json_path = ".status.conditions[?(@.type==\"Ready\")].message"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name == 'national'")
        .message("there is one profile, `national`")
)]
#[x_kube(
    validation = Rule::new(
        "self.parameters.all(one, self.parameters.exists_one(other, other.control == one.control && \
         other.parameter == one.parameter && other.since == one.since))"
    )
    .message("a parameter has one value for a day")
)]
#[serde(rename_all = "camelCase")]
pub struct PolicyProfileSpec {
    /// A parameter may be there several times, each from another day on.
    #[schemars(length(max = 64))]
    pub parameters: Vec<ChosenParameter>,
}

/// One stricter value.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChosenParameter {
    /// Id of the control (`dmpctl compliance list`).
    #[schemars(regex(pattern = "^DMP-[A-Z]{3}-[0-9]{2}$"), length(max = 10))]
    pub control: String,
    /// Name of its parameter (`dmpctl compliance explain`).
    #[schemars(regex(pattern = "^[a-z][A-Za-z0-9]*$"), length(max = 40))]
    pub parameter: String,
    #[schemars(schema_with = "value_schema")]
    pub value: Value,
    /// Its first day, `YYYY-MM-DD`.
    #[schemars(regex(pattern = r"^\d{4}-\d{2}-\d{2}$"), length(max = 10))]
    pub since: String,
    /// Why this platform has it. No patient, no person.
    #[schemars(length(min = 10, max = 500))]
    pub reason: String,
}

/// Whether it counts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyProfileStatus {
    /// Generation of the specification that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// How many parameters are stricter today than in the catalogue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_force: Option<i64>,
    /// Conditions: `Ready` (it counts, whole).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    pub conditions: Vec<Condition>,
}

status_conditions!(PolicyProfileStatus);

/// A schema has no "this or that": of another kind the operator and the evaluator refuse it, and the profile with it.
fn value_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "description": "A whole number or a list of texts, as the catalogue's own value is.",
        "x-kubernetes-preserve-unknown-fields": true
    })
}
