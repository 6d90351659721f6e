//! `POST /v1/locator`: the groups that hold something of a patient, for the gateway.

use axum::extract::State;
use dmp_client::registry::{LocatorAnswer, LocatorRequest};
use dmp_core::json::Json;
use dmp_core::problem::Problem;

use crate::app::App;
use crate::realm::Realm;
use crate::store::locator;

/// None for an unknown patient: the record stores decide and log what follows.
pub(crate) async fn locate(
    State(app): State<App>,
    Json(request): Json<LocatorRequest>,
) -> Result<Json<LocatorAnswer>, Problem> {
    let realm = Realm::of(request.realm.as_deref())?;
    Ok(Json(LocatorAnswer {
        groups: locator::groups(&app.pool, realm, request.patient).await?,
    }))
}
