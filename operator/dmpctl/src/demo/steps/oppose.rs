//! 4. The patient opposes. From the acknowledgement on nothing opens; lifting it restores access. All refusals look
//!    the same from outside.

use reqwest::Method;
use serde_json::Value;

use super::read::list;
use super::{answered, opposition, refused};
use crate::demo::World;
use crate::demo::gateway::unreachable;
use crate::demo::story::Story;
use crate::error::{CliError, Result};

/// Reads tried after the acknowledgement.
const TRIES: usize = 20;

/// # Errors
/// When the gateway does not answer.
pub async fn run(world: &World, story: &Story) -> Result<()> {
    story.step(4, "La patiente s’oppose, puis se ravise");
    let (token, own) = (world.cardiologist_token().await?, world.patient_token().await?);
    let patient = world.patient()?;
    let before = list(&world.cardio, &token, patient).await;
    story.check(
        "avant : le cardiologue liste les documents",
        &answered(&before),
        before.is_ok_and(|r| r.status == 200),
    );

    let consent = opposition(patient, jiff::Timestamp::now());
    let opposed = world
        .amal
        .send(Method::POST, "/fhir/Consent", Some(&own), &consent)
        .await
        .map_err(unreachable)?;
    story.check(
        "la patiente s’oppose (son propre jeton)",
        &opposed.summary(),
        opposed.status.as_u16() == 201,
    );
    let acknowledged = opposed.json();
    let id = acknowledged.get("id").and_then(Value::as_str).ok_or_else(|| {
        CliError::new(
            "demonstration-failed",
            format!("no opposition: {}", opposed.summary()),
            "look at the consent service's log",
        )
    })?;
    let letter = format!(
        "/fhir/{}",
        world.binaries.first().map_or("Binary/none", String::as_str)
    );
    let mut through = 0;
    let mut last = None;
    for _ in 0..TRIES {
        let read = world.cardio.get(&letter, Some(&token)).await;
        through += usize::from(!refused(&read));
        last = read.ok();
    }
    story.check(
        &format!("{TRIES} lectures après l’accusé de réception"),
        &format!("{through} passées"),
        through == 0,
    );

    alike(world, story, &token, last).await?;

    let mut lifted = acknowledged.clone();
    if let Some(fields) = lifted.as_object_mut() {
        fields.insert("status".to_owned(), "inactive".into());
    }
    let path = format!("/fhir/Consent/{id}");
    let lifted = world
        .amal
        .send(Method::PUT, &path, Some(&own), &lifted)
        .await
        .map_err(unreachable)?;
    story.check(
        "la patiente lève son opposition",
        &lifted.summary(),
        lifted.status.is_success(),
    );
    let read = world.cardio.get(&letter, Some(&token)).await;
    let right = matches!(&read, Ok(reply) if reply.body == world.case.letter.bytes);
    story.check("le cardiologue lit de nouveau la lettre", &answered(&read), right);
    Ok(())
}

/// No relation, opposition, unknown patient: one status, one content type, one body.
async fn alike(
    world: &World,
    story: &Story,
    token: &str,
    opposed: Option<crate::demo::gateway::Reply>,
) -> Result<()> {
    let nobody = uuid::Uuid::new_v4().to_string();
    let unknown = list(&world.cardio, token, &nobody).await.map_err(unreachable)?;
    // The author has no care relation of her own: she may write, not read.
    let author = world.author_token().await?;
    let unrelated = list(&world.atlas, &author, world.patient()?)
        .await
        .map_err(unreachable)?;
    let opposed =
        opposed.ok_or_else(|| CliError::new("gateway-unreachable", "no refusal was seen", "run it again"))?;
    let same = opposed.outside() == unknown.outside() && opposed.outside() == unrelated.outside();
    let text = format!(
        "{} / {} / {}",
        opposed.summary(),
        unrelated.summary(),
        unknown.summary()
    );
    story.check(
        "opposition, pas de relation, patiente inconnue : de l’extérieur",
        &format!("{text}, corps {}", if same { "identiques" } else { "différents" }),
        same,
    );
    Ok(())
}
