//! 1. A hospital system in Tanger registers the patient (PIXm ITI-104) and publishes letter and summary (MHD ITI-65).
//!    Certificate and caregiver's token are both needed.

use reqwest::Method;
use serde_json::Value;

use super::answered;
use crate::demo::World;
use crate::demo::gateway::{Software, unreachable};
use crate::demo::story::Story;
use crate::demo::submission::provide_bundle;
use crate::error::{CliError, Result};

/// OID of the hospital system as the source of submissions (example arc).
const SOURCE: &str = "urn:oid:2.999.212.5.1";

/// # Errors
/// What keeps the next steps from being possible.
pub async fn run(world: &mut World, story: &Story) -> Result<()> {
    story.step(
        1,
        "Tanger : l’hôpital enregistre la patiente, puis publie sa lettre de sortie et son résumé (IPS)",
    );
    let token = world.author_token().await?;
    story.note(&format!(
        "{} est connectée dans SIH Atlas 4.2.0 ; patiente {}",
        world.author.display,
        world.case.identifier()
    ));

    let path = format!(
        "/fhir/Patient?identifier={}",
        url_encoded(&world.case.identifier())
    );
    let patient = world.case.patient.clone();
    let without_token = world.atlas.send(Method::PUT, &path, None, &patient).await;
    let right = matches!(&without_token, Ok(reply) if reply.status.as_u16() == 401);
    story.check(
        "certificat du logiciel, sans jeton de soignant",
        &answered(&without_token),
        right,
    );
    let stranger = Software::new(&world.gateway, None)?;
    let without_certificate = stranger.send(Method::PUT, &path, Some(&token), &patient).await;
    let right = match &without_certificate {
        Ok(reply) => matches!(reply.status.as_u16(), 401 | 403),
        Err(error) => !error.is_timeout(),
    };
    story.check(
        "jeton du soignant, sans certificat du logiciel",
        &answered(&without_certificate),
        right,
    );

    let fed = world
        .atlas
        .send(Method::PUT, &path, Some(&token), &patient)
        .await
        .map_err(unreachable)?;
    story.check(
        "les deux : enregistrement de la patiente (ITI-104)",
        &fed.summary(),
        fed.status.as_u16() == 201,
    );
    let id = fed
        .json()
        .get("id")
        .and_then(Value::as_str)
        .map(str::to_owned)
        .ok_or_else(|| {
            CliError::new(
                "demonstration-failed",
                format!("the patient was not registered: {}", fed.summary()),
                "look at the registry's log",
            )
        })?;

    let date = jiff::Timestamp::now().to_string();
    let documents = [&world.case.letter, &world.case.summary];
    let bundle = provide_bundle(&id, &world.case.submission, SOURCE, &date, &documents);
    let sent = world
        .atlas
        .send(Method::POST, "/fhir", Some(&token), &bundle)
        .await
        .map_err(unreachable)?;
    let binaries = binaries(&sent.json());
    let right = sent.status.as_u16() == 200 && binaries.len() == documents.len();
    let sizes = format!(
        "{} et {} octets",
        world.case.letter.bytes.len(),
        world.case.summary.bytes.len()
    );
    story.check(
        &format!("publication des deux documents (ITI-65, {sizes})"),
        &sent.summary(),
        right,
    );
    if !right {
        return Err(CliError::new(
            "demonstration-failed",
            format!("the documents were not published: {}", sent.summary()),
            "look at the logs of gateway and records",
        ));
    }
    let again = world
        .atlas
        .send(Method::POST, "/fhir", Some(&token), &bundle)
        .await
        .map_err(unreachable)?;
    let same = again.status.as_u16() == 200 && self::binaries(&again.json()) == binaries;
    story.check(
        "la même publication, envoyée deux fois",
        &format!("{}, un seul document", again.summary()),
        same,
    );
    world.patient = Some(id);
    world.binaries = binaries;
    Ok(())
}

/// `Binary/<id>` of each Binary in a transaction-response, in order.
pub fn binaries(response: &Value) -> Vec<String> {
    let entries = response
        .get("entry")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    entries
        .iter()
        .filter_map(|entry| entry.pointer("/response/location")?.as_str())
        .filter_map(|location| {
            let start = location.find("Binary/")?;
            let mut parts = location.get(start..)?.split('/');
            Some(format!("{}/{}", parts.next()?, parts.next()?))
        })
        .collect()
}

/// For a query.
pub fn url_encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn locations_may_be_absolute_or_have_a_version() {
        let response = json!({ "entry": [
            { "response": { "status": "201", "location": "List/a" } },
            { "response": { "location": "https://h/fhir/Binary/1234abcd-x/_history/1" } },
            { "response": { "location": "Binary/5" } },
            { "response": { "status": "200" } },
        ] });
        assert_eq!(super::binaries(&response), ["Binary/1234abcd-x", "Binary/5"]);
    }
}
