//! `POST /v1/patients/by-identifier`: which patient a log-in or a reference speaks of. For the gateway alone; it tells
//! nobody, so it is not logged: what follows from it is.

use axum::extract::State;
use dmp_client::registry::{ByIdentifierAnswer, ByIdentifierRequest};
use dmp_core::json::Json;
use dmp_core::problem::Problem;

use crate::app::App;
use crate::identifiers;
use crate::realm::Realm;
use crate::store::patients;

pub(crate) async fn by_identifier(
    State(app): State<App>,
    Json(request): Json<ByIdentifierRequest>,
) -> Result<Json<ByIdentifierAnswer>, Problem> {
    let realm = Realm::of(request.realm.as_deref())?;
    let token = identifiers::of_request(&app.index, realm, &request.identifier)?;
    Ok(Json(ByIdentifierAnswer {
        patient: patients::id_of(&app.pool, &token).await?,
    }))
}
