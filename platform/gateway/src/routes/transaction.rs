//! `POST /fhir`: a transaction Bundle. A directory source sends mCSD resources, anybody else a submission (ITI-65).

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use dmp_core::token::Person as Subject;
use dmp_fhir::bundle::Transaction;
use http::{HeaderMap, StatusCode};

use super::{directory, submission};
use crate::edge::body;
use crate::edge::person::Person;
use crate::failure::Failure;
use crate::state::Gateway;

/// Reads the Bundle and hands it to the operation that the token stands for.
pub async fn transaction(
    State(gateway): State<Gateway>,
    person: Person,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let (held, bundle) = body::read_json(&gateway, &headers, body, body::MAX_BODY).await?;
    if person.claims.person == Subject::Directory {
        return directory::publish(&gateway, &person, bundle).await;
    }
    submission::submit(&gateway, &person, held, bundle).await
}

/// The Bundle as a transaction.
///
/// # Errors
/// 400 when it is no transaction Bundle, 422 when an entry is wrong.
pub fn parse(bundle: &serde_json::Value) -> Result<Transaction<'_>, Failure> {
    Transaction::parse(bundle).map_err(|error| {
        let status = match error.code() {
            "not-a-bundle" | "not-a-transaction" => StatusCode::BAD_REQUEST,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Failure::input(status, error.code(), error.to_string())
    })
}
