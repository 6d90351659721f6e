//! Rules of the token service that need a world of their own: what a credential without its establishment, an issuer that is away, or a
//! near end of the certificate do to a token.

use std::time::Duration;

use dmp_testkit::Validity;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::stub::Answer;
use crate::tokens::{ask, confirms, post};
use crate::world::{HOSPITAL, Software, World, credential};

const INPE: &str = "111111111";
const TREAT: [(&str, &str); 1] = [("purpose", "TREAT")];

fn log_in(world: &World) -> String {
    world.issuer.sign(&world.issuer.claims(json!({ "inpe": INPE })))
}

fn error(answer: (u16, Value)) -> (u16, String) {
    (
        answer.0,
        answer.1["error"].as_str().unwrap_or_default().to_owned(),
    )
}

fn denied() -> (u16, String) {
    (400, "invalid_grant".to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_ends_with_the_credential_and_with_the_certificate() {
    let world = World::start().await;
    confirms(&world);
    world.operator.change(|facts| {
        facts.credentials[0].not_after = Timestamp::now() + SignedDuration::from_secs(120);
    });
    world.until_seq(2).await;
    let (status, answer) = ask(&world, &world.hospital, &log_in(&world), &TREAT).await;
    assert_eq!(status, 200, "{answer}");
    let seconds = answer["expires_in"].as_i64().unwrap();
    assert!((60..=120).contains(&seconds), "the credential's end: {seconds}");

    let validity = Validity::For(Duration::from_secs(120));
    let short = Software::new(
        world
            .pki
            .identity(&world.pki.solution_certificate(HOSPITAL.0, "short", validity)),
    );
    let mut fact = credential(
        (HOSPITAL.0, "short"),
        &short,
        "hospital",
        Some(("000000001", "a")),
    );
    fact.not_after = Timestamp::now() + SignedDuration::from_hours(1);
    world.operator.change(|facts| facts.credentials.push(fact));
    world.until_seq(3).await;
    let (status, answer) = ask(&world, &short, &log_in(&world), &TREAT).await;
    assert_eq!(status, 200, "{answer}");
    let seconds = answer["expires_in"].as_i64().unwrap();
    assert!((60..=120).contains(&seconds), "the certificate's end: {seconds}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caregiver_speaks_for_an_establishment_and_in_a_profession() {
    let world = World::start().await;
    for confirmed in [
        json!({ "active": true }),
        json!({ "active": false, "profession": "physician" }),
    ] {
        world
            .registry
            .answers("/v1/directory/confirm", Answer::Json(confirmed.clone()));
        let answer = ask(&world, &world.hospital, &log_in(&world), &TREAT).await;
        assert_eq!(error(answer), denied(), "{confirmed}");
    }
    confirms(&world);
    world.registry.heard();
    world.operator.change(|facts| {
        (facts.credentials[0].establishment, facts.credentials[0].group) = (None, None);
    });
    world.until_seq(2).await;
    let answer = ask(&world, &world.hospital, &log_in(&world), &TREAT).await;
    assert_eq!(error(answer), denied(), "at no establishment");
    assert!(world.registry.heard().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_asked_is_no_grant() {
    let world = World::start().await;
    world
        .registry
        .answers("/v1/directory/confirm", Answer::Problem(503, "starting"));
    let away = (503, "temporarily_unavailable".to_owned());
    let answer = ask(&world, &world.hospital, &log_in(&world), &TREAT).await;
    assert_eq!(error(answer), away, "the registry is away");

    // An issuer that nobody can ask for its keys.
    confirms(&world);
    world.registry.heard();
    let nobody = "https://localhost:1";
    world
        .operator
        .change(|facts| facts.issuers[0].url = nobody.to_owned());
    world.until_seq(2).await;
    let claims = world.issuer.claims(json!({ "inpe": INPE, "iss": nobody }));
    let answer = ask(&world, &world.hospital, &world.issuer.sign(&claims), &TREAT).await;
    assert_eq!(error(answer), away, "the issuer is away");
    assert!(world.registry.heard().is_empty());

    // A directory source speaks for nobody, and says so.
    let form = [("grant_type", "client_credentials"), ("subject_token", "x")];
    let answer = post(&world, &world.directory, &form).await;
    assert_eq!(error(answer), (400, "invalid_request".to_owned()));
}
