//! `POST /v1/sandbox/population`: the invented people of one sandbox, from the portal. Never the nation's.
//!
//! All of it or nothing. Patients who are there already stay as they are, whatever happened to them since; the directory's
//! entries become what the request says. Nobody's token comes with it: the portal itself is in the log.

use axum::extract::State;
use dmp_client::audit::{Event, EventKind};
use dmp_client::registry::{PopulationAnswer, PopulationProfessional, PopulationRequest};
use dmp_core::correlation::Correlation;
use dmp_core::ids::{PatientId, Pseudonym};
use dmp_core::json::Json;
use dmp_core::problem::Problem;
use dmp_fhir::systems;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::directory::Published;
use super::feed;
use crate::app::App;
use crate::realm::Realm;
use crate::store::{StoreError, patients, pseudonyms};
use crate::update;

pub(crate) async fn population(
    State(app): State<App>,
    correlation: Correlation,
    Json(request): Json<PopulationRequest>,
) -> Result<Json<PopulationAnswer>, Problem> {
    let realm = Realm::sandbox(&request.realm)?;
    let published = Published::read(&directory(&request))?;
    let mut people = Vec::with_capacity(request.patients.len());
    for person in &request.patients {
        let tokens = feed::tokens(&app, realm, &person.identifier, &person.patient)?;
        people.push((tokens, &person.patient));
    }

    let mut tx = app.pool.begin().await.map_err(StoreError::from)?;
    let all: Vec<_> = people.iter().flat_map(|(tokens, _)| tokens).copied().collect();
    patients::lock_identifiers(&mut tx, &all).await?;
    let at = Timestamp::now();
    let (mut ids, mut created) = (Vec::with_capacity(people.len()), 0);
    let mut events = vec![event(
        &request,
        EventKind::Write,
        None,
        "PractitionerRole",
        correlation,
    )];
    for (tokens, patient) in people {
        match patients::owners(&mut tx, &tokens).await?.as_slice() {
            [] => {
                let id = PatientId::random();
                let patient = update::stamp(patient.clone(), id, 1, at);
                let key = patients::create(&mut tx, &app.kek, realm, id, &patient, at).await?;
                patients::index(&mut tx, id, &tokens).await?;
                let audit = pseudonyms::create(&mut tx, &key, id, pseudonyms::AUDIT).await?;
                let fed = event(&request, EventKind::Feed, Some(audit), "Patient", correlation);
                events.push(fed.about(id.as_uuid()));
                ids.push(id);
                created += 1;
            }
            [id] => ids.push(*id),
            _ => return Err(feed::of_several()),
        }
    }
    published.write(&mut tx, realm).await?;
    for event in &events {
        app.log.append(&mut tx, event).await.map_err(StoreError::from)?;
    }
    tx.commit().await.map_err(StoreError::from)?;
    Ok(Json(PopulationAnswer {
        patients: ids,
        created,
    }))
}

/// The establishment and who works there, as a directory source would publish them (mCSD).
fn directory(request: &PopulationRequest) -> Value {
    let establishment = &request.establishment;
    let mut entries = vec![entry(json!({
        "resourceType": "Organization",
        "identifier": [inpe(&establishment.inpe)],
        "active": true,
        "name": establishment.name,
    }))];
    for professional in &request.professionals {
        let PopulationProfessional {
            inpe: number,
            family,
            given,
            profession,
        } = professional;
        entries.push(entry(json!({
            "resourceType": "Practitioner",
            "identifier": [inpe(number)],
            "active": true,
            "name": [{ "family": family, "given": [given] }],
        })));
        entries.push(entry(json!({
            "resourceType": "PractitionerRole",
            "active": true,
            "practitioner": { "identifier": inpe(number) },
            "organization": { "identifier": inpe(&establishment.inpe) },
            "code": [{ "coding": [{ "system": systems::PROFESSION, "code": profession }] }],
        })));
    }
    json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries })
}

fn entry(resource: Value) -> Value {
    let kind = resource.get("resourceType").cloned().unwrap_or_default();
    json!({
        "fullUrl": uuid::Uuid::new_v4().urn().to_string(),
        "resource": resource,
        "request": { "method": "POST", "url": kind },
    })
}

fn inpe(number: &str) -> Value {
    json!({ "system": systems::INPE, "value": number })
}

fn event(
    request: &PopulationRequest,
    kind: EventKind,
    patient: Option<Pseudonym>,
    resource: &str,
    correlation: Correlation,
) -> Event {
    Event {
        kind,
        at: Timestamp::now(),
        patient,
        who: "portal".to_owned(),
        who_display: None,
        establishment: Some(request.establishment.inpe.clone()),
        purpose: "HSYSADMIN".to_owned(),
        software: "dmp portal".to_owned(),
        resource: resource.to_owned(),
        resource_id: None,
        outcome: "permitted".to_owned(),
        correlation: correlation.to_string(),
    }
}
