//! The six steps, one file each, in the order of the demonstration.

pub mod oppose;
pub mod publish;
pub mod read;
pub mod revoke;
pub mod search;
pub mod trail;

use serde_json::{Value, json};

use super::fixtures::INPE;
use super::gateway::Reply;

/// An answer in a few words.
fn answered(reply: &Result<Reply, reqwest::Error>) -> String {
    match reply {
        Ok(reply) => reply.summary(),
        Err(error) if error.is_timeout() => "pas de réponse".to_owned(),
        Err(_) => "connexion refusée".to_owned(),
    }
}

/// Whether it is the one refusal that all refusals are.
fn refused(reply: &Result<Reply, reqwest::Error>) -> bool {
    matches!(reply, Ok(reply) if reply.status.as_u16() == 403 && reply.code() == "access-refused")
}

/// A Consent that lets one professional in (PCF, explicit basic).
pub fn care_relation(patient: &str, inpe: &str, now: jiff::Timestamp) -> Value {
    let end = now + jiff::SignedDuration::from_hours(24 * 30);
    consent(
        patient,
        now,
        json!({
            "type": "permit",
            "period": { "start": now.to_string(), "end": end.to_string() },
            "actor": [{
                "role": { "coding": [{
                    "system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "PRCP",
                }] },
                "reference": { "type": "Practitioner", "identifier": { "system": INPE, "value": inpe } },
            }],
        }),
    )
}

/// A Consent that lets nobody in.
pub fn opposition(patient: &str, now: jiff::Timestamp) -> Value {
    consent(patient, now, json!({ "type": "deny" }))
}

fn consent(patient: &str, now: jiff::Timestamp, provision: Value) -> Value {
    json!({
        "resourceType": "Consent",
        "status": "active",
        "scope": { "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy",
        }] },
        "category": [{ "coding": [{ "system": "http://loinc.org", "code": "59284-0" }] }],
        "patient": { "reference": format!("Patient/{patient}") },
        "dateTime": now.to_string(),
        "policyRule": { "coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "OPTIN",
        }] },
        "provision": provision,
    })
}
