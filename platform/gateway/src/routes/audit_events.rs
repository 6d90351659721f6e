//! `GET /fhir/AuditEvent?patient=` and `POST …/_search`: the patient's trail as FHIR (ITI-81).
//!
//! A reading of the same entries as `GET /dmp/v1/trail`, which carries the proofs. The shape follows the Basic Audit
//! Log Patterns (BALP): who, why, through which software, to what, with what outcome.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use dmp_client::audit::{Event, EventKind, TrailAnswer, TrailEntry};
use dmp_core::ids::PatientId;
use http::{HeaderMap, StatusCode, Uri};
use serde_json::{Value, json};

use super::params::{self, Parameters};
use crate::edge::body;
use crate::edge::person::Person;
use crate::failure::{Failure, outcome};
use crate::resources::{respond, searchset};
use crate::state::Gateway;

/// From the URL.
pub async fn search(State(gateway): State<Gateway>, person: Person, uri: Uri) -> Result<Response, Failure> {
    find(&gateway, &person, params::of_query(&uri)).await
}

/// From a form.
pub async fn search_form(
    State(gateway): State<Gateway>,
    person: Person,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let form = body::read_form(&gateway, &headers, body).await?;
    find(&gateway, &person, params::of_form(&form.bytes)).await
}

async fn find(gateway: &Gateway, person: &Person, parameters: Parameters) -> Result<Response, Failure> {
    let own = person.patient()?;
    let (asked, others) = params::patient(gateway, &person.call(), parameters).await?;
    if asked != own {
        return Err(Failure::Refused);
    }
    params::none_left(&others)?;
    let bytes = gateway.upstream.trail(&person.call(), own).await?;
    let trail: TrailAnswer = serde_json::from_slice(&bytes).map_err(|_| unreadable())?;
    let events = trail
        .entries
        .iter()
        .map(|entry| audit_event(entry, own))
        .collect::<Result<Vec<_>, _>>()?;
    let behind = trail.behind.iter().map(|log| {
        let text = format!("the newest events of `{log}` could not be read yet");
        outcome("warning", "incomplete", "part-unavailable", &text)
    });
    let bundle = searchset(&gateway.fhir_base, "AuditEvent", events, behind.collect());
    Ok(respond(StatusCode::OK, &bundle))
}

fn unreadable() -> Failure {
    tracing::error!("the trail is not understood");
    Failure::Internal
}

/// One entry as AuditEvent; the pseudonym inside the event stays inside.
fn audit_event(entry: &TrailEntry, patient: PatientId) -> Result<Value, Failure> {
    let event: Event = serde_json::from_str(&entry.event).map_err(|_| unreadable())?;
    let (action, interaction) = match event.kind {
        EventKind::Write => ("C", "transaction"),
        EventKind::Read => ("R", "read"),
        EventKind::Search | EventKind::Refusal => ("E", "search-type"),
        EventKind::Consent | EventKind::Feed => ("U", "update"),
    };
    let permitted = event.outcome == "permitted";
    let patient = format!("Patient/{}", patient.as_uuid());
    let person = if event.who == "patient" {
        json!({ "reference": patient })
    } else {
        let mut who = json!({ "identifier": { "system": dmp_fhir::systems::INPE, "value": event.who } });
        if let (Some(display), Some(who)) = (&event.who_display, who.as_object_mut()) {
            who.insert("display".to_owned(), display.as_str().into());
        }
        who
    };
    let mut entities = vec![json!({
        "what": { "reference": patient },
        "type": { "system": "http://terminology.hl7.org/CodeSystem/audit-entity-type", "code": "1", "display": "Person" },
        "role": { "system": "http://terminology.hl7.org/CodeSystem/object-role", "code": "1", "display": "Patient" },
    })];
    if let Some(id) = &event.resource_id {
        entities.push(json!({
            "what": { "reference": format!("{}/{id}", event.resource) },
            "type": { "system": "http://terminology.hl7.org/CodeSystem/audit-entity-type", "code": "2", "display": "System Object" },
            "role": { "system": "http://terminology.hl7.org/CodeSystem/object-role", "code": "4", "display": "Domain Resource" },
        }));
    }
    entities.push(json!({
        "what": { "identifier": { "value": event.correlation } },
        "type": { "system": "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType", "code": "XrequestId" },
    }));
    let mut requestor = json!({
        "type": { "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "code": "IRCP" }] },
        "who": person,
        "requestor": true,
        "purposeOfUse": [{ "coding": [{ "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": event.purpose }] }],
    });
    if let (Some(inpe), Some(requestor)) = (&event.establishment, requestor.as_object_mut()) {
        // the establishment the person acted for
        requestor.insert("altId".to_owned(), inpe.as_str().into());
    }
    Ok(json!({
        "resourceType": "AuditEvent",
        "id": id(entry),
        "type": { "system": "http://terminology.hl7.org/CodeSystem/audit-event-type", "code": "rest" },
        "subtype": [{ "system": "http://hl7.org/fhir/restful-interaction", "code": interaction }],
        "action": action,
        "recorded": event.at.to_string(),
        "outcome": if permitted { "0" } else { "4" },
        "outcomeDesc": event.outcome,
        "agent": [
            requestor,
            {
                "type": { "coding": [{ "system": "http://dicom.nema.org/resources/ontology/DCM", "code": "110153", "display": "Source Role ID" }] },
                "who": { "display": event.software },
                "requestor": false,
            },
        ],
        "source": {
            "site": entry.log,
            "observer": { "display": entry.log },
        },
        "entity": entities,
    }))
}

/// Stable and opaque: the log (8 hex digits of SHA-256 of its origin) and the index in it.
fn id(entry: &TrailEntry) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, entry.log.as_bytes());
    format!(
        "{}-{}",
        hex::encode(digest.as_ref().get(..4).unwrap_or_default()),
        entry.index
    )
}
