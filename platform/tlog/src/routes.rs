//! The two routes the audit service pulls. Nobody else may call them.
//!
//! Entries hold ciphertext and commitments only, but who was busy when is already worth protecting.

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use dmp_client::audit::LogPage;
use dmp_core::peer::{ServicePattern, allow};
use dmp_core::problem::Problem;
use http::{HeaderValue, header};
use serde::Deserialize;

use crate::log::{Log, LogError, MAX_PAGE};

/// `GET /v1/log/checkpoint` and `GET /v1/log/entries?from=&limit=`, open to `audit` of trust domain `domain`.
pub fn routes(log: Log, domain: &str) -> Router {
    Router::new()
        .route("/v1/log/checkpoint", get(checkpoint))
        .route("/v1/log/entries", get(entries))
        .route_layer(allow(domain, &[ServicePattern::National("audit")]))
        .with_state(log)
}

/// The newest signed note as it is; 503 `log-not-signed` until the sequencer has signed for the first time.
async fn checkpoint(State(log): State<Log>) -> Result<Response, Problem> {
    let Some(head) = log.head().await.map_err(unavailable)? else {
        let title = "the log has no checkpoint yet";
        return Err(Problem::new(
            http::StatusCode::SERVICE_UNAVAILABLE,
            "log-not-signed",
            title,
        ));
    };
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, text)], head.note).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Range {
    from: u64,
    #[serde(default = "whole_page")]
    limit: u64,
}

const fn whole_page() -> u64 {
    MAX_PAGE
}

async fn entries(
    State(log): State<Log>,
    range: Result<Query<Range>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<LogPage>, Problem> {
    let Query(Range { from, limit }) = range
        .map_err(|_| Problem::bad_request("log-range", "the query needs `from` and may have `limit`"))?;
    log.entries(from, limit).await.map(Json).map_err(unavailable)
}

fn unavailable(error: LogError) -> Problem {
    Problem::unavailable("log-unavailable", &error)
}

#[cfg(test)]
#[path = "tests/routes.rs"]
mod tests;
