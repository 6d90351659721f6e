//! `POST /v1/kept`: how far back the copy of a log reaches, for the operator, which leaves it where the platform's controls are
//! checked. `null`: there is no copy.

use axum::extract::State as FromState;
use dmp_client::kept::{Answer, Question};
use dmp_core::json::Json;
use dmp_core::problem::Problem;

use super::State;

pub async fn handler(
    FromState(state): FromState<State>,
    Json(question): Json<Question>,
) -> Result<Json<Option<Answer>>, Problem> {
    let answered = state.kept.of(&question).await;
    answered
        .map(Json)
        .map_err(|error| Problem::unavailable("audit-unavailable", &error))
}
