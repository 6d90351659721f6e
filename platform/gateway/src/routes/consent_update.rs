//! `PUT /fhir/Consent/{id}`: the patient changes or lifts a consent (`status: inactive`).

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use super::consent_create::require_consent;
use crate::edge::body;
use crate::edge::person::Person;
use crate::failure::Failure;
use crate::resources::respond;
use crate::state::Gateway;

/// 200 with the Consent as stored.
pub async fn update(
    State(gateway): State<Gateway>,
    person: Person,
    id: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let patient = person.patient()?;
    let Path(id) = id.map_err(|_| Failure::Refused)?;
    let (_held, consent) = body::read_json(&gateway, &headers, body, body::MAX_RESOURCE).await?;
    require_consent(&consent)?;
    if consent
        .get("id")
        .and_then(Value::as_str)
        .is_some_and(|inner| inner != id)
    {
        return Err(Failure::bad_request(
            "id-mismatch",
            "the id in the body is not the id in the URL",
        ));
    }
    let stored = gateway
        .upstream
        .update_consent(&person.call(), patient, id, consent)
        .await?;
    Ok(respond(StatusCode::OK, &stored))
}
