//! `POST /v1/consents`: a new Consent by the patient (PCF ITI-108).

use axum::extract::State;
use dmp_client::audit::{Event, EventKind};
use dmp_client::consent::{RecordAnswer, RecordRequest};
use dmp_core::auth::Caller;
use dmp_core::correlation::Correlation;
use dmp_core::json::Json;
use dmp_core::problem::Problem;
use uuid::Uuid;

use crate::app::App;
use crate::patient;
use crate::store::StoreError;
use crate::store::consents::{self, Version};
use crate::term::{Change, Term};

/// The answer is the acknowledgement: it leaves after the commit.
pub(crate) async fn record(
    State(app): State<App>,
    Caller(claims): Caller,
    correlation: Correlation,
    Json(request): Json<RecordRequest>,
) -> Result<Json<RecordAnswer>, Problem> {
    let who = patient::own(&app, &claims, request.patient, correlation).await?;
    let mut tx = app.pool.begin().await.map_err(StoreError::from)?;
    let locked = consents::lock(&mut tx, &app.kek, who.own).await?;
    let term = Term::read(&request.consent, request.patient, Change::New, locked.now)?;
    let id = Uuid::new_v4();
    let consent = term.stamp(request.consent, id, 1, locked.now);
    let professional = term.inpe.as_deref().map(|inpe| app.professional(inpe));
    let version = Version {
        id,
        version: 1,
        term: &term,
        professional,
        resource: &consent,
    };
    consents::write(&mut tx, who.own, &locked, &version).await?;
    let event = Event::by(
        &claims,
        EventKind::Consent,
        Some(who.audit),
        "Consent",
        "permitted",
        correlation,
    )
    .about(id);
    app.log.append(&mut tx, &event).await.map_err(StoreError::from)?;
    tx.commit().await.map_err(StoreError::from)?;
    Ok(Json(RecordAnswer { consent }))
}
