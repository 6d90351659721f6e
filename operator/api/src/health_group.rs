//! `HealthGroup`: one tenant, with its own record store, database, keys and log.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{Mode, Sizing, conditions_schema, status_conditions};

/// A regional health group or another controller of health data. Its name gives the namespace `dmp-<name>`.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dmp.ma",
    version = "v1alpha1",
    kind = "HealthGroup",
    status = "HealthGroupStatus",
    shortname = "hg",
    category = "dmp",
    derive = "PartialEq",
    cel,
    doc = "A tenant of the platform: isolated record store, database, keys and log.",
    printcolumn(name = "Kind", type_ = "string", json_path = ".spec.kind"),
    printcolumn(name = "Region", type_ = "string", json_path = ".spec.region"),
    printcolumn(name = "Mode", type_ = "string", json_path = ".spec.mode"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Homologated", type_ = "string", json_path = ".status.conditions[?(@.type==\"Homologated\")].reason"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("size(self.metadata.name) <= 40")
        .message("the name has at most 40 characters"),
    validation = Rule::new("!self.metadata.name.contains('.')")
        .message("the name is a DNS label: no dots"),
    validation = Rule::new("!(self.metadata.name in ['system', 'national'])")
        .message("`system` and `national` are the platform's own names"),
    validation = Rule::new("self.spec.mode != 'production' || has(self.spec.controller.cndpReceipt)")
        .message("a production group names the CNDP receipt of its controller (law 09-08)")
)]
#[serde(rename_all = "camelCase")]
pub struct HealthGroupSpec {
    /// What the group is in law: `gst` (groupement sanitaire territorial), `private`, `university`, `military`.
    pub kind: GroupKind,
    /// Region of Morocco, ISO 3166-2: `MA-01` to `MA-12`.
    #[schemars(regex(pattern = "^MA-(0[1-9]|1[0-2])$"))]
    pub region: String,
    /// Name of the `Site` that holds its data (`kubectl get sites`).
    #[schemars(length(min = 1, max = 63))]
    pub site: String,
    /// `sandbox`: synthetic patients only. `production`: real ones; refuses log-ins of the demonstration, credentials of the
    /// sandbox, and an OpenBao that unseals itself. Immutable.
    #[serde(default)]
    #[x_kube(validation = Rule::new("self == oldSelf").message("mode never changes: create another group"))]
    pub mode: Mode,
    /// Who holds the root of the group's keys.
    #[serde(default)]
    pub keys: GroupKeys,
    /// The controller of the data in law (law 09-08).
    pub controller: DataController,
    /// `small`, `medium` or `large`: one, two or three instances of each database; resources of services and the quota follow.
    #[serde(default)]
    pub sizing: Sizing,
    /// Instances of each database; what the sizing gives when absent. From two on, every acknowledged write is on two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 5))]
    pub database_instances: Option<i64>,
    /// What the group may use beyond what its sizing gives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quotas: Option<Quotas>,
    /// While true (the default), the API server denies deleting the group. Set it to false first to retire one; its data stay.
    #[serde(default = "yes")]
    pub deletion_protection: bool,
}

const fn yes() -> bool {
    true
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GroupKind {
    /// Groupement sanitaire territorial.
    Gst,
    Private,
    University,
    Military,
}

/// Who holds the root of the group's keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct GroupKeys {
    /// `platform`: in the platform's OpenBao. `group`: the group unseals its own; not served yet, such a group stays `Ready=False`. Immutable.
    #[serde(default)]
    #[x_kube(validation = Rule::new("self == oldSelf").message("the custody of keys never changes: create another group"))]
    pub custody: Custody,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Custody {
    #[default]
    Platform,
    /// The group unseals its own OpenBao namespace. Not served yet: the group stays `Ready=False`.
    Group,
}

/// The controller of the data in law.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DataController {
    /// Its name, as the CNDP knows it.
    #[schemars(length(min = 1, max = 200))]
    pub name: String,
    /// Number of the CNDP's receipt; required of a production group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub cndp_receipt: Option<String>,
}

/// What the group may use beyond what its sizing gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Quotas {
    /// Sum of the group's volumes, GiB.
    #[schemars(range(min = 1, max = 1_048_576))]
    pub storage_gib: i64,
}

/// What the operator sees; written by nobody else.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HealthGroupStatus {
    /// Generation of the specification that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Where the group's workloads are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// What public ids of the group's resources begin with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// Release its record store runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// Conditions: `Ready`, `Reconciling`, `Stalled`, `DatabaseReady`, `KeysReady`, `ServiceReady`; of a production group `Homologated`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    pub conditions: Vec<Condition>,
}

status_conditions!(HealthGroupStatus);
