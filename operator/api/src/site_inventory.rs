//! `SiteInventory`: the machines of a site, as the security entity signed them.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::body::Role;
use crate::common::{conditions_schema, status_conditions};

/// Append-only. Who writes the object proves nothing: the statement's own signature does. Of a site's inventories the one that was
/// signed last is in force: what runs on its ground is bound to these machines, whatever labels nodes carry.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dmp.ma",
    version = "v1alpha1",
    kind = "SiteInventory",
    status = "SiteInventoryStatus",
    category = "dmp",
    derive = "PartialEq",
    cel,
    doc = "The machines of a site, as the security entity signed them (DMP-RES-01).",
    plural = "siteinventories",
    selectable = ".spec.site",
    printcolumn(name = "Site", type_ = "string", json_path = ".spec.site"),
    printcolumn(name = "Machines", type_ = "integer", json_path = ".status.machines"),
    printcolumn(name = "Signed", type_ = "string", json_path = ".status.signedOn"),
    printcolumn(name = "Body", type_ = "string", json_path = ".status.body"),
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
#[x_kube(validation = Rule::new("self == oldSelf").message("a signed inventory never changes: sign another one"))]
#[serde(rename_all = "camelCase")]
pub struct SiteInventorySpec {
    /// Name of the `Site`.
    #[schemars(length(min = 1, max = 63))]
    pub site: String,
    /// JWS (RFC 7515, compact, `x5c`): `dmpctl site sign`.
    #[schemars(length(min = 1, max = 65536))]
    pub statement: String,
}

/// What the operator read in the signed statement; written by nobody else.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SiteInventoryStatus {
    /// Generation of the specification that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// How many machines it lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machines: Option<i64>,
    /// The day of its signature, `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_on: Option<String>,
    /// Role of the signer's body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Name of the signer's body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Conditions: `Ready` (the signature counts).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    pub conditions: Vec<Condition>,
}

status_conditions!(SiteInventoryStatus);
