//! The facts stream: what the operator knows and every gateway must know fresh.
//!
//! `GET /v2/facts/stream` answers `application/x-ndjson`, one [`SignedFacts`] a line: at once, at every change,
//! and at least once a second. `seq` is the highest Kubernetes resource version behind the facts: a gateway
//! remembers the highest it saw and refuses lower ones. The credentials are told beside it ([`shard`]): after a signed line come
//! those shards it names that this connection has not had yet, a line each.

pub mod shard;

use std::collections::BTreeMap;

use dmp_core::ids::GroupName;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Where the operator tells them.
pub const STREAM: &str = "/v2/facts/stream";

/// Version 1, for gateways of the release before: all credentials in each signed line.
pub const STREAM_V1: &str = "/v1/facts/stream";

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
    /// Of the platform, for production credentials of no production group.
    #[serde(default)]
    pub gate: Gate,
    pub groups: Vec<Group>,
    /// SHA-256, hex, of each [`shard`] of credentials that is not empty.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub shards: BTreeMap<u16, String>,
    /// In [`STREAM_V1`] alone.
    #[serde(default)]
    pub credentials: Vec<Credential>,
    /// In force.
    pub revocations: Vec<Revocation>,
    /// Lifted by both deciding bodies. What was in force and is in neither list was lost, not lifted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lifted: Vec<Revocation>,
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
    /// Of the group, the platform's included; a sandbox is open.
    #[serde(default)]
    pub gate: Gate,
    pub serving: bool,
}

/// Whether real people may be served (law 05-20, art. 19). Facts that do not say it are of no use to anybody: closed.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Gate {
    Open,
    /// Nothing new is written.
    ReadOnly,
    #[default]
    Closed,
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
    /// SHA-256 of the issued certificate's DER, hex: only this certificate opens the door, and for a while the one before it.
    pub certificate_sha256: String,
    pub not_after: Timestamp,
    /// The certificate before it, while its holder fetches the new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Previous>,
    /// Scopes of its homologation; absent in the sandbox: everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// Whose people it sees: those of one sandbox; absent: the nation's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub realm: Option<String>,
}

/// A certificate that has been replaced.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq)]
pub struct Previous {
    /// SHA-256 of its DER, hex.
    pub certificate_sha256: String,
    /// When it ceases to open the door.
    pub until: Timestamp,
}

impl Credential {
    /// Whether a certificate (SHA-256 of its DER, hex) is the credential's own at `now`.
    pub fn has_certificate(&self, sha256: &str, now: Timestamp) -> bool {
        let same = |own: &str| own.eq_ignore_ascii_case(sha256);
        let before = self.previous.as_ref();
        same(&self.certificate_sha256)
            || before.is_some_and(|before| now < before.until && same(&before.certificate_sha256))
    }
}

/// What is revoked: a vendor, a solution, a version of it, its installation at an establishment, or one credential.
///
/// What a reader from before a level would make of it, never opens: it does not know `establishment` and closes the whole solution;
/// it needs `solution`, so facts with a revoked vendor are not facts to it and its door closes.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq, Hash)]
pub struct Revocation {
    /// `<vendor namespace>/<Solution name>`; absent when a vendor is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub solution: Option<String>,
    /// The vendor's namespace: everything in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// All versions when absent.
    pub version: Option<String>,
    /// All credentials when absent.
    pub credential: Option<String>,
    /// INPE; all establishments when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub establishment: Option<String>,
}

impl Revocation {
    /// Of a product with all its versions.
    pub fn of_solution(solution: impl Into<String>) -> Self {
        Self {
            solution: Some(solution.into()),
            vendor: None,
            version: None,
            credential: None,
            establishment: None,
        }
    }

    /// Of everything in a vendor's namespace.
    pub fn of_vendor(namespace: impl Into<String>) -> Self {
        Self {
            vendor: Some(namespace.into()),
            solution: None,
            version: None,
            credential: None,
            establishment: None,
        }
    }

    /// The namespace in which alone it can close something; `None`: anywhere.
    pub fn namespace(&self) -> Option<&str> {
        match (&self.solution, &self.vendor) {
            (Some(solution), None) => solution.split_once('/').map(|(namespace, _)| namespace),
            (None, Some(vendor)) => Some(vendor),
            _ => None,
        }
    }

    /// Whether it closes a credential. One that names neither solution nor vendor is not understood, and closes every one.
    pub fn closes(&self, credential: &Credential) -> bool {
        let product = match (&self.solution, &self.vendor) {
            (None, None) => true,
            (Some(solution), None) => *solution == credential.solution,
            (None, Some(vendor)) => *vendor == credential.namespace(),
            (Some(solution), Some(vendor)) => {
                *solution == credential.solution || *vendor == credential.namespace()
            }
        };
        let is = |named: &Option<String>, own: &str| named.as_deref().is_none_or(|named| named == own);
        product
            && is(&self.version, &credential.version)
            && is(
                &self.establishment,
                credential.establishment.as_deref().unwrap_or_default(),
            )
            && self
                .credential
                .as_deref()
                .is_none_or(|name| credential.is_named(name))
    }
}

impl Credential {
    /// The vendor's namespace.
    pub fn namespace(&self) -> &str {
        self.name.split_once('/').map_or("", |(namespace, _)| namespace)
    }

    /// By its name in full (`<namespace>/<name>`) or in its namespace.
    fn is_named(&self, name: &str) -> bool {
        name == self.name
            || (!name.contains('/') && self.name.rsplit_once('/').is_some_and(|(_, last)| last == name))
    }
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
