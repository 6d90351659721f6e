//! 2. A cardiologist in Casablanca finds the patient (PDQm ITI-78); without a care relation nothing opens. The patient
//!    opens one; then the documents are listed (ITI-67) and read (ITI-68), byte for byte.

use reqwest::Method;
use serde_json::Value;

use super::{answered, care_relation, refused};
use crate::demo::World;
use crate::demo::gateway::{Software, unreachable};
use crate::demo::story::Story;
use crate::error::{CliError, Result};

/// # Errors
/// What keeps the next steps from being possible.
pub async fn run(world: &mut World, story: &Story) -> Result<()> {
    story.step(
        2,
        "Casablanca : la patiente consulte en cardiologie et ouvre son dossier au médecin",
    );
    let token = world.cardiologist_token().await?;
    story.note(&format!(
        "{} est connecté dans CardioSuite 2.6.1",
        world.cardiologist.display
    ));
    let identifier = world.case.identifier();
    let found = world
        .cardio
        .form(
            "/fhir/Patient/_search",
            Some(&token),
            &[("identifier", &identifier)],
        )
        .await
        .map_err(unreachable)?;
    let id = found
        .json()
        .pointer("/entry/0/resource/id")
        .and_then(Value::as_str)
        .map(str::to_owned);
    let right = id.as_deref() == Some(world.patient()?);
    story.check(
        "recherche de la patiente par son numéro (ITI-78)",
        &found.summary(),
        right,
    );

    let patient = world.patient()?.to_owned();
    let list = list(&world.cardio, &token, &patient).await;
    story.check(
        "liste des documents, sans relation de soin (ITI-67)",
        &answered(&list),
        refused(&list),
    );
    let letter = world.binaries.first().cloned().unwrap_or_default();
    let read = world.cardio.get(&format!("/fhir/{letter}"), Some(&token)).await;
    story.check(
        "lecture de la lettre, sans relation de soin (ITI-68)",
        &answered(&read),
        refused(&read),
    );

    let own = world.patient_token().await?;
    let consent = care_relation(&patient, &world.cardiologist.inpe, jiff::Timestamp::now());
    let opened = world
        .amal
        .send(Method::POST, "/fhir/Consent", Some(&own), &consent)
        .await
        .map_err(unreachable)?;
    let right = opened.status.as_u16() == 201;
    story.check(
        "la patiente, dans Amal, ouvre une relation de soin de 30 jours",
        &opened.summary(),
        right,
    );

    let list = self::list(&world.cardio, &token, &patient)
        .await
        .map_err(unreachable)?;
    let urls = urls(&list.json());
    story.check(
        "liste des documents",
        &format!("{}, {} documents", list.summary(), urls.len()),
        urls.len() == 2,
    );
    for document in [&world.case.letter, &world.case.summary] {
        let url = urls
            .iter()
            .find(|(kind, _)| kind == document.content_type)
            .map(|(_, url)| url.clone());
        let Some(url) = url else {
            story.check(
                &format!("lecture : {}", document.title),
                "absent de la liste",
                false,
            );
            continue;
        };
        let read = world
            .cardio
            .get(&relative(&url), Some(&token))
            .await
            .map_err(unreachable)?;
        let same = read.status.as_u16() == 200 && read.body == document.bytes;
        let text = format!(
            "{}, {} octets{}",
            read.summary(),
            read.body.len(),
            if same { ", identiques" } else { "" }
        );
        story.check(&format!("lecture : {}", document.title), &text, same);
    }
    if urls.is_empty() {
        return Err(CliError::new(
            "demonstration-failed",
            "the cardiologist sees no document",
            "look at the logs of gateway, consent and records",
        ));
    }
    Ok(())
}

/// The documents of a patient, as this software asks for them.
///
/// # Errors
/// When there was no answer.
pub async fn list(
    software: &Software,
    token: &str,
    patient: &str,
) -> reqwest::Result<crate::demo::gateway::Reply> {
    let form = [("patient", patient), ("status", "current")];
    software
        .form("/fhir/DocumentReference/_search", Some(token), &form)
        .await
}

/// Content type and URL of each attachment in a searchset.
pub fn urls(bundle: &Value) -> Vec<(String, String)> {
    let entries = bundle
        .get("entry")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default();
    entries
        .iter()
        .filter_map(|entry| {
            let attachment = entry.pointer("/resource/content/0/attachment")?;
            let text = |name: &str| attachment.get(name)?.as_str().map(str::to_owned);
            Some((text("contentType")?, text("url")?))
        })
        .collect()
}

/// Path on the gateway of an attachment's URL, absolute or relative to the FHIR base.
fn relative(url: &str) -> String {
    let binary = url
        .find("Binary/")
        .and_then(|start| url.get(start..))
        .unwrap_or(url);
    format!("/fhir/{binary}")
}
