//! `Solution`: a vendor's product.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::body::Organisation;
use crate::common::{conditions_schema, status_conditions};

/// A product that wants to connect. Lives in its vendor's namespace `vendor-<vendor>`.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dmp.ma",
    version = "v1alpha1",
    kind = "Solution",
    namespaced,
    status = "SolutionStatus",
    shortname = "sol",
    category = "dmp",
    derive = "PartialEq",
    cel,
    doc = "A vendor's product that wants to connect.",
    printcolumn(name = "Vendor", type_ = "string", json_path = ".spec.vendor"),
    printcolumn(name = "Product", type_ = "string", json_path = ".spec.product"),
    printcolumn(name = "Kind", type_ = "string", json_path = ".spec.kind"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("size(self.metadata.name) <= 63 && !self.metadata.name.contains('.')")
        .message("the name is a DNS label of at most 63 characters")
)]
#[x_kube(validation = Rule::new("!has(oldSelf.organisation) || has(self.organisation)")
    .message("the organisation never changes: another one's product is another solution"))]
#[serde(rename_all = "camelCase")]
pub struct SolutionSpec {
    /// The vendor's id: the namespace without `vendor-`. Immutable.
    #[schemars(regex(pattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"), length(max = 50))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("the vendor never changes"))]
    pub vendor: String,
    /// Who makes it, in law. Needed for a homologation; never changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self == oldSelf").message("the organisation never changes: another one's product is another solution"))]
    pub organisation: Option<Organisation>,
    /// The product's name, as people know it. Immutable: what was homologated keeps its name.
    #[schemars(length(min = 1, max = 200))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("the product's name never changes: reviewers signed it"))]
    pub product: String,
    /// What it is used in: `hospital`, `laboratory`, `pharmacy`, `cabinet`; `patient-app` (a patient's own, without establishment); `directory` (a source
    /// of the State's directories, without establishment and person). Immutable.
    #[x_kube(validation = Rule::new("self == oldSelf").message("the kind never changes: another kind is another product"))]
    pub kind: ProductKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProductKind {
    Hospital,
    Laboratory,
    Pharmacy,
    Cabinet,
    /// A patient's own app: no establishment.
    PatientApp,
    /// A directory source of the State: no establishment, no person.
    Directory,
}

impl ProductKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hospital => "hospital",
            Self::Laboratory => "laboratory",
            Self::Pharmacy => "pharmacy",
            Self::Cabinet => "cabinet",
            Self::PatientApp => "patient-app",
            Self::Directory => "directory",
        }
    }

    /// Whether its credentials are bound to an establishment.
    pub const fn has_establishment(self) -> bool {
        !matches!(self, Self::PatientApp | Self::Directory)
    }
}

/// What the operator sees; written by nobody else.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SolutionStatus {
    /// Generation of the specification that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Conditions: `Ready`, `Revoked`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    pub conditions: Vec<Condition>,
}

status_conditions!(SolutionStatus);
