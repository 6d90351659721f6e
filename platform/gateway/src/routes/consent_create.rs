//! `POST /fhir/Consent`: the patient opposes, or opens a care relation (PCF ITI-108).

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use serde_json::Value;

use crate::edge::body;
use crate::edge::person::Person;
use crate::failure::Failure;
use crate::resources::respond_at;
use crate::state::Gateway;

/// 201 with the Consent as stored: the acknowledgement. From here on every decision sees it.
pub async fn create(
    State(gateway): State<Gateway>,
    person: Person,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let patient = person.patient()?;
    let (_held, consent) = body::read_json(&gateway, &headers, body, body::MAX_RESOURCE).await?;
    require_consent(&consent)?;
    let stored = gateway
        .upstream
        .record_consent(&person.call(), patient, consent)
        .await?;
    let id = stored.get("id").and_then(Value::as_str).unwrap_or_default();
    Ok(respond_at(
        StatusCode::CREATED,
        &format!("{}/Consent/{id}", gateway.fhir_base),
        &stored,
    ))
}

/// # Errors
/// 422 for another resource.
pub(super) fn require_consent(resource: &Value) -> Result<(), Failure> {
    if resource.get("resourceType").and_then(Value::as_str) == Some("Consent") {
        Ok(())
    } else {
        Err(Failure::unprocessable(
            "not-a-consent",
            "the body must be a Consent",
        ))
    }
}
