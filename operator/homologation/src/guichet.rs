//! What people ask at the guichet, and what it answers (`/guichet/v1/…`). Words only: what a person may do is the portal's, what counts is
//! decided from the objects.
//!
//! A specification in an answer is the one of the custom resource, a status as well; names of objects are DNS labels.

use dmp_api::body::Organisation;
use dmp_api::solution::ProductKind;
use dmp_api::solution_credential::Establishment;
use dmp_api::vendor::{Member, SandboxPlace};
use dmp_api::{EvidenceItemSpec, Mode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Who asks.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Me {
    pub issuer: String,
    pub subject: String,
    /// The vendors they speak for.
    pub vendors: Vec<String>,
}

/// An organisation signs up; who asks is its first member.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SignUp {
    /// A DNS label of at most 50 characters, for ever.
    pub name: String,
    pub organisation: Organisation,
}

/// A vendor, as its members see it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VendorView {
    pub name: String,
    pub organisation: Organisation,
    pub members: Vec<Member>,
    /// Which synthetic population it has.
    pub population: i32,
    /// Its place in the sandbox, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<SandboxPlace>,
    pub ready: bool,
    /// Why it is not ready, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// All who speak for a vendor; who asks stays among them.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Members {
    pub members: Vec<Member>,
}

/// Whose records, of those that a group keeps, did software or a person open, search or write to?
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AffectedQuestion {
    /// The HealthGroup whose patients are meant; the incident affects it.
    pub group: String,
    /// `<vendor namespace>/<Solution name>`; this, a person, or both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub software: Option<String>,
    /// Only this version of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// A professional's INPE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<String>,
    /// Only what was done for the establishment of this INPE.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub establishment: Option<String>,
    /// First moment, RFC 3339.
    pub from: String,
    /// First moment after, RFC 3339; it has passed, and is 31 days after `from` at most.
    pub to: String,
    /// `next` of the page before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Patients of a page, 1 to 500, which is what it is without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A page of them.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Affected {
    /// Patients in all, on every page.
    pub count: u64,
    pub patients: Vec<AffectedPatient>,
    /// `after` of the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// Whether the newest entries of the group's log could not be had.
    pub behind: bool,
    /// Entries of the group's log that cannot be opened: nobody can tell whom they speak of.
    pub unreadable: u64,
}

/// One of them.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AffectedPatient {
    /// The FHIR id under which the group's software knows the patient; absent when the group holds nothing of her.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patient: Option<String>,
    /// First access, RFC 3339.
    pub first: String,
    /// Last access, RFC 3339.
    pub last: String,
    /// Documents opened.
    pub reads: u64,
    /// Lists of documents seen.
    pub searches: u64,
    /// Submissions.
    pub writes: u64,
}

/// The people of a vendor's sandbox. All are invented.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sandbox {
    pub place: SandboxPlace,
    pub professionals: Vec<SandboxProfessional>,
    pub patients: Vec<SandboxPatient>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SandboxProfessional {
    pub inpe: String,
    pub name: String,
    /// `physician`, `nurse`, …
    pub profession: String,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SandboxPatient {
    /// System of the identifier.
    pub system: String,
    pub value: String,
    pub name: String,
    pub birth_date: String,
}

/// One of them logs in: a professional by INPE, or anybody who is (or will be) a patient by an identifier.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum SandboxLogIn {
    Professional { inpe: String },
    Patient { system: String, value: String },
}

/// An identity token (OIDC), for five minutes and for this vendor's sandbox software alone.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct IdToken {
    pub id_token: String,
    /// Seconds.
    pub expires_in: i64,
}

/// A product.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewSolution {
    pub name: String,
    /// As people know it.
    pub product: String,
    pub kind: ProductKind,
}

/// A version of a product, frozen. Its name is made of both.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewVersion {
    pub solution: String,
    pub version: String,
    /// What is delivered; needed for a homologation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package: Option<NewPackage>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewPackage {
    /// SHA-256 of the image or package, hex.
    pub sha256: String,
    /// Its bill of materials, CycloneDX in JSON, as text: its hash is over these bytes.
    pub sbom: String,
}

/// A document, by its hash.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewEvidence {
    pub name: String,
    pub evidence: EvidenceItemSpec,
}

/// A version is submitted; frozen from then on.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewSubmission {
    pub name: String,
    pub solution: String,
    pub version: String,
    pub programme: String,
    /// Which submission of this version it is, from 1.
    pub cycle: i32,
    pub profiles: Vec<String>,
    #[serde(default)]
    pub evidence: Vec<String>,
    /// Name of the submission of an earlier version that it follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<String>,
    /// Public key (PEM) whose owner will name the installations; needed for production.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installation_key: Option<String>,
}

/// A certificate is asked for. In the sandbox the place is the vendor's own and is not named.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewCredential {
    pub name: String,
    pub solution: String,
    pub version: String,
    #[serde(default)]
    pub mode: Mode,
    /// In production: where the software runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub establishment: Option<Establishment>,
    /// In production: the group of the establishment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub health_group: Option<String>,
    /// PKCS #10, PEM. The key stays where it is.
    pub csr: String,
    /// In production: the installation statement (JWS).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub installation: Option<String>,
}

/// What a vendor says to a non-conformity. No patient's data.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewAnswer {
    pub text: String,
}

/// A signed statement: the result of a run, a review, a decision. Its own signature says whose it is.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewStatement {
    /// JWS, compact.
    pub statement: String,
}

/// An object of a vendor.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    pub name: String,
    /// Number of the specification: the status says which it is about (`observedGeneration`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<i64>,
    /// When it was written, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// `spec` of the custom resource.
    pub spec: Value,
    /// `status` of the custom resource; absent until the operator has looked at it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Value>,
}

/// Entries in a part of a list when nobody says how many.
pub const PART: u32 = 100;
/// Entries in a part of a list, at most.
pub const LARGEST_PART: u32 = 500;

/// Which part of a list is asked for, in the query.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Part {
    /// [`PART`] when absent, [`LARGEST_PART`] at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// `continue` of the part before.
    #[serde(default, rename = "continue", skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// Objects of one kind, or a part of them.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Entries {
    pub entries: Vec<Entry>,
    /// There are more: ask again with this as `continue`. The last part has none; a part may be short, or empty, and not be the last.
    #[serde(default, rename = "continue", skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Name of the object of a version: a DNS label that says both. `None` when they cannot be in one.
pub fn version_name(solution: &str, version: &str) -> Option<String> {
    let name = format!("{solution}-{}", version.to_ascii_lowercase().replace('.', "-"));
    is_label(&name).then_some(name)
}

/// Whether it is a DNS label (RFC 1123).
pub fn is_label(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !name.is_empty()
        && name.len() <= 63
        && name.bytes().all(inner)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_versions_object_is_named_by_both() {
        let name = |version| version_name("his", version);
        assert_eq!(name("4.2.1").as_deref(), Some("his-4-2-1"));
        assert_eq!(name("5.0-RC.1").as_deref(), Some("his-5-0-rc-1"));
        assert_eq!(name("5.0+x"), None);
        assert_eq!(name(""), None);
        assert_eq!(name(&"9".repeat(64)), None);
    }
}
