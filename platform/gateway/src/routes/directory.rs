//! `POST /fhir` by a directory source: organisations, professionals and their roles (mCSD) for the registry.

use axum::response::Response;
use http::StatusCode;
use serde_json::{Value, json};

use super::transaction;
use crate::edge::person::Person;
use crate::failure::Failure;
use crate::resources::respond;
use crate::state::Gateway;

/// 200 with a transaction-response: all entries were taken over, or none (then it is an error).
pub async fn publish(gateway: &Gateway, person: &Person, bundle: Value) -> Result<Response, Failure> {
    let entries = transaction::parse(&bundle)?.entries.len();
    let counts = gateway.upstream.directory(&person.call(), bundle).await?;
    tracing::info!(
        organizations = counts.organizations,
        practitioners = counts.practitioners,
        roles = counts.roles,
        "directory published"
    );
    let answer = json!({
        "resourceType": "Bundle",
        "type": "transaction-response",
        "entry": vec![json!({ "response": { "status": "200 OK" } }); entries],
    });
    Ok(respond(StatusCode::OK, &answer))
}
