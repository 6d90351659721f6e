//! `POST /v1/trail`: who did what with a patient's data. For the patient alone; the reading is itself in the log.

use std::time::Duration;

use axum::extract::State as FromState;
use dmp_client::audit::{Event, EventKind, TrailAnswer, TrailRequest};
use dmp_core::auth::Caller;
use dmp_core::correlation::Correlation;
use dmp_core::ids::Pseudonym;
use dmp_core::json::Json;
use dmp_core::problem::Problem;
use dmp_core::token::{Claims, Person};
use jiff::Timestamp;

use super::State;

/// How long the newest entries of all logs are waited for.
const FRESH: Duration = Duration::from_secs(2);

pub async fn handler(
    FromState(state): FromState<State>,
    correlation: Correlation,
    Caller(claims): Caller,
    Json(request): Json<TrailRequest>,
) -> Result<Json<TrailAnswer>, Problem> {
    let own = matches!(&claims.person, Person::Patient { id } if *id == request.patient);
    let patient = state
        .registry
        .resolve(request.patient, claims.realm.as_deref(), correlation)
        .await
        .map_err(|error| Problem::unavailable("registry-unavailable", &error))?;
    let (kind, outcome) = match patient {
        Some(_) if own => (EventKind::Read, "permitted"),
        Some(_) => (EventKind::Refusal, "not-the-patient"),
        None => (EventKind::Refusal, "unknown-patient"),
    };
    let event = event(&claims, correlation, patient, kind, outcome);
    state
        .log
        .append_now(&event)
        .await
        .map_err(|error| Problem::unavailable("audit-unavailable", &error))?;
    let Some(patient) = patient.filter(|_| own) else {
        return Err(Problem::access_refused());
    };
    let behind = state.sources.refresh_all(FRESH).await;
    let entries = state
        .trail
        .of(&patient)
        .await
        .map_err(|error| Problem::unavailable("trail-unavailable", &error))?;
    Ok(Json(TrailAnswer { entries, behind }))
}

fn event(
    claims: &Claims,
    correlation: Correlation,
    patient: Option<Pseudonym>,
    kind: EventKind,
    outcome: &str,
) -> Event {
    let who = match &claims.person {
        Person::Professional { inpe, .. } => inpe.clone(),
        Person::Patient { .. } => "patient".to_owned(),
        Person::Directory => "directory".to_owned(),
    };
    Event {
        kind,
        at: Timestamp::now(),
        patient,
        who,
        who_display: claims.display.clone(),
        establishment: claims.establishment.clone(),
        purpose: claims.purpose.clone(),
        software: format!("{} {}", claims.solution, claims.version),
        resource: "Trail".to_owned(),
        resource_id: None,
        outcome: outcome.to_owned(),
        correlation: correlation.to_string(),
    }
}
