//! How answers leave: failures in the shape of their route, the same headers on all.
//!
//! The correlation id goes into a header ([`dmp_core::correlation`]) and into problems, never into an
//! `OperationOutcome`: two refusals of access are the same bytes.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use dmp_core::correlation::Correlation;
use http::{HeaderValue, Version, header};

use crate::failure::{Failure, Shape};
use crate::metrics;

/// `application/fhir+json` of FHIR R4, UTF-8 by definition.
pub const FHIR_JSON: HeaderValue = HeaderValue::from_static("application/fhir+json");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Middleware outside of all routes and of the admission.
pub async fn answer_layer(request: Request, next: Next) -> Response {
    let shape = Shape::of(request.uri().path());
    let version = request.version();
    let correlation = request
        .extensions()
        .get::<Correlation>()
        .map(ToString::to_string)
        .unwrap_or_default();
    let mut response = next.run(request).await;
    if let Some(failure) = response.extensions_mut().remove::<Failure>() {
        metrics::failure(&failure);
        response = render(&failure, shape, version, &correlation);
    }
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

/// The whole answer for a failure on a route whose errors have `shape`.
pub fn render(failure: &Failure, shape: Shape, version: Version, correlation: &str) -> Response {
    let (kind, body) = match failure.shape(shape) {
        Shape::Fhir => (FHIR_JSON, failure.operation_outcome()),
        Shape::OAuth => (JSON, failure.oauth_error()),
        Shape::Problem => (PROBLEM_JSON, failure.problem(correlation)),
    };
    let mut response = Response::new(body.to_string().into());
    *response.status_mut() = failure.status();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, kind);
    if let Some(challenge) = failure.challenge() {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    if let Some(seconds) = failure.retry_after() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if failure.closes_connection() && version <= Version::HTTP_11 {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}
