//! `POST /v1/locator/register`: the calling record store's group holds something of this patient.

use axum::extract::State;
use dmp_client::registry::{LocatorAnswer, LocatorRequest};
use dmp_core::json::Json;
use dmp_core::peer::CallingGroup;
use dmp_core::problem::Problem;

use crate::app::App;
use crate::realm::Realm;
use crate::store::locator;

/// The group is the caller's identity; nothing in the body can name another.
pub(crate) async fn register(
    State(app): State<App>,
    CallingGroup(group): CallingGroup,
    Json(request): Json<LocatorRequest>,
) -> Result<Json<LocatorAnswer>, Problem> {
    let realm = Realm::of(request.realm.as_deref())?;
    if locator::register(&app.pool, realm, request.patient, &group).await? {
        Ok(Json(LocatorAnswer { groups: vec![group] }))
    } else {
        Err(Problem::not_found("unknown-patient", "there is no such patient"))
    }
}
