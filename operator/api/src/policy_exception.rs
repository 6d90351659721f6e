//! `PolicyException`: what is tolerated for a while, by whom it was asked for and by whom approved.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{conditions_schema, status_conditions};

/// Nothing passes by it: what fails within it is reported as tolerated until its last day, and fails again by itself. Admission
/// guards who asks and who approves: in their own names, as roles that they hold.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dmp.ma",
    version = "v1alpha1",
    kind = "PolicyException",
    shortname = "polex",
    status = "PolicyExceptionStatus",
    category = "dmp",
    derive = "PartialEq",
    cel,
    doc = "What is tolerated for a while: one check of one control, asked for by one role and approved by another.",
    printcolumn(name = "Control", type_ = "string", json_path = ".spec.control"),
    printcolumn(name = "Check", type_ = "string", json_path = ".spec.check"),
    printcolumn(name = "Until", type_ = "string", json_path = ".spec.until"),
    printcolumn(name = "Owner", type_ = "string", json_path = ".spec.by"),
    printcolumn(name = "Approved", type_ = "string", json_path = ".spec.approval.by"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason"
    )
)]
#[x_kube(
    validation = Rule::new(
        "self.control == oldSelf.control && self.check == oldSelf.check && self.namespaces == oldSelf.namespaces && \
         self.reason == oldSelf.reason && self.role == oldSelf.role && self.by == oldSelf.by && self.until == oldSelf.until"
    )
    .message("an exception never changes: ask for another one"),
    validation = Rule::new("!has(oldSelf.approval) || (has(self.approval) && self.approval == oldSelf.approval)")
        .message("an approval never changes: delete the exception to end it"),
    validation = Rule::new("!has(self.approval) || (self.approval.role != self.role && self.approval.by != self.by)")
        .message("another person in another role approves")
)]
#[serde(rename_all = "camelCase")]
pub struct PolicyExceptionSpec {
    /// Id of the control (`dmpctl compliance list`).
    #[schemars(regex(pattern = "^DMP-[A-Z]{3}-[0-9]{2}$"), length(max = 10))]
    pub control: String,
    /// Name of its check (`dmpctl compliance explain`).
    #[schemars(regex(pattern = "^[a-z][a-z0-9-]*$"), length(max = 40))]
    pub check: String,
    /// Where; empty for what is found of the platform as a whole. There is no word for everywhere.
    #[serde(default)]
    #[schemars(
        length(max = 20),
        inner(regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"), length(max = 63))
    )]
    pub namespaces: Vec<String>,
    /// Why it cannot be otherwise for the time being. No patient, no person.
    #[schemars(length(min = 10, max = 500))]
    pub reason: String,
    /// The role as which it is asked for: the one that answers for the control.
    #[schemars(regex(pattern = "^dmp-[a-z-]+$"), length(max = 63))]
    pub role: String,
    /// Who asks and answers for it: the name under which the API server knows this person.
    #[schemars(length(min = 1, max = 253))]
    pub by: String,
    /// Its last day, `YYYY-MM-DD`.
    #[schemars(regex(pattern = r"^\d{4}-\d{2}-\d{2}$"), length(max = 10))]
    pub until: String,
    /// Absent until somebody approves it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
}

/// The word of a second person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// The role as which it is approved: another one than the one that asks.
    #[schemars(regex(pattern = "^dmp-[a-z-]+$"), length(max = 63))]
    pub role: String,
    /// Who approves: the name under which the API server knows this person.
    #[schemars(length(min = 1, max = 253))]
    pub by: String,
}

/// Whether it counts today.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyExceptionStatus {
    /// Generation of the specification that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Conditions: `Ready` (in force).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    pub conditions: Vec<Condition>,
}

status_conditions!(PolicyExceptionStatus);
