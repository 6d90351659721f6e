//! `POST /v1/acts`: what the portal and the operator did, or are about to do, into this service's log.

use axum::extract::State as FromState;
use dmp_client::acts::{Act, Receipt};
use dmp_core::correlation::Correlation;
use dmp_core::json::Json;
use dmp_core::peer::Peer;
use dmp_core::problem::Problem;

use super::State;
use crate::acts::ActError;

pub async fn handler(
    FromState(state): FromState<State>,
    correlation: Correlation,
    peer: Peer,
    Json(act): Json<Act>,
) -> Result<Json<Receipt>, Problem> {
    let (namespace, account) = peer.spiffe.as_service().ok_or_else(Problem::peer_not_allowed)?;
    let by = format!("{namespace}/{account}");
    let recorded = state.acts.record(&by, act, correlation).await;
    recorded.map(Json).map_err(|error| match error {
        ActError::Invalid(invalid) => {
            Problem::bad_request("act-invalid", "this is no act").with_detail(invalid.to_string())
        }
        ActError::Conflict => {
            tracing::error!(by, "other words under the id of an act");
            Problem::conflict("act-conflict", "other words have been recorded under this id")
        }
        error @ (ActError::Database(_) | ActError::Log(_)) => {
            Problem::unavailable("audit-unavailable", &error)
        }
        error @ ActError::Json(_) => Problem::internal(&error),
    })
}
