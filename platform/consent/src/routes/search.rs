//! `POST /v1/consents/search`: the patient's own Consents, newest versions.

use axum::extract::State;
use dmp_client::audit::{Event, EventKind};
use dmp_client::consent::{SearchAnswer, SearchRequest};
use dmp_core::auth::Caller;
use dmp_core::correlation::Correlation;
use dmp_core::json::Json;
use dmp_core::problem::Problem;

use crate::app::App;
use crate::patient;
use crate::store::{StoreError, consents};

/// Answered after its log entry is durable.
pub(crate) async fn search(
    State(app): State<App>,
    Caller(claims): Caller,
    correlation: Correlation,
    Json(request): Json<SearchRequest>,
) -> Result<Json<SearchAnswer>, Problem> {
    let who = patient::own(&app, &claims, request.patient, correlation).await?;
    let consents = consents::all(&app.pool, &app.kek, who.own).await?;
    let event = Event::by(
        &claims,
        EventKind::Search,
        Some(who.audit),
        "Consent",
        "permitted",
        correlation,
    );
    app.log.append_now(&event).await.map_err(StoreError::from)?;
    Ok(Json(SearchAnswer { consents }))
}
