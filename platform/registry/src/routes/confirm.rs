//! `POST /v1/directory/confirm`: professional and establishment are active and belong together, for the token service.

use axum::extract::State;
use dmp_client::registry::{ConfirmAnswer, ConfirmRequest};
use dmp_core::json::Json;
use dmp_core::problem::Problem;

use crate::app::App;
use crate::realm::Realm;
use crate::store::directory;

pub(crate) async fn confirm(
    State(app): State<App>,
    Json(request): Json<ConfirmRequest>,
) -> Result<Json<ConfirmAnswer>, Problem> {
    let realm = Realm::of(request.realm.as_deref())?;
    Ok(Json(
        directory::confirm(&app.pool, realm, &request.inpe, &request.establishment).await?,
    ))
}
