//! Consent: opposition and care relations, as FHIR Consent outside and as facts for the decision inside.

use dmp_core::ids::{PatientId, Pseudonym};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `POST /v1/facts`: what the decision about one read or write needs. Never cached.
#[derive(Serialize, Deserialize)]
pub struct FactsRequest {
    /// The patient's pseudonym in the consent domain.
    pub patient: Pseudonym,
    /// INPE of the professional who asks; absent when the patient asks.
    pub professional: Option<String>,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct FactsAnswer {
    pub opposed: bool,
    /// The end of the care relation between patient and professional, if one is in force.
    pub care_relation_until: Option<Timestamp>,
    /// Number of the last change the store had seen; acknowledged changes have a number not above it.
    pub version: i64,
}

/// `POST /v1/consents`: a FHIR R4 Consent by the patient (token of the patient).
///
/// Two shapes are understood: opposition (`provision.type = deny`, no actor) and care relation
/// (`provision.type = permit`, one `provision.actor` with the professional's INPE, optional period of at most 90 days).
#[derive(Serialize, Deserialize)]
pub struct RecordRequest {
    pub patient: PatientId,
    pub consent: Value,
}

/// `POST /v1/consents/update`: same body with the id; `status: inactive` lifts it.
#[derive(Serialize, Deserialize)]
pub struct UpdateRequest {
    pub patient: PatientId,
    pub id: String,
    pub consent: Value,
}

/// The Consent as stored, with its id: the acknowledgement. From here on every decision sees it.
#[derive(Serialize, Deserialize)]
pub struct RecordAnswer {
    pub consent: Value,
}

/// `POST /v1/consents/search`.
#[derive(Serialize, Deserialize)]
pub struct SearchRequest {
    pub patient: PatientId,
}

#[derive(Serialize, Deserialize)]
pub struct SearchAnswer {
    pub consents: Vec<Value>,
}
