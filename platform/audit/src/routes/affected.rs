//! `POST /v1/affected`: whose records, of those that a group keeps, software or a person touched. The portal asks, for who may; each asking
//! is in the log before it is answered.

use std::time::Duration;

use axum::extract::State as FromState;
use dmp_client::affected::{Answer, Question};
use dmp_core::correlation::Correlation;
use dmp_core::json::Json;
use dmp_core::peer::Peer;
use dmp_core::problem::Problem;
use jiff::Timestamp;

use super::State;
use crate::acts::ActError;
use crate::affected::AffectedError;

/// How long the newest entries are waited for.
const FRESH: Duration = Duration::from_secs(2);

pub async fn handler(
    FromState(state): FromState<State>,
    correlation: Correlation,
    peer: Peer,
    Json(question): Json<Question>,
) -> Result<Json<Answer>, Problem> {
    let (namespace, account) = peer.spiffe.as_service().ok_or_else(Problem::peer_not_allowed)?;
    question.check(Timestamp::now()).map_err(|invalid| {
        Problem::bad_request(invalid.code(), "this cannot be asked").with_detail(invalid.to_string())
    })?;
    let behind = state.sources.refresh_all(FRESH).await;
    let behind = behind.contains(&state.affected.origin(&question));
    let by = format!("{namespace}/{account}");
    let answered = state.affected.answer(&by, &question, behind, correlation).await;
    answered.map(Json).map_err(|error| problem(&error))
}

fn problem(error: &AffectedError) -> Problem {
    match error {
        AffectedError::UnknownGroup => Problem::not_found("unknown-group", "there is no log of this group"),
        AffectedError::NotReady { .. } => Problem::conflict(
            "access-index-not-ready",
            "the log is not indexed by who did it yet: ask again later",
        )
        .with_detail(error.to_string()),
        AffectedError::Registry(_) => Problem::unavailable("registry-unavailable", error),
        AffectedError::Act(ActError::Database(_) | ActError::Log(_)) => {
            Problem::unavailable("audit-unavailable", error)
        }
        AffectedError::Database(_) | AffectedError::Body(_) => {
            Problem::unavailable("affected-unavailable", error)
        }
        AffectedError::NoPatient | AffectedError::After(_) | AffectedError::Act(_) => {
            Problem::internal(error)
        }
    }
}
