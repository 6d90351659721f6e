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

/// `POST /v1/est/reenroll`.
pub(crate) async fn reenroll_software(
    State(app): State<App>,
    Json(request): Json<ReenrollRequest>,
) -> Result<Json<ReenrollAnswer>, Problem> {
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
