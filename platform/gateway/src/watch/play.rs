//! Plays a fault: an answer instead of the platform's, an answer lost on its way, a document that arrives damaged.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use dmp_conformance::suite::{Answer, Play};
use http::{HeaderValue, StatusCode, Version, header};
use http_body_util::{BodyExt as _, Collected};
use serde_json::json;

use crate::edge::answer::render;
use crate::failure::{BearerProblem, Failure, Shape};

/// What the injected answers say of themselves.
const DETAIL: &str = "the conformance suite answers this instead of the platform";

/// The answer to `request`, with the fault if there is one.
pub(super) async fn played(
    fault: Option<&Play>,
    operation: &str,
    version: Version,
    correlation: &str,
    request: Request,
    next: Next,
) -> Response {
    match fault {
        None => next.run(request).await,
        Some(Play::Answer(answer)) => injected(answer, operation, version, correlation),
        Some(Play::Lose(answer)) => {
            // To its end: what it acknowledges has happened.
            drop(collected(next.run(request).await.into_body()).await);
            injected(answer, operation, version, correlation)
        }
        Some(Play::Corrupt) => corrupt(next.run(request).await).await,
    }
}

/// An answer in the shape that the operation's own errors have.
fn injected(answer: &Answer, operation: &str, version: Version, correlation: &str) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    let mut response = if operation == "token" {
        let body = json!({ "error": answer.code, "error_description": DETAIL });
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = status;
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    } else {
        let failure = if status == StatusCode::UNAUTHORIZED {
            Failure::Bearer(BearerProblem::Invalid)
        } else {
            Failure::input(status, &answer.code, DETAIL)
        };
        render(&failure, Shape::Fhir, version, correlation)
    };
    if let Some(seconds) = answer.retry_after {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Changes one bit in the middle of a successful answer.
async fn corrupt(response: Response) -> Response {
    if !response.status().is_success() {
        return response;
    }
    let (parts, body) = response.into_parts();
    let mut bytes = collected(body).await.to_vec();
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
    Response::from_parts(parts, Body::from(bytes))
}

/// A whole body; empty when it breaks off.
async fn collected(body: Body) -> Bytes {
    body.collect().await.map(Collected::to_bytes).unwrap_or_default()
}
