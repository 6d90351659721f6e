//! `POST /v1/facts`: opposition and care relation for one decision of a record store.
//!
//! Not logged here: the record store logs the access that the facts are for.

use axum::extract::State;
use dmp_client::consent::{FactsAnswer, FactsRequest};
use dmp_core::json::Json;
use dmp_core::problem::Problem;

use crate::app::App;
use crate::store;

pub(crate) async fn facts(
    State(app): State<App>,
    Json(request): Json<FactsRequest>,
) -> Result<Json<FactsAnswer>, Problem> {
    let professional = request.professional.map(|inpe| app.professional(&inpe));
    Ok(Json(
        store::facts::read(&app.pool, request.patient, professional).await?,
    ))
}
