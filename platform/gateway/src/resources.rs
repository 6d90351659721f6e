//! FHIR answers the gateway writes itself, and how they are sent.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use crate::edge::answer::FHIR_JSON;

/// `resource` as `application/fhir+json`.
pub fn respond(status: StatusCode, resource: &Value) -> Response {
    let mut response = Response::new(Body::from(resource.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, FHIR_JSON);
    response
}

/// [`respond`] with `Location`.
pub fn respond_at(status: StatusCode, location: &str, resource: &Value) -> Response {
    let mut response = respond(status, resource);
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}

/// A searchset Bundle: matches, then what has to be said about the search. `self` names the resource type only:
/// search parameters speak of a patient.
pub fn searchset(base: &str, kind: &str, matches: Vec<Value>, outcomes: Vec<Value>) -> Value {
    let total = matches.len();
    let matches = matches.into_iter().map(|resource| {
        let id = resource.get("id").and_then(Value::as_str).unwrap_or_default();
        json!({ "fullUrl": format!("{base}/{kind}/{id}"), "resource": resource, "search": { "mode": "match" } })
    });
    let outcomes = outcomes
        .into_iter()
        .map(|resource| json!({ "resource": resource, "search": { "mode": "outcome" } }));
    let entries: Vec<Value> = matches.chain(outcomes).collect();
    let mut bundle = json!({
        "resourceType": "Bundle",
        "type": "searchset",
        "timestamp": jiff::Timestamp::now().to_string(),
        "total": total,
        "link": [{ "relation": "self", "url": format!("{base}/{kind}") }],
    });
    // FHIR has no empty arrays
    if let (false, Some(bundle)) = (entries.is_empty(), bundle.as_object_mut()) {
        bundle.insert("entry".to_owned(), Value::Array(entries));
    }
    bundle
}
