//! `ImageRelease`: the images that may run on the platform, as the security entity signed them.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::body::Role;
use crate::common::{conditions_schema, status_conditions};

/// Append-only. Who writes the object proves nothing: the statement's own signature does. The release that was signed last is in
/// force: in the platform's namespaces runs what it names and nothing else. A former image that is still needed (the way back of an
/// upgrade) is named by the later release too.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dmp.ma",
    version = "v1alpha1",
    kind = "ImageRelease",
    status = "ImageReleaseStatus",
    category = "dmp",
    derive = "PartialEq",
    cel,
    doc = "The images that may run on the platform, as the security entity signed them (DMP-WRK-02).",
    plural = "imagereleases",
    printcolumn(name = "Images", type_ = "integer", json_path = ".status.images"),
    printcolumn(name = "Signed", type_ = "string", json_path = ".status.signedOn"),
    printcolumn(name = "Body", type_ = "string", json_path = ".status.body"),
    printcolumn(name = "In Force", type_ = "boolean", json_path = ".status.inForce"),
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
#[x_kube(validation = Rule::new("self == oldSelf").message("a signed release never changes: sign another one"))]
#[serde(rename_all = "camelCase")]
pub struct ImageReleaseSpec {
    /// JWS (RFC 7515, compact, `x5c`): `dmpctl images sign`.
    #[schemars(length(min = 1, max = 65536))]
    pub statement: String,
    /// What the statement has only the hashes of: the papers of each image.
    #[schemars(length(min = 1, max = 64))]
    pub papers: Vec<ImagePapers>,
}

/// What the build says of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImagePapers {
    /// `sha256:<64 hex digits>` of its manifest.
    #[schemars(length(min = 71, max = 71))]
    pub digest: String,
    /// Its bill of materials (CycloneDX 1.4 to 1.7, JSON), as text.
    #[schemars(length(min = 1, max = 262_144))]
    pub sbom: String,
    /// Its provenance (in-toto Statement v1 with SLSA provenance, JSON), as text.
    #[schemars(length(min = 1, max = 65536))]
    pub provenance: String,
}

/// What the operator read in the signed statement; written by nobody else.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageReleaseStatus {
    /// Generation of the specification that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// How many images it names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub images: Option<i64>,
    /// The day of its signature, `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_on: Option<String>,
    /// Role of the signer's body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// Name of the signer's body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Whether its images are the ones that may run: it was signed last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_force: Option<bool>,
    /// Conditions: `Ready` (the signature and the papers count).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    pub conditions: Vec<Condition>,
}

status_conditions!(ImageReleaseStatus);
