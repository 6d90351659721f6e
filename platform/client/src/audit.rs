//! Audit: events, log pages, and the patient's trail with its proofs.

use dmp_core::ids::{PatientId, Pseudonym};
use dmp_core::token::{Claims, Person};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What can be an entry of a log: its JSON is the committed content.
pub trait Record: Serialize + Sync {
    /// The leaf's time.
    fn at(&self) -> Timestamp;
    /// The leaf's kind; the same word is the JSON's `kind`.
    fn kind(&self) -> &'static str;
}

impl Record for Event {
    fn at(&self) -> Timestamp {
        self.at
    }

    fn kind(&self) -> &'static str {
        self.kind.as_str()
    }
}

/// What a service says of something that happened to a patient's data. It becomes the leaf's committed content.
#[derive(Clone, Serialize, Deserialize)]
pub struct Event {
    /// `write`, `read`, `search`, `refusal`, `consent`, `feed`.
    pub kind: EventKind,
    pub at: Timestamp,
    /// The patient in the audit domain; absent when no patient was found.
    pub patient: Option<Pseudonym>,
    /// Who: the professional's INPE, or `patient`.
    pub who: String,
    /// Name for the trail, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who_display: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub establishment: Option<String>,
    /// Why: HL7 v3 PurposeOfUse.
    pub purpose: String,
    /// Through which software: `<solution> <version>`.
    pub software: String,
    /// What: `DocumentReference`, `Binary`, `Patient`, `Consent`…
    pub resource: String,
    /// Public id of the resource, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<String>,
    /// `permitted`, or why it was refused (`no-care-relation`, `opposition`, `unknown-patient`, `profession`…).
    pub outcome: String,
    pub correlation: String,
}

impl Event {
    /// What the bearer of a token did: who, why and through which software come from its verified claims.
    /// `patient` is the pseudonym in the audit domain, `resource` a FHIR resource type.
    pub fn by(
        claims: &Claims,
        kind: EventKind,
        patient: Option<Pseudonym>,
        resource: &str,
        outcome: &str,
        correlation: impl std::fmt::Display,
    ) -> Self {
        Self {
            kind,
            at: Timestamp::now(),
            patient,
            who: match &claims.person {
                Person::Professional { inpe, .. } => inpe.clone(),
                Person::Patient { .. } => "patient".to_owned(),
                Person::Directory => "directory".to_owned(),
            },
            who_display: claims.display.clone(),
            establishment: claims.establishment.clone(),
            purpose: claims.purpose.clone(),
            software: format!("{} {}", claims.solution, claims.version),
            resource: resource.to_owned(),
            resource_id: None,
            outcome: outcome.to_owned(),
            correlation: correlation.to_string(),
        }
    }

    /// The same with the public id of the resource.
    #[must_use]
    pub fn about(mut self, resource_id: impl std::fmt::Display) -> Self {
        self.resource_id = Some(resource_id.to_string());
        self
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    Write,
    Read,
    Search,
    Refusal,
    Consent,
    Feed,
}

impl EventKind {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Read => "read",
            Self::Search => "search",
            Self::Refusal => "refusal",
            Self::Consent => "consent",
            Self::Feed => "feed",
        }
    }
}

/// `GET /v1/log/checkpoint`: the signed note, text as C2SP tlog-checkpoint.
/// `GET /v1/log/entries?from=&limit=`: a page of sequenced entries.
#[derive(Serialize, Deserialize)]
pub struct LogPage {
    pub entries: Vec<LogEntry>,
    /// Data keys named by the entries, still wrapped (`vault:v…`).
    pub keys: Vec<WrappedKey>,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct LogEntry {
    pub index: u64,
    /// Leaf bytes: exactly what is hashed (UTF-8 JSON).
    pub leaf: String,
    /// salt ‖ event JSON, AES-256-GCM under data key `key`: nonce (12) ‖ ciphertext ‖ tag, base64.
    pub body: String,
    pub key: i64,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct WrappedKey {
    pub id: i64,
    /// OpenBao transit ciphertext under `audit-events`, context = log origin.
    pub wrapped: String,
}

/// `POST /v1/trail`: the patient's trail (token of the patient).
#[derive(Serialize, Deserialize)]
pub struct TrailRequest {
    pub patient: PatientId,
}

#[derive(Serialize, Deserialize)]
pub struct TrailAnswer {
    /// Newest last.
    pub entries: Vec<TrailEntry>,
    /// The logs whose newest entries could not be pulled, if any.
    pub behind: Vec<String>,
}

/// One event with its proof: the file that `dmp-verify` reads.
#[derive(Clone, Serialize, Deserialize)]
pub struct TrailEntry {
    /// Log origin, as in the checkpoint.
    pub log: String,
    pub index: u64,
    pub leaf: String,
    /// The event exactly as committed (JSON text).
    pub event: String,
    /// base64, 32 bytes.
    pub salt: String,
    /// Inclusion proof (RFC 6962), base64 SHA-256 hashes, leaf to root.
    pub proof: Vec<String>,
    /// The signed checkpoint the proof leads to (C2SP signed-note text).
    pub checkpoint: String,
}
