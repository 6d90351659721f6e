//! What surrounds every request: its correlation id, its line in the log, and an answer even when a handler panics.
//!
//! The id is taken from `X-Correlation-Id` only when another service of the platform sent it; anybody else's is
//! replaced. It is on every answer as a header, so that bodies of refusals stay identical.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::extract::{FromRequestParts, MatchedPath, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use opentelemetry::context::FutureExt as _;
use tracing::Instrument;
use uuid::Uuid;

use crate::peer::Peer;
use crate::problem::Problem;
use crate::telemetry::trace;

/// `X-Correlation-Id`.
pub const HEADER: HeaderName = HeaderName::from_static("x-correlation-id");

/// The id of a request through all services. An extractor; pass it on with [`outgoing`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Correlation(pub Uuid);

impl std::fmt::Display for Correlation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Correlation {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Ok(parts
            .extensions
            .get::<Self>()
            .copied()
            .unwrap_or_else(|| Self(Uuid::new_v4())))
    }
}

/// The headers of a call to another service on behalf of the request at work: its correlation id, and its trace when
/// it has one.
pub fn outgoing(correlation: impl std::fmt::Display) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::try_from(correlation.to_string()) {
        headers.insert(HEADER, value);
    }
    trace::pass_on(&mut headers);
    headers
}

/// `axum::middleware::from_fn(correlation::middleware)`; [`crate::service::routes`] puts it on.
pub async fn middleware(mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>();
    let from_service = peer.is_some_and(|peer| peer.spiffe.as_service().is_some());
    let given = request.headers().get(&HEADER).filter(|_| from_service);
    let id = given
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(Uuid::new_v4);
    let span = tracing::info_span!(
        "request",
        correlation = %id,
        method = %request.method(),
        route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str),
        peer = peer.map(|peer| tracing::field::display(peer.spiffe.clone())),
    );
    let trace = trace::of_request(&request, from_service, id);
    request.extensions_mut().insert(Correlation(id));
    let response = async move {
        let start = Instant::now();
        let answer = AssertUnwindSafe(next.run(request)).catch_unwind().await;
        // the panic hook has logged where
        let mut response = answer.unwrap_or_else(|_| Problem::internal_unlogged().into_response());
        mark(&mut response, id);
        tracing::info!(
            status = response.status().as_u16(),
            milliseconds = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
            "request"
        );
        response
    }
    .instrument(span)
    .with_context(trace.clone().unwrap_or_default())
    .await;
    if let Some(trace) = trace {
        trace::finish(&trace, response.status());
    }
    response
}

/// Puts the id into the header and, for a [`Problem`], the body.
fn mark(response: &mut Response, id: Uuid) {
    let text = id.to_string();
    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        *response.body_mut() = problem.render(Some(&text));
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    if let Ok(value) = HeaderValue::try_from(text) {
        response.headers_mut().insert(HEADER, value);
    }
}
