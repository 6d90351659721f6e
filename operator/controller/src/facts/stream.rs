//! `GET /v1/facts/stream`: NDJSON, the newest line at once, then each new one. Gateways only.

use std::convert::Infallible;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use dmp_core::peer::{ServicePattern, allow};
use futures::stream::unfold;
use http::header;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::publish::Line;

/// What a stream needs.
#[derive(Clone)]
pub struct Streams {
    pub lines: watch::Receiver<Line>,
    /// Ends the streams, so that the process can.
    pub shutdown: CancellationToken,
}

/// The operator's service routes.
pub fn router(domain: &str, streams: Streams) -> Router {
    let gateways = allow(domain, &[ServicePattern::National("gateway")]);
    Router::new()
        .route("/v1/facts/stream", get(stream).layer(gateways))
        .with_state(streams)
}

async fn stream(State(streams): State<Streams>) -> Response {
    let Streams { mut lines, shutdown } = streams;
    lines.mark_changed();
    let body = unfold((lines, shutdown), |(mut lines, shutdown)| async move {
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return None,
                changed = lines.changed() => changed.ok()?,
            }
            let line = lines.borrow_and_update().clone();
            if let Some(line) = line {
                return Some((Ok::<Bytes, Infallible>(line), (lines, shutdown)));
            }
        }
    });
    let headers = [
        (header::CONTENT_TYPE, "application/x-ndjson"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, Body::from_stream(body)).into_response()
}
