//! `POST /v1/patients/feed`: PIXm Patient Identity Feed (ITI-104), create or update by identifier.
//!
//! Every identifier of the Patient is indexed. Those known already must all be of one patient; then she is updated,
//! else created. All of it, and the log entry, is one transaction under the locks of all these identifiers.

use axum::extract::State;
use dmp_client::audit::EventKind;
use dmp_client::registry::{FeedAnswer, FeedRequest};
use dmp_core::auth::Caller;
use dmp_core::correlation::Correlation;
use dmp_core::ids::{Identifier, PatientId};
use dmp_core::json::Json;
use dmp_core::problem::Problem;
use dmp_core::token::Person;
use dmp_fhir::IssueType;
use dmp_fhir::patient::Patient;
use http::StatusCode;
use jiff::Timestamp;
use serde_json::Value;

use crate::act::Act;
use crate::app::App;
use crate::identifiers::{self, Token};
use crate::realm::Realm;
use crate::store::{StoreError, patients, pseudonyms};
use crate::update;

pub(crate) async fn feed(
    State(app): State<App>,
    Caller(claims): Caller,
    correlation: Correlation,
    Json(request): Json<FeedRequest>,
) -> Result<Json<FeedAnswer>, Problem> {
    let act = Act {
        app: &app,
        claims: &claims,
        correlation,
        resource: "Patient",
    };
    if !matches!(claims.person, Person::Professional { .. }) {
        return Err(act.refuse(None, "profession").await);
    }
    let realm = Realm::of_token(&claims)?;
    let tokens = tokens(&app, realm, &request.identifier, &request.patient)?;

    let mut tx = app.pool.begin().await.map_err(StoreError::from)?;
    patients::lock_identifiers(&mut tx, &tokens).await?;
    let at = Timestamp::now();
    let (id, key, created, patient) = match patients::owners(&mut tx, &tokens).await?.as_slice() {
        [] => {
            let id = PatientId::random();
            let patient = update::stamp(request.patient, id, 1, at);
            let key = patients::create(&mut tx, &app.kek, realm, id, &patient, at).await?;
            (id, key, true, patient)
        }
        [id] => {
            let old = patients::lock(&mut tx, &app.kek, *id).await?;
            let new = update::merged(request.patient, &old.resource);
            if update::same(&new, &old.resource) {
                (*id, old.key, false, old.resource)
            } else {
                let version = old.version.saturating_add(1);
                let new = update::stamp(new, *id, version, at);
                patients::replace(&mut tx, &old, version, &new, at).await?;
                (*id, old.key, false, new)
            }
        }
        _ => return Err(of_several()),
    };
    patients::index(&mut tx, id, &tokens).await?;
    let audit = pseudonyms::create(&mut tx, &key, id, pseudonyms::AUDIT).await?;
    let event = act
        .event(EventKind::Feed, Some(audit), "permitted")
        .about(id.as_uuid());
    app.log.append(&mut tx, &event).await.map_err(StoreError::from)?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(Json(FeedAnswer { id, created, patient }))
}

/// What the identifiers of a Patient are looked up by; the one of the request is among them.
///
/// # Errors
/// 400 or 422, what is wrong with the Patient or its identifiers.
pub(super) fn tokens(
    app: &App,
    realm: Realm<'_>,
    identifier: &Identifier,
    patient: &Value,
) -> Result<Vec<Token>, Problem> {
    let named = identifiers::of_request(&app.index, realm, identifier)?;
    let patient = Patient::parse(patient).map_err(|error| invalid(&error))?;
    let tokens = identifiers::of_patient(&app.index, realm, &patient);
    if tokens.contains(&named) {
        Ok(tokens)
    } else {
        Err(unprocessable(
            "identifier-not-in-patient",
            "the Patient must carry the identifier of the request",
        ))
    }
}

pub(super) fn of_several() -> Problem {
    Problem::conflict(
        "identifier-belongs-to-another-patient",
        "the identifiers of the Patient belong to several patients: nothing was written",
    )
}

fn unprocessable(code: &'static str, title: &'static str) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, code, title)
}

fn invalid(error: &dmp_fhir::FhirError) -> Problem {
    let status = match error.issue() {
        IssueType::Structure => StatusCode::BAD_REQUEST,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    };
    Problem::new(status, error.code(), "the Patient is not acceptable").with_detail(error.to_string())
}
