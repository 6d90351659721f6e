//! `GET /dmp/v1/trail`: the patient's trail with its proofs, as `dmp-verify` reads it.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderValue, header};

use crate::edge::person::Person;
use crate::failure::Failure;
use crate::state::Gateway;

/// 200 with the `TrailAnswer` of the audit service, byte for byte; the patient is the token's.
pub async fn trail(State(gateway): State<Gateway>, person: Person) -> Result<Response, Failure> {
    let patient = person.patient()?;
    let bytes = gateway.upstream.trail(&person.call(), patient).await?;
    let mut response = Response::new(Body::from(bytes));
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}
