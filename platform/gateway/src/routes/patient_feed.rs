//! `PUT /fhir/Patient?identifier=system|value`: PIXm Patient Identity Feed (ITI-104).

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode, Uri};
use serde_json::Value;

use super::params;
use crate::edge::body;
use crate::edge::person::Person;
use crate::failure::Failure;
use crate::resources::respond_at;
use crate::state::Gateway;

/// 201 or 200 with the Patient as the registry holds it. The identifier leaves the URL here.
pub async fn feed(
    State(gateway): State<Gateway>,
    person: Person,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let identifier = params::only_identifier(&params::of_query(&uri))?;
    let (_held, patient) = body::read_json(&gateway, &headers, body, body::MAX_RESOURCE).await?;
    if patient.get("resourceType").and_then(Value::as_str) != Some("Patient") {
        return Err(Failure::unprocessable(
            "not-a-patient",
            "the body must be a Patient",
        ));
    }
    let fed = gateway.upstream.feed(&person.call(), identifier, patient).await?;
    let status = if fed.created {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    let location = format!("{}/Patient/{}", gateway.fhir_base, fed.id.as_uuid());
    Ok(respond_at(status, &location, &fed.patient))
}
