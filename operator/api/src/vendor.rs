//! `Vendor`: an organisation that has signed up, its people, and its place in the sandbox.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::body::Organisation;
use crate::common::{conditions_schema, status_conditions};

/// The operator gives it its namespace `vendor-<name>` and a place in the platform's sandbox. It opens nothing but synthetic people:
/// the bodies decide about its products.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dmp.ma",
    version = "v1alpha1",
    kind = "Vendor",
    status = "VendorStatus",
    category = "dmp",
    derive = "PartialEq",
    cel,
    doc = "An organisation that makes software, its people, and its place in the sandbox.",
    printcolumn(name = "Organisation", type_ = "string", json_path = ".spec.organisation.name"),
    printcolumn(name = "ICE", type_ = "string", json_path = ".spec.organisation.ice"),
    printcolumn(name = "Sandbox", type_ = "string", json_path = ".status.sandbox.healthGroup"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$') && size(self.metadata.name) <= 50")
        .message("the name is a DNS label of at most 50 characters: its namespace is vendor-<name>")
)]
#[serde(rename_all = "camelCase")]
pub struct VendorSpec {
    /// The legal person; never changes.
    #[x_kube(validation = Rule::new("self == oldSelf").message("the organisation never changes: another one signs up itself"))]
    pub organisation: Organisation,
    /// Who speaks for it at the guichet.
    #[schemars(length(min = 1, max = 50))]
    pub members: Vec<Member>,
    /// Which synthetic population it has: the next number is a new, empty one.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1_000_000))]
    #[x_kube(validation = Rule::new("self >= oldSelf").message("a population that was given up does not come back"))]
    pub population: i32,
}

const fn one() -> i32 {
    1
}

/// A person, as their issuer of log-ins knows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// `iss` of their log-ins: one of the platform's issuers.
    #[schemars(length(min = 1, max = 512))]
    pub issuer: String,
    /// `sub` of their log-ins.
    #[schemars(length(min = 1, max = 255))]
    pub subject: String,
}

impl Vendor {
    /// The namespace of its products.
    pub fn namespace_of(name: &str) -> String {
        format!("{}{name}", crate::names::VENDOR_NAMESPACE_PREFIX)
    }
}

/// What the operator sees; written by nobody else.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VendorStatus {
    /// Generation of the specification that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Its namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its place in the sandbox.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<SandboxPlace>,
    /// Conditions: `Ready`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    pub conditions: Vec<Condition>,
}

/// Where a vendor's software runs against synthetic people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SandboxPlace {
    /// The platform's sandbox group.
    pub health_group: String,
    /// INPE of its invented establishment.
    pub establishment: String,
    /// Name of its population: people of another one cannot be seen.
    pub realm: String,
}

status_conditions!(VendorStatus);
