//! `POST /v1/identify`: which of a group's patients are behind pseudonyms of the audit domain, for those who must be told of an incident.
//!
//! For audit alone, which has recorded who asks. Whose record the group does not hold is nobody here.

use axum::extract::State;
use dmp_client::registry::{IdentifyAnswer, IdentifyRequest, MOST_IDENTIFIED};
use dmp_core::json::Json;
use dmp_core::problem::Problem;
use http::StatusCode;

use crate::app::App;
use crate::store::identities;

pub(crate) async fn identify(
    State(app): State<App>,
    Json(request): Json<IdentifyRequest>,
) -> Result<Json<IdentifyAnswer>, Problem> {
    if request.patients.len() > MOST_IDENTIFIED {
        return Err(Problem::bad_request(
            "too-many-patients",
            format!("at most {MOST_IDENTIFIED} patients at once"),
        ));
    }
    // What came in since the last look; all that was there before takes longer, and is not waited for.
    identities::index_some(&app.pool, &app.kek, &app.index).await?;
    if !identities::all_indexed(&app.pool).await? {
        return Err(Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "pseudonyms-not-indexed",
            "patients cannot be named yet: ask again in some minutes",
        ));
    }
    let patients = identities::of_group(&app.pool, &app.index, &request.group, &request.patients).await?;
    Ok(Json(IdentifyAnswer { patients }))
}
