//! The facts stream: what the operator knows and every gateway must know fresh.
//!
//! `GET /v1/facts/stream` answers `application/x-ndjson`, one [`SignedFacts`] a line: at once, at every change,
//! and at least once a second. `seq` is the highest Kubernetes resource version behind the facts: a gateway
//! remembers the highest it saw and refuses lower ones.

use dmp_core::ids::GroupName;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub struct SignedFacts {
    /// JSON text of [`Facts`], exactly as signed.
    pub payload: String,
    /// Key `facts` of OpenBao that signed the payload, or the grant when there is one.
    pub kid: String,
    /// Ed25519 over the payload's bytes, base64; by the granted key when there is a grant.
    pub signature: String,
    /// While OpenBao does not answer: what lets a replica's own key sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<SignedGrant>,
}

/// The longest life of a [`Grant`].
pub const MAX_GRANT: SignedDuration = SignedDuration::from_mins(10);

/// OpenBao's key `facts` says that a replica's own key may sign facts for a while.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Ed25519 public key, base64url without padding.
    pub x: String,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SignedGrant {
    /// JSON text of [`Grant`].
    pub payload: String,
    pub kid: String,
    /// Ed25519 over [`grant_message`], base64.
    pub signature: String,
}

/// What is signed for a grant: never a line of facts, whatever the payload says.
pub fn grant_message(payload: &str) -> Vec<u8> {
    [b"dmp-facts-grant/v1\n", payload.as_bytes()].concat()
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq)]
pub struct Facts {
    pub seq: u64,
    pub at: Timestamp,
    /// Since when the replica has not heard from the API server, if it has not for over 2 s.
    pub stale_since: Option<Timestamp>,
    pub demonstration: bool,
    pub groups: Vec<Group>,
    pub credentials: Vec<Credential>,
    pub revocations: Vec<Revocation>,
    pub issuers: Vec<Issuer>,
}

#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Group {
    pub name: GroupName,
    pub tag: String,
    /// `sandbox` or `production`.
    pub mode: Mode,
    /// `https://records.dmp-<group>.svc:8443`.
    pub records: String,
    /// SPIFFE id its record store must present.
    pub identity: String,
    pub serving: bool,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    Sandbox,
    Production,
}

#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Credential {
    /// `<vendor namespace>/<SolutionCredential name>`, as in the certificate's URI SAN.
    pub name: String,
    /// `<vendor namespace>/<Solution name>`.
    pub solution: String,
    pub version: String,
    /// Product kind: `hospital`, `laboratory`, `pharmacy`, `cabinet`, `patient-app`, `directory`.
    pub kind: String,
    /// INPE; absent for patient apps and directory sources.
    pub establishment: Option<String>,
    /// The group of the establishment.
    pub group: Option<GroupName>,
    pub mode: Mode,
    /// SHA-256 of the issued certificate's DER, hex: only this certificate opens the door.
    pub certificate_sha256: String,
    pub not_after: Timestamp,
    /// Scopes of its homologation; absent in the sandbox: everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
}

/// A revoked solution, version or credential.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Revocation {
    /// `<vendor namespace>/<Solution name>`.
    pub solution: String,
    /// All versions when absent.
    pub version: Option<String>,
    /// All credentials when absent.
    pub credential: Option<String>,
}

/// An OIDC issuer people may log in at.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Issuer {
    /// `iss` of its tokens.
    pub url: String,
    /// Where its keys are, when not at `<url>/.well-known/openid-configuration`.
    pub jwks: Option<String>,
    /// PEM of the CA of that URL, when it is not a public one.
    pub ca: Option<String>,
    /// `aud` its tokens must carry.
    pub audience: String,
    /// Whether this is the demonstration's issuer: production groups refuse it.
    pub demonstration: bool,
}
