//! The token service: whose log-in becomes a token, and whose does not.

use dmp_core::token::{Person, Verifier};
use dmp_testkit::Bao;
use serde_json::{Value, json};

use crate::stub::Answer;
use crate::world::{Software, World, with, without};

const INPE: &str = "111111111";

pub fn confirms(world: &World) {
    world.registry.answers(
        "/v1/directory/confirm",
        Answer::Json(json!({ "active": true, "profession": "physician", "display": "Dr Test" })),
    );
}

pub async fn ask(world: &World, software: &Software, assertion: &str, more: &[(&str, &str)]) -> (u16, Value) {
    let mut form = vec![
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", assertion),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"),
    ];
    form.extend_from_slice(more);
    post(world, software, &form).await
}

pub async fn post(world: &World, software: &Software, form: &[(&str, &str)]) -> (u16, Value) {
    let body = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish();
    let request = software.http.post(world.url("/oauth2/token"));
    let request = request
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body);
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

pub async fn verifier(world: &World) -> Verifier {
    let keys = [Bao::shared().public_key(None, "token").await];
    Verifier::new(&keys, &world.tokens.issuer).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caregiver_gets_a_token_bound_to_the_software() {
    let world = World::start().await;
    confirms(&world);
    let assertion = world.issuer.sign(&world.issuer.claims(json!({ "inpe": INPE })));
    let (status, answer) = ask(&world, &world.hospital, &assertion, &[("purpose", "TREAT")]).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["token_type"], "Bearer");
    assert_eq!(
        answer["issued_token_type"],
        "urn:ietf:params:oauth:token-type:access_token"
    );
    assert_eq!(answer["expires_in"], 300);
    let token = answer["access_token"].as_str().unwrap();
    let claims = verifier(&world).await.verify(token).unwrap();
    assert!(
        claims.person
            == Person::Professional {
                inpe: INPE.to_owned(),
                profession: "physician".to_owned()
            }
    );
    assert_eq!(claims.establishment.as_deref(), Some("000000001"));
    assert_eq!(claims.group.as_deref(), Some("a"));
    assert_eq!(
        claims.cnf.x5t_s256,
        world.hospital.identity.as_peer().thumbprint()
    );
    assert_eq!(claims.display.as_deref(), Some("Dr Test"));
    assert_eq!(claims.purpose, "TREAT");
    let asked = world.registry.heard();
    assert_eq!(
        asked[0].json(),
        json!({ "inpe": INPE, "establishment": "000000001" })
    );

    // it works here, and with no other software
    world.locates(&[]);
    world.records[0].answers("/v1/documents/search", Answer::Json(json!({ "documents": [] })));
    let url = world.url(&format!(
        "/fhir/DocumentReference?patient={}",
        uuid::Uuid::new_v4()
    ));
    let here = world
        .hospital
        .http
        .get(&url)
        .bearer_auth(token)
        .send()
        .await
        .unwrap();
    assert_eq!(here.status(), 200);
    let elsewhere = world
        .cabinet
        .http
        .get(&url)
        .bearer_auth(token)
        .send()
        .await
        .unwrap();
    assert_eq!(elsewhere.status(), 401);
    let body: Value = elsewhere.json().await.unwrap();
    assert_eq!(
        body["issue"][0]["details"]["coding"][0]["code"],
        "token-not-bound"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_speaks_through_a_patient_app_only() {
    let world = World::start().await;
    confirms(&world);
    let patient = uuid::Uuid::new_v4();
    world.registry.answers(
        "/v1/patients/by-identifier",
        Answer::Json(json!({ "patient": patient })),
    );
    for claims in [
        json!({ "patient_identifier": { "system": "urn:x", "value": "1" } }),
        json!({ "patient_identifier_system": "urn:x", "patient_identifier_value": "1" }),
    ] {
        let assertion = world.issuer.sign(&world.issuer.claims(claims));
        let (status, answer) = ask(&world, &world.app, &assertion, &[("purpose", "PATRQT")]).await;
        assert_eq!(status, 200, "{answer}");
        let claims = verifier(&world)
            .await
            .verify(answer["access_token"].as_str().unwrap())
            .unwrap();
        assert!(
            claims.person
                == Person::Patient {
                    id: dmp_core::ids::PatientId::from_uuid(patient)
                }
        );
        assert_eq!(
            (claims.establishment, claims.group, claims.display),
            (None, None, None)
        );
        assert_eq!(
            world.registry.heard()[0].json(),
            json!({ "identifier": { "system": "urn:x", "value": "1" } })
        );

        let (status, answer) = ask(&world, &world.hospital, &assertion, &[("purpose", "TREAT")]).await;
        assert_eq!((status, &answer["error"]), (400, &json!("invalid_grant")));
        let (status, answer) = ask(&world, &world.app, &assertion, &[("purpose", "TREAT")]).await;
        assert_eq!((status, &answer["error"]), (400, &json!("invalid_request")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_do_not_tell_who_is_known() {
    let world = World::start().await;
    let issuer = &world.issuer;
    let assertion = issuer.sign(&issuer.claims(json!({ "inpe": INPE })));
    let purpose = ("purpose", "TREAT");

    confirms(&world);
    let other_establishment = ask(
        &world,
        &world.hospital,
        &assertion,
        &[purpose, ("establishment", "000000002")],
    )
    .await;
    world
        .registry
        .answers("/v1/directory/confirm", Answer::Json(json!({ "active": false })));
    let unknown_professional = ask(&world, &world.hospital, &assertion, &[purpose]).await;
    world.registry.answers(
        "/v1/patients/by-identifier",
        Answer::Json(json!({ "patient": null })),
    );
    let nobody =
        issuer.sign(&issuer.claims(json!({ "patient_identifier": { "system": "urn:x", "value": "2" } })));
    let unknown_patient = ask(&world, &world.app, &nobody, &[("purpose", "PATRQT")]).await;
    let empty = issuer.sign(&issuer.claims(json!({})));
    let names_nobody = ask(&world, &world.hospital, &empty, &[purpose]).await;

    assert_eq!(other_establishment.0, 400);
    assert_eq!(other_establishment.1["error"], "invalid_grant");
    for other in [unknown_professional, unknown_patient, names_nobody] {
        assert_eq!(other, other_establishment);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_assertions_are_refused() {
    let world = World::start().await;
    confirms(&world);
    let issuer = &world.issuer;
    let good = issuer.claims(json!({ "inpe": INPE }));
    let with = |name: &str, value: Value| with(&good, name, value);
    let past = jiff::Timestamp::now().as_second() - 3600;
    for (name, assertion) in [
        ("none", issuer.none(&good)),
        ("HS256 with the public key", issuer.hs256(&good)),
        ("forged", issuer.forge(&good)),
        ("wrong audience", issuer.sign(&with("aud", json!("another")))),
        (
            "unknown issuer",
            issuer.sign(&with("iss", json!("https://issuer.example"))),
        ),
        ("expired", issuer.sign(&with("exp", json!(past)))),
        ("not yet", issuer.sign(&with("nbf", json!(past + 7200)))),
        ("no expiry", issuer.sign(&without(&good, "exp"))),
        (
            "unsigned",
            issuer.sign(&good).rsplit_once('.').unwrap().0.to_owned() + ".",
        ),
        ("nonsense", "nonsense".to_owned()),
    ] {
        let (status, answer) = ask(&world, &world.hospital, &assertion, &[("purpose", "TREAT")]).await;
        assert_eq!(
            (status, &answer["error"]),
            (400, &json!("invalid_grant")),
            "{name}"
        );
    }
    assert!(
        world.registry.heard().is_empty(),
        "a bad assertion reached the registry"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_requests_get_their_own_error() {
    let world = World::start().await;
    confirms(&world);
    let assertion = world.issuer.sign(&world.issuer.claims(json!({ "inpe": INPE })));
    let exchange = ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange");
    let subject = ("subject_token", assertion.as_str());
    let kind = ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token");
    let purpose = ("purpose", "TREAT");
    for (form, status, error) in [
        (vec![], 400, "invalid_request"),
        (vec![("grant_type", "password")], 400, "unsupported_grant_type"),
        (
            vec![("grant_type", "client_credentials")],
            400,
            "unauthorized_client",
        ),
        (vec![exchange, kind, purpose], 400, "invalid_request"),
        (vec![exchange, subject, purpose], 400, "invalid_request"),
        (vec![exchange, subject, kind], 400, "invalid_request"),
        (
            vec![exchange, subject, kind, ("purpose", "PATRQT")],
            400,
            "invalid_request",
        ),
        (
            vec![exchange, subject, kind, purpose, purpose],
            400,
            "invalid_request",
        ),
        (
            vec![exchange, subject, kind, purpose, ("client_id", "vendor-x/other")],
            401,
            "invalid_client",
        ),
    ] {
        let (got, answer) = post(&world, &world.hospital, &form).await;
        assert_eq!((got, answer["error"].as_str()), (status, Some(error)), "{answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_source_has_no_person() {
    let world = World::start().await;
    let (status, answer) = post(&world, &world.directory, &[("grant_type", "client_credentials")]).await;
    assert_eq!(status, 200, "{answer}");
    let claims = verifier(&world)
        .await
        .verify(answer["access_token"].as_str().unwrap())
        .unwrap();
    assert!(claims.person == Person::Directory);
    let assertion = world.issuer.sign(&world.issuer.claims(json!({ "inpe": INPE })));
    let (_, answer) = ask(&world, &world.directory, &assertion, &[("purpose", "TREAT")]).await;
    assert_eq!(answer["error"], "unauthorized_client");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_cached_and_followed_when_they_rotate() {
    let world = World::start().await;
    confirms(&world);
    let issuer = &world.issuer;
    for _ in 0..3 {
        let assertion = issuer.sign(&issuer.claims(json!({ "inpe": INPE })));
        assert_eq!(
            ask(&world, &world.hospital, &assertion, &[("purpose", "TREAT")])
                .await
                .0,
            200
        );
    }
    assert_eq!(issuer.fetches(), 1);

    issuer.rotate();
    let assertion = issuer.sign(&issuer.claims(json!({ "inpe": INPE })));
    // the last fetch was just now: the new key is not asked for at once, but soon
    let mut status = 0;
    for _ in 0..80 {
        status = ask(&world, &world.hospital, &assertion, &[("purpose", "TREAT")])
            .await
            .0;
        if status == 200 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(status, 200);
    assert_eq!(
        issuer.fetches(),
        2,
        "a flood of unknown keys became a flood of fetches"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demonstration_issuer_ends_with_the_demonstration() {
    let world = World::start().await;
    confirms(&world);
    let assertion = world.issuer.sign(&world.issuer.claims(json!({ "inpe": INPE })));
    assert_eq!(
        ask(&world, &world.hospital, &assertion, &[("purpose", "TREAT")])
            .await
            .0,
        200
    );

    world.operator.change(|facts| facts.demonstration = false);
    world.until_seq(2).await;
    let (status, answer) = ask(&world, &world.hospital, &assertion, &[("purpose", "TREAT")]).await;
    assert_eq!((status, &answer["error"]), (400, &json!("invalid_grant")));

    // homologated software holds real data: no invented people there
    world.operator.change(|facts| {
        facts.demonstration = true;
        facts.credentials[0].mode = dmp_client::facts::Mode::Production;
    });
    world.until_seq(3).await;
    let (status, _) = ask(&world, &world.hospital, &assertion, &[("purpose", "TREAT")]).await;
    assert_eq!(status, 400);
}
