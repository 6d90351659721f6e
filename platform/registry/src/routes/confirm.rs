//! `POST /v1/directory/confirm`: professional and establishment are active and belong together, for the token service.

use axum::extract::State;
use dmp_client::registry::{ConfirmAnswer, ConfirmRequest};
use dmp_core::json::Json;
use dmp_core::problem::Problem;

use crate::app::App;
use crate::store::directory;

pub(crate) async fn confirm(
    State(app): State<App>,
    Json(request): Json<ConfirmRequest>,
) -> Result<Json<ConfirmAnswer>, Problem> {
    Ok(Json(
        directory::confirm(&app.pool, &request.inpe, &request.establishment).await?,
    ))
}
