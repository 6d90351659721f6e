//! `SolutionCredential`: one certificate for one product version at one establishment.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{Mode, conditions_schema, status_conditions};
use crate::gateway_quota::QuotaInForce;

/// Asked for by a CSR: the private key never leaves the vendor's system. A new CSR renews it.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "dmp.ma",
    version = "v1alpha1",
    kind = "SolutionCredential",
    namespaced,
    status = "SolutionCredentialStatus",
    shortname = "solc",
    category = "dmp",
    derive = "PartialEq",
    cel,
    doc = "One certificate for one product version at one establishment.",
    printcolumn(name = "Solution", type_ = "string", json_path = ".spec.solution"),
    printcolumn(name = "Version", type_ = "string", json_path = ".spec.version"),
    printcolumn(name = "Group", type_ = "string", json_path = ".spec.healthGroup"),
    printcolumn(name = "Mode", type_ = "string", json_path = ".spec.mode"),
    printcolumn(name = "Expires", type_ = "string", json_path = ".status.notAfter"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    validation = Rule::new("size(self.metadata.name) <= 63 && !self.metadata.name.contains('.')")
        .message("the name is a DNS label of at most 63 characters")
)]
#[x_kube(
    validation = Rule::new("has(self.establishment) == has(self.healthGroup)")
        .message("establishment and healthGroup are given together"),
    validation = Rule::new("self.solution == oldSelf.solution && self.version == oldSelf.version && self.mode == oldSelf.mode")
        .message("a credential is bound to solution, version and mode: create another one"),
    validation = Rule::new("has(self.establishment) == has(oldSelf.establishment) && (!has(self.establishment) || self.establishment == oldSelf.establishment)")
        .message("a credential is bound to its establishment: create another one"),
    validation = Rule::new("has(self.healthGroup) == has(oldSelf.healthGroup) && (!has(self.healthGroup) || self.healthGroup == oldSelf.healthGroup)")
        .message("a credential is bound to its group: create another one")
)]
#[serde(rename_all = "camelCase")]
pub struct SolutionCredentialSpec {
    /// Name of the `Solution` in the same namespace.
    #[schemars(length(min = 1, max = 63))]
    pub solution: String,
    /// `spec.version` of a `SolutionVersion` of it.
    #[schemars(length(min = 1, max = 64))]
    pub version: String,
    /// Where the software runs. Absent for patient apps and directory sources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub establishment: Option<Establishment>,
    /// Name of the `HealthGroup` of the establishment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 40))]
    pub health_group: Option<String>,
    /// `sandbox` (synthetic patients) or `production`; as its group's. Never changes.
    #[serde(default)]
    pub mode: Mode,
    /// PKCS #10, PEM. Only its public key is used: names are the platform's to give.
    #[schemars(length(min = 1, max = 8192))]
    #[x_kube(validation = Rule::new("self.startsWith('-----BEGIN CERTIFICATE REQUEST-----')")
        .message("csr is a PEM certificate request (PKCS #10)"))]
    pub csr: String,
    /// In production: the vendor's installation statement over the CSR's key (JWS, compact). A CSR with another key needs another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 8192))]
    pub installation: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Establishment {
    /// National number of the establishment (ANAM), 9 digits.
    #[schemars(regex(pattern = "^[0-9]{9}$"))]
    pub inpe: String,
}

/// What the operator sees; written by nobody else.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SolutionCredentialStatus {
    /// Generation of the specification that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The certificate, then its issuer's, PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// SHA-256 of the certificate's DER, hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_sha256: Option<String>,
    /// Serial number of the certificate, hex, colon-separated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// Serial number of the last certificate that is on the revocation list of the solutions' CA: it is never used again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listed_serial: Option<String>,
    /// When the certificate ends, RFC 3339, UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<String>,
    /// SHA-256 of the CSR the certificate was made from, hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csr_sha256: Option<String>,
    /// The certificate before this one: it opens the door until its holder has the new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<PreviousCertificate>,
    /// In production: the vendor's statement that the certificate was signed by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installation: Option<AcceptedInstallation>,
    /// In production: what the homologation opens to it now. Absent in the sandbox: everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// How many requests it, its establishment and the people behind it may send through one gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<QuotaInForce>,
    /// Conditions: `Ready`, `Revoked`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "conditions_schema")]
    pub conditions: Vec<Condition>,
}

/// An installation statement that was accepted: a certificate of its key is renewed without another one; an older one is not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AcceptedInstallation {
    /// SHA-256 of the key it is about (SubjectPublicKeyInfo, DER), hex.
    pub key_sha256: String,
    /// When the vendor signed it, RFC 3339, UTC.
    pub signed_at: String,
}

/// A certificate that has been replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreviousCertificate {
    /// SHA-256 of its DER, hex.
    pub certificate_sha256: String,
    /// Until when it opens the door, RFC 3339, UTC.
    pub until: String,
    /// The certificate itself, PEM, for the revocation list. Absent of one that was replaced by a release before the list knew it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
}

status_conditions!(SolutionCredentialStatus);
