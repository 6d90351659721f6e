//! What software asks of EST, through the gateway.

use std::time::Duration;

use axum::extract::State;
use dmp_client::est::{ReenrollAnswer, ReenrollRequest};
use dmp_core::json::Json;
use dmp_core::problem::Problem;

use crate::app::App;
use crate::cluster;
use crate::reenroll::reenroll;

/// How long a request waits for the operator; the gateway waits longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// `POST /v1/est/reenroll`. Of one credential two requests wait; a further one is told to come back.
pub(crate) async fn reenroll_software(
    State(app): State<App>,
    Json(request): Json<ReenrollRequest>,
) -> Result<Json<ReenrollAnswer>, Problem> {
    let Some(_place) = app.renewals.enter(&request.credential) else {
        tracing::info!(
            credential = request.credential,
            outcome = "two-wait-already",
            "renewal"
        );
        return Ok(Json(ReenrollAnswer::Pending));
    };
    let client = app.cluster.client()?;
    let answer = reenroll(&client, &request, PATIENCE).await;
    let answer = answer.map_err(|error| cluster::problem(&error))?;
    let outcome = match &answer {
        ReenrollAnswer::Issued { .. } => "issued",
        ReenrollAnswer::Pending => "pending",
        ReenrollAnswer::Refused { reason, .. } => reason,
    };
    tracing::info!(credential = request.credential, outcome, "renewal");
    Ok(Json(answer))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guichet::scene::app;

    #[tokio::test]
    async fn who_waits_twice_already_is_told_to_come_back_and_nothing_is_asked() {
        // Without an API server: whoever is asked for cannot be.
        let app = app(None);
        let ask = || {
            let request = ReenrollRequest {
                credential: "vendor-a/chu".to_owned(),
                certificate_sha256: "ab".to_owned(),
                csr: "AAAA".to_owned(),
            };
            reenroll_software(State(app.clone()), Json(request))
        };
        let places = [(); 2].map(|()| app.renewals.enter("vendor-a/chu"));
        assert!(matches!(ask().await, Ok(Json(ReenrollAnswer::Pending))));
        drop(places);
        assert!(
            ask()
                .await
                .is_err_and(|problem| problem.code == "cluster-unavailable")
        );
    }
}
