//! `POST /fhir` by a caregiver: Provide Document Bundle (MHD ITI-65).
//!
//! The gateway finds out whose documents they are and in which group they are kept (the one of the software's
//! establishment), looks at sizes, and passes the Bundle on as it was sent. Content and rights are the record store's.

use axum::response::Response;
use dmp_fhir::bundle::Transaction;
use http::StatusCode;
use serde_json::Value;

use super::{submission_patient, transaction};
use crate::edge::body::{Held, MAX_DOCUMENT, base64_size};
use crate::edge::person::Person;
use crate::failure::Failure;
use crate::resources::respond;
use crate::state::Gateway;
use crate::upstream::Target;

/// 200 with the transaction-response of the record store.
pub async fn submit(
    gateway: &Gateway,
    person: &Person,
    held: Held,
    bundle: Value,
) -> Result<Response, Failure> {
    let facts = &person.admitted.facts;
    let group = person
        .admitted
        .credential
        .group
        .as_ref()
        .ok_or(Failure::Refused)?;
    let group = facts.group(group).ok_or(Failure::Refused)?;
    let records = Target::records(group)?;
    if !group.serving {
        return Err(Failure::unavailable(records.name));
    }
    let patient = {
        let transaction = transaction::parse(&bundle)?;
        check_sizes(&transaction)?;
        submission_patient::resolve(gateway, person, &transaction).await?
    };
    // the parsed tree is as large as the text
    drop(bundle);
    let answer = gateway
        .upstream
        .submit(&records, &person.call(), patient, held.bytes.clone())
        .await?;
    Ok(respond(StatusCode::OK, &answer.bundle))
}

/// Each document within [`MAX_DOCUMENT`], in a Binary or inline in an attachment.
fn check_sizes(transaction: &Transaction<'_>) -> Result<(), Failure> {
    for resource in transaction.entries.iter().filter_map(|entry| entry.resource) {
        let binary = resource.get("data");
        let inline = resource
            .get("content")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|content| content.get("attachment")?.get("data"));
        let mut documents = binary.into_iter().chain(inline).filter_map(Value::as_str);
        if documents.any(|data| base64_size(data) > MAX_DOCUMENT) {
            return Err(Failure::too_large(MAX_DOCUMENT));
        }
    }
    Ok(())
}
