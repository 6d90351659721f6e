//! Patient Identity Source (PIXm): the hospital's patients, as it knows them, to the registry (ITI-104).

use reqwest::Method;
use serde_json::Value;

use crate::call::{Call, Operation};
use crate::error::Result;
use crate::report::Report;
use crate::session::Session;
use crate::task::{Given, Identifier};

/// Feeds the patient, then what has changed. Both are the whole resource under the same identifier, so that the
/// registry knows it is the same person.
///
/// # Errors
/// As [`Session::ask`].
pub async fn register(session: &mut Session, given: &Given) -> Result<Report> {
    let identifier = given.identifier()?;
    session
        .ask(feed(Operation::Feed, &identifier, given.patient()?))
        .await?;
    if let Some(changed) = given.changed() {
        session.ask(feed(Operation::Update, &identifier, changed)).await?;
        return Ok(Report::done("Identité transmise, puis mise à jour."));
    }
    Ok(Report::done("Identité transmise."))
}

fn feed(operation: Operation, identifier: &Identifier, patient: &Value) -> Call {
    Call::resource(operation, Method::PUT, "/fhir/Patient", patient.clone())
        .with_query("identifier", &identifier.to_string())
}
