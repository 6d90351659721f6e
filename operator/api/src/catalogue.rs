//! `Catalogue`: the signature over all entries of the public catalogue. One object, `national`.
//!
//! Not here: what is signed. The text is made of the entries themselves (`dmp-homologation`), so that it may grow beyond
//! what one object of the API server holds.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::body::Role;
use crate::common::{conditions_schema, status_conditions};
use crate::system_homologation::SystemWord;

/// Nobody asks for anything: the operator signs what the entries say.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[kube(
    group = "dmp.ma",
    version = "v1alpha1",
    kind = "Catalogue",
    status = "CatalogueStatus",
    category = "dmp",
    derive = "PartialEq",
    cel,
    doc = "The signed edition of the public catalogue of homologated software. Written by the operator alone.",
    printcolumn(name = "Number", type_ = "integer", json_path = ".status.number"),
    printcolumn(name = "Entries", type_ = "integer", json_path = ".status.entries"),
    printcolumn(name = "Generated", type_ = "string", json_path = ".status.generatedAt"),
    printcolumn(name = "Next", type_ = "string", json_path = ".status.nextUpdate"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    validation = Rule::new("self.metadata.name == 'national'").message("there is one catalogue, `national`")
)]
#[serde(rename_all = "camelCase")]
pub struct CatalogueSpec {}

/// A public key, as `keys.json` has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PublicKey {
    /// Its id: `<key>-v<version>`.
    pub kid: String,
    /// The Ed25519 public key, base64url.
    pub x: String,
}

/// What a body said of whether the platform, or a group, may open (law 05-20, art. 19).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Opening {
    /// Name of the `HealthGroup`; the platform itself when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_group: Option<String>,
    pub says: SystemWord,
    /// Role of the body.
    pub role: Role,
    /// Name of the body.
    pub body: String,
    /// Of a decision or an extension: its last day, `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// When it came to the platform, RFC 3339, UTC.
    pub since: String,
}

/// The newest edition; written by the operator alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CatalogueStatus {
    /// Generation of the specification that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Of the edition; each is one more than the one before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<i64>,
    /// How many entries it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entries: Option<i64>,
    /// Whose catalogue it is: the platform's domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// When it was made, RFC 3339, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generated_at: Option<String>,
    /// By when there is another one, RFC 3339, UTC. Later, this one says nothing any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_update: Option<String>,
    /// Of the platform and of each production group the last decision or refusal, and the extensions since; part of the text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub openings: Vec<Opening>,
    /// SHA-256 of the entries alone, hex: whether they have changed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entries_sha256: Option<String>,
    /// JWS without its payload (RFC 7515, appendix F) over the text of `catalogue.json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// Public keys that sign labels and catalogue, for who publishes them. Nobody should believe them from here alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<PublicKey>,
    /// Conditions: `Ready`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    pub conditions: Vec<Condition>,
}

status_conditions!(CatalogueStatus);
