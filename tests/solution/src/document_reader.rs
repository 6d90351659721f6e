//! Document Consumer (MHD): a patient's documents, listed (ITI-67) and read (ITI-68).
//!
//! What the platform does not list or does not give is not looked for in another way: the patient may have said no.

use serde_json::Value;
use url::Url;

use crate::call::{Call, Operation};
use crate::digest::sha1_base64;
use crate::error::{Result, SolutionError};
use crate::report::Report;
use crate::session::Session;
use crate::task::Given;

/// # Errors
/// As [`Session::ask`]; [`SolutionError::WrongDocuments`] when bytes stay other than listed.
pub async fn read(session: &mut Session, given: &Given) -> Result<Report> {
    let patient = given.identifier()?.to_string();
    let form = [("patient.identifier", patient.as_str()), ("status", "current")];
    let list = Call::form(Operation::List, "/fhir/DocumentReference/_search", form);
    let reply = session.ask(list).await?;

    let (mut read, mut refused, mut wrong) = (0_usize, None, 0_usize);
    for attachment in attachments(&reply.matches("DocumentReference"))? {
        match retrieve(session, &attachment).await {
            Ok(true) => read += 1,
            Ok(false) => wrong += 1,
            Err(SolutionError::Refused(refusal)) => refused = Some(refusal),
            Err(error) => return Err(error),
        }
    }
    // A part of the platform that does not answer is named in the list: the reader must know that documents are missing.
    let message = match reply.matches("OperationOutcome").len() {
        0 => "Documents lus.",
        _ => "Documents lus ; la liste est incomplète, une partie de la plateforme ne répond pas.",
    };
    match (wrong, refused) {
        (0, None) => Ok(Report::done(message).counting(read)),
        (0, Some(refusal)) => Ok(Report::refused(&refusal).counting(read)),
        (wrong, _) => Err(SolutionError::WrongDocuments(wrong)),
    }
}

/// Where a document is and what its bytes must be.
struct Attachment {
    path: String,
    hash: Option<String>,
}

/// The attachments of a list, each document once.
fn attachments(references: &[Value]) -> Result<Vec<Attachment>> {
    let mut attachments: Vec<Attachment> = Vec::new();
    let contents = references
        .iter()
        .filter_map(|reference| reference["content"].as_array())
        .flatten();
    for content in contents {
        let text = |name: &str| content["attachment"][name].as_str();
        let path = text("url").and_then(path_on_gateway);
        let path = path.ok_or(SolutionError::NotUnderstood {
            operation: Operation::List,
            what: "an attachment has no url of a Binary on the platform",
        })?;
        if !attachments.iter().any(|known| known.path == path) {
            let hash = text("hash").map(str::to_owned);
            attachments.push(Attachment { path, hash });
        }
    }
    Ok(attachments)
}

/// Fetches a document until its bytes are those listed; `false` when they never are.
async fn retrieve(session: &mut Session, attachment: &Attachment) -> Result<bool> {
    for _ in 0..session.habits().fetches {
        let call = Call::get(Operation::Retrieve, attachment.path.clone());
        let reply = session.ask(call).await?;
        let listed = attachment.hash.as_deref();
        if listed.is_none_or(|hash| hash == sha1_base64(&reply.body)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The path of an attachment's URL, absolute or relative to the FHIR base. The request goes to the gateway whatever
/// host the URL names: no other one ever gets the token.
fn path_on_gateway(url: &str) -> Option<String> {
    let path = match Url::parse(url) {
        Ok(absolute) if absolute.scheme() == "https" => absolute.path().strip_prefix("/fhir/")?.to_owned(),
        Ok(_) => return None,
        Err(_) => url.trim_start_matches("/fhir/").to_owned(),
    };
    let id = path.strip_prefix("Binary/")?;
    let valid = (1..=64).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
    (valid && id.bytes().any(|b| b != b'.')).then(|| format!("/fhir/Binary/{id}"))
}

#[cfg(test)]
mod tests {
    use super::path_on_gateway;

    #[test]
    fn only_binaries_are_fetched_and_only_from_the_gateway() {
        for url in [
            "Binary/1234abcd-5",
            "/fhir/Binary/1234abcd-5",
            "https://gateway.dmp.test/fhir/Binary/1234abcd-5",
            "https://elsewhere.example:8443/fhir/Binary/1234abcd-5",
        ] {
            assert_eq!(
                path_on_gateway(url).as_deref(),
                Some("/fhir/Binary/1234abcd-5"),
                "{url}"
            );
        }
        for url in [
            "",
            "urn:uuid:3d1e8a40-77c1-4f0a-9c52-b1d4f6a3e099",
            "http://gateway.dmp.test/fhir/Binary/5",
            "https://elsewhere.example/files/5",
            "https://gateway.dmp.test/fhir/Patient/5",
            "Binary/..",
            "Binary/../Patient",
            "Binary/5?x=y",
            "Binary/",
        ] {
            assert_eq!(path_on_gateway(url), None, "{url}");
        }
    }
}
