//! Sandbox software sees the people of its realm, and they log in with it alone.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use dmp_client::facts::Mode;
use dmp_testkit::Signer;
use serde_json::{Value, json};

use crate::stub::Answer;
use crate::tokens::{ask, verifier};
use crate::world::{World, with, without};

const INPE: &str = "111111111";
const TREAT: [(&str, &str); 1] = [("purpose", "TREAT")];

/// The hospital's credential is of this realm from now on.
async fn of_realm(world: &World, realm: Option<&str>, mode: Mode) {
    let before = world.store.fresh(std::time::Instant::now()).unwrap().facts().seq;
    world.operator.change(|facts| {
        facts.credentials[0].realm = realm.map(str::to_owned);
        facts.credentials[0].mode = mode;
        facts.credentials[2].realm = realm.map(str::to_owned);
    });
    world.until_seq(before + 1).await;
}

/// Claims of an invented physician of the realm.
pub fn physician(world: &World, realm: &str) -> Value {
    let now = jiff::Timestamp::now().as_second();
    json!({
        "iss": format!("{}/sandbox", world.tokens.issuer), "aud": "dmp", "sub": INPE, "iat": now, "exp": now + 300,
        "realm": realm, "inpe": INPE,
    })
}

pub fn signed(signer: &Signer, algorithm: &str, claims: &Value) -> String {
    let header = json!({ "alg": algorithm, "typ": "JWT", "kid": signer.kid() });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", part(&header), part(claims));
    let signature = STANDARD.decode(signer.sign(message.as_bytes())).unwrap();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn confirms(world: &World) {
    world.registry.answers(
        "/v1/directory/confirm",
        Answer::Json(json!({ "active": true, "profession": "physician", "display": "Amina ESSAI" })),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn invented_people_log_in_with_software_of_their_realm_and_no_other() {
    let world = World::start().await;
    confirms(&world);
    let log_in = signed(&world.sandbox, "EdDSA", &physician(&world, "a-1"));
    for (realm, mode) in [
        (None, Mode::Sandbox),
        (Some("b-1"), Mode::Sandbox),
        (Some("a-2"), Mode::Sandbox),
        (Some("a-1"), Mode::Production),
    ] {
        of_realm(&world, realm, mode).await;
        let (status, answer) = ask(&world, &world.hospital, &log_in, &TREAT).await;
        assert_eq!(
            (status, &answer["error"]),
            (400, &json!("invalid_grant")),
            "{realm:?} {mode:?}"
        );
    }
    assert!(world.registry.heard().is_empty());

    of_realm(&world, Some("a-1"), Mode::Sandbox).await;
    let (status, answer) = ask(&world, &world.hospital, &log_in, &TREAT).await;
    assert_eq!(status, 200, "{answer}");
    let token = answer["access_token"].as_str().unwrap();
    let claims = verifier(&world).await.verify(token).unwrap();
    assert_eq!(claims.realm.as_deref(), Some("a-1"));
    assert_eq!(
        world.registry.heard()[0].json(),
        json!({ "inpe": INPE, "establishment": "000000001", "realm": "a-1" })
    );

    // The population was given up: what it opened is closed, the token's 300 s notwithstanding.
    let url = world.url(&format!(
        "/fhir/DocumentReference?patient={}",
        uuid::Uuid::new_v4()
    ));
    of_realm(&world, Some("a-2"), Mode::Sandbox).await;
    let late = world
        .hospital
        .http
        .get(url)
        .bearer_auth(token)
        .send()
        .await
        .unwrap();
    assert_eq!(late.status(), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invented_patient_is_looked_up_in_her_realm() {
    let world = World::start().await;
    of_realm(&world, Some("a-1"), Mode::Sandbox).await;
    let patient = uuid::Uuid::new_v4();
    world.registry.answers(
        "/v1/patients/by-identifier",
        Answer::Json(json!({ "patient": patient })),
    );
    let identifier = json!({ "system": "https://dmp.ma/sid/cnie", "value": "XT1" });
    let mut claims = physician(&world, "a-1");
    claims.as_object_mut().unwrap().remove("inpe");
    claims["patient_identifier"] = identifier.clone();
    let log_in = signed(&world.sandbox, "EdDSA", &claims);
    let (status, answer) = ask(&world, &world.app, &log_in, &[("purpose", "PATRQT")]).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(
        world.registry.heard()[0].json(),
        json!({ "identifier": identifier, "realm": "a-1" })
    );
    let (_, answer) = ask(&world, &world.hospital, &log_in, &TREAT).await;
    assert_eq!(answer["error"], "invalid_grant", "no professional");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_of_the_sandbox_is_signed_by_the_platform_for_now_and_here() {
    let world = World::start().await;
    confirms(&world);
    of_realm(&world, Some("a-1"), Mode::Sandbox).await;
    let good = physician(&world, "a-1");
    let with = |name: &str, value: Value| with(&good, name, value);
    let without = |name: &str| without(&good, name);
    let now = jiff::Timestamp::now().as_second();
    let own = &world.sandbox;
    let namesake = Signer::new(own.kid());
    let unsigned = signed(own, "EdDSA", &good).rsplit_once('.').unwrap().0.to_owned() + ".";
    for (name, log_in) in [
        ("forged", signed(&namesake, "EdDSA", &good)),
        ("the key of tokens", signed(&world.tokens.signer, "EdDSA", &good)),
        ("another algorithm", signed(own, "HS256", &good)),
        ("none", signed(own, "none", &good)),
        ("unsigned", unsigned),
        ("expired", signed(own, "EdDSA", &with("exp", json!(now - 60)))),
        (
            "good for a day",
            signed(own, "EdDSA", &with("exp", json!(now + 86_400))),
        ),
        (
            "for somebody else",
            signed(own, "EdDSA", &with("aud", json!("other"))),
        ),
        (
            "of another platform",
            signed(own, "EdDSA", &with("iss", json!("https://other.test/sandbox"))),
        ),
        ("of no realm", signed(own, "EdDSA", &without("realm"))),
        ("of the nation", signed(own, "EdDSA", &with("realm", json!("")))),
        ("without end", signed(own, "EdDSA", &without("exp"))),
    ] {
        let (status, answer) = ask(&world, &world.hospital, &log_in, &TREAT).await;
        assert_eq!(
            (status, &answer["error"]),
            (400, &json!("invalid_grant")),
            "{name}"
        );
    }
    assert!(world.registry.heard().is_empty());
}
