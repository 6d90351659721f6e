//! `POST /v1/patients/search`: PDQm by identifier (ITI-78).
//!
//! A professional finds the patient or nobody; a patient finds herself, and learns nothing of any other identifier.

use axum::extract::State;
use dmp_client::audit::EventKind;
use dmp_client::registry::{SearchAnswer, SearchRequest};
use dmp_core::auth::Caller;
use dmp_core::correlation::Correlation;
use dmp_core::ids::{PatientId, Pseudonym};
use dmp_core::json::Json;
use dmp_core::problem::Problem;
use dmp_core::token::Person;

use crate::act::Act;
use crate::app::App;
use crate::identifiers;
use crate::realm::Realm;
use crate::store::patients::{self, Found};
use crate::store::{StoreError, pseudonyms};

/// Answered after its log entry is durable, also when nobody was found.
pub(crate) async fn search(
    State(app): State<App>,
    Caller(claims): Caller,
    correlation: Correlation,
    Json(request): Json<SearchRequest>,
) -> Result<Json<SearchAnswer>, Problem> {
    let act = Act {
        app: &app,
        claims: &claims,
        correlation,
        resource: "Patient",
    };
    if claims.person == Person::Directory {
        return Err(act.refuse(None, "profession").await);
    }
    let realm = Realm::of_token(&claims)?;
    let token = identifiers::of_request(&app.index, realm, &request.identifier)?;
    let found = patients::find(&app.pool, &app.kek, &token).await?;
    if let Person::Patient { id } = claims.person
        && found.as_ref().is_none_or(|found| found.patient.id != id)
    {
        // The attempt goes into the trail of the one who made it.
        let own = own_pseudonym(&app, realm, id).await?;
        return Err(act.refuse(own, "not-own-record").await);
    }
    let Some(found) = found else {
        act.log(&act.event(EventKind::Search, None, "unknown-patient"))
            .await?;
        return Ok(Json(SearchAnswer { patients: Vec::new() }));
    };
    let audit = audit_pseudonym(&app, &found).await?;
    let event = act
        .event(EventKind::Search, Some(audit), "permitted")
        .about(found.patient.id.as_uuid());
    act.log(&event).await?;
    Ok(Json(SearchAnswer {
        patients: vec![found.patient.resource],
    }))
}

async fn audit_pseudonym(app: &App, found: &Found) -> Result<Pseudonym, StoreError> {
    let patient = &found.patient;
    match &found.audit {
        Some(sealed) => pseudonyms::open(&patient.key, patient.id, pseudonyms::AUDIT, sealed),
        None => {
            let mut conn = app.pool.acquire().await?;
            pseudonyms::create(&mut conn, &patient.key, patient.id, pseudonyms::AUDIT).await
        }
    }
}

/// None when the token is of another realm than the patient.
async fn own_pseudonym(app: &App, realm: Realm<'_>, id: PatientId) -> Result<Option<Pseudonym>, StoreError> {
    let found = pseudonyms::resolve(&app.pool, &app.kek, realm, id, &[pseudonyms::AUDIT]).await?;
    Ok(found.and_then(|found| found.first().copied()))
}
