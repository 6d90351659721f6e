//! Patient Demographics Consumer (PDQm): is this person known to the platform (ITI-78)?

use crate::call::{Call, Operation};
use crate::error::Result;
use crate::report::Report;
use crate::session::Session;
use crate::task::Given;

/// Searches by one identifier, whole, in the body of the request. An empty answer means that nobody is known under it:
/// a person decides then, no other search does.
///
/// # Errors
/// As [`Session::ask`].
pub async fn find(session: &mut Session, given: &Given) -> Result<Report> {
    let identifier = match given.unknown() {
        Some(unknown) => unknown.clone(),
        None => given.identifier()?,
    };
    let identifier = identifier.to_string();
    let form = [("identifier", identifier.as_str())];
    let search = Call::form(Operation::Find, "/fhir/Patient/_search", form);
    let reply = session.ask(search).await?;
    Ok(match reply.matches("Patient").len() {
        0 => Report::done("Aucun patient n’est connu sous cet identifiant."),
        found => Report::done("Patient trouvé.").counting(found),
    })
}
