//! `Site`: a datacenter that holds health data.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{conditions_schema, status_conditions};

/// Where data is, and what the State says of the place.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dmp.ma",
    version = "v1alpha1",
    kind = "Site",
    status = "SiteStatus",
    category = "dmp",
    derive = "PartialEq",
    cel,
    doc = "A datacenter: territory, region, qualification.",
    printcolumn(name = "Territory", type_ = "string", json_path = ".spec.territory"),
    printcolumn(name = "Region", type_ = "string", json_path = ".spec.region"),
    printcolumn(name = "Qualification", type_ = "string", json_path = ".spec.qualification.level"),
    printcolumn(name = "Expires", type_ = "string", json_path = ".spec.qualification.expires"),
    printcolumn(name = "Attested", type_ = "string", json_path = ".status.conditions[?(@.type==\"Attested\")].status"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    validation = Rule::new("self.spec.territory == 'MA'")
        .message("health data stays on Moroccan soil: the territory is MA")
)]
#[serde(rename_all = "camelCase")]
pub struct SiteSpec {
    /// Country, ISO 3166-1 alpha-2: `MA`, the only one that may hold health data.
    #[schemars(length(min = 2, max = 2))]
    pub territory: String,
    /// Region of Morocco, ISO 3166-2: `MA-01` to `MA-12`.
    #[schemars(regex(pattern = "^MA-(0[1-9]|1[0-2])$"))]
    pub region: String,
    /// The DGSSI's qualification of the host; absent for a machine under development.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qualification: Option<Qualification>,
    /// Failure zones, as the nodes are labelled (`topology.kubernetes.io/zone`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub zones: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Qualification {
    /// As the certificate names it.
    #[schemars(length(min = 1, max = 64))]
    pub level: String,
    /// Its last day, `YYYY-MM-DD`.
    #[schemars(regex(pattern = r"^\d{4}-\d{2}-\d{2}$"))]
    pub expires: String,
}

/// What the operator sees; written by nobody else.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SiteStatus {
    /// Generation of the specification that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Conditions: `Ready`, `Qualified`, `Attested`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    pub conditions: Vec<Condition>,
}

status_conditions!(SiteStatus);
