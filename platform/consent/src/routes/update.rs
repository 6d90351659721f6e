//! `POST /v1/consents/update`: a new version of a Consent; `status: inactive` lifts it.

use axum::extract::State;
use dmp_client::audit::{Event, EventKind};
use dmp_client::consent::{RecordAnswer, UpdateRequest};
use dmp_core::auth::Caller;
use dmp_core::correlation::Correlation;
use dmp_core::json::Json;
use dmp_core::problem::Problem;
use http::StatusCode;
use uuid::Uuid;

use crate::app::App;
use crate::patient;
use crate::store::StoreError;
use crate::store::consents::{self, Version};
use crate::term::{Change, Term};

/// A Consent keeps what it is about: its kind and its professional. Another one is another Consent.
pub(crate) async fn update(
    State(app): State<App>,
    Caller(claims): Caller,
    correlation: Correlation,
    Json(request): Json<UpdateRequest>,
) -> Result<Json<RecordAnswer>, Problem> {
    let who = patient::own(&app, &claims, request.patient, correlation).await?;
    let mut tx = app.pool.begin().await.map_err(StoreError::from)?;
    let locked = consents::lock(&mut tx, &app.kek, who.own).await?;
    let id: Option<Uuid> = request.id.parse().ok();
    let current = match id {
        Some(id) => consents::current(&mut tx, who.own, id)
            .await?
            .map(|current| (id, current)),
        None => None,
    };
    let Some((id, current)) = current else {
        drop(tx);
        return Err(patient::refuse(&app, &claims, Some(who), "unknown-consent", correlation).await);
    };
    let term = Term::read(&request.consent, request.patient, Change::Update(id), locked.now)?;
    let professional = term.inpe.as_deref().map(|inpe| app.professional(inpe));
    if professional.map(|token| token.to_vec()) != current.professional {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "consent-changed-subject",
            "an update keeps the kind of the Consent and its professional",
        ));
    }
    let number = current.version.saturating_add(1);
    let consent = term.stamp(request.consent, id, number, locked.now);
    let version = Version {
        id,
        version: number,
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
