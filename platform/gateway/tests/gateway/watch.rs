//! The conformance suite looks on: what is recorded of whom, and which faults software meets.

use std::time::Duration;

use dmp_client::facts::Mode;
use serde_json::{Value, json};

use crate::stub::{Answer, Heard};
use crate::world::{CABINET, HOSPITAL, World, send};

const PATH: &str = "/fhir/Patient?identifier=urn:oid:2.999.504.1|AB12";

/// A world in which the hospital's software sits a test.
async fn watched(fault: Value) -> World {
    let world = World::start().await;
    let name = format!("{}/{}", HOSPITAL.0, HOSPITAL.1);
    world.portal.answers(
        "/v1/watch",
        Answer::Json(json!({ "revision": 7, "credentials": [name] })),
    );
    plays(&world, fault);
    world.portal.answers("/v1/watch/after", Answer::Json(Value::Null));
    let stored = json!({ "resourceType": "Patient", "birthDate": "1951" });
    let fed = json!({ "id": uuid::Uuid::new_v4(), "created": true, "patient": stored });
    world.registry.answers("/v1/patients/feed", Answer::Json(fed));
    // The gateway has the list once it says so in its next poll.
    for _ in 0..200 {
        let polls = world.portal.heard();
        if polls.iter().any(|poll| poll.json()["seen"] == 7) {
            return world;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the gateway does not ask who is watched");
}

fn plays(world: &World, fault: Value) {
    let running = json!({ "run": uuid::Uuid::nil(), "number": 3, "atMs": 120, "fault": fault });
    world
        .portal
        .answers("/v1/watch/before", Answer::Json(json!({ "running": running })));
}

async fn feed(world: &World) -> (u16, reqwest::header::HeaderMap, Value) {
    let patient = json!({ "resourceType": "Patient", "birthDate": "1951" });
    let (claims, put) = (world.physician(), reqwest::Method::PUT);
    send(world, &world.hospital, &claims, put, PATH, Some(&patient)).await
}

/// The calls about exchanges since the last look.
fn calls(world: &World) -> Vec<Heard> {
    let mut heard = world.portal.heard();
    heard.retain(|call| call.path != "/v1/watch");
    heard
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_is_recorded_with_its_answer_and_without_its_token() {
    let world = watched(Value::Null).await;
    let (status, ..) = feed(&world).await;
    assert_eq!(status, 201, "the platform answers as ever");
    let calls = calls(&world);
    assert_eq!(calls[0].json()["operation"], "iti-104");
    let after = calls[1].json();
    let exchange = &after["exchange"];
    assert_eq!(exchange["number"], 3);
    assert_eq!(exchange["request"]["method"], "PUT");
    assert_eq!(
        exchange["request"]["query"]["identifier"],
        json!(["urn:oid:2.999.504.1|AB12"])
    );
    assert_eq!(exchange["request"]["body"]["json"]["birthDate"], "1951");
    assert_eq!(exchange["response"]["status"], 201);
    assert_eq!(exchange["response"]["fault"], Value::Null);
    let shown = exchange["request"]["headers"]["authorization"].as_str().unwrap();
    assert!(shown.starts_with("Bearer sha256:"), "{shown}");
    assert!(!after.to_string().contains("eyJ"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_comes_instead_of_the_platform_or_after_it() {
    let answer = json!({ "status": 503, "code": "part-unavailable", "retryAfter": 4 });
    let world = watched(json!({ "id": "busy", "play": { "answer": answer } })).await;
    let (status, headers, body) = feed(&world).await;
    assert_eq!((status, headers["retry-after"].to_str().unwrap()), (503, "4"));
    assert_eq!(
        body["issue"][0]["details"]["coding"][0]["code"],
        "part-unavailable"
    );
    assert!(
        world.registry.heard().is_empty(),
        "the platform does not hear of it"
    );
    let recorded = calls(&world).remove(1).json();
    assert_eq!(recorded["exchange"]["response"]["fault"], "busy");
    assert_eq!(recorded["exchange"]["response"]["status"], 503);

    plays(&world, json!({ "id": "lost", "play": { "lose": answer } }));
    let (status, ..) = feed(&world).await;
    assert_eq!(status, 503);
    assert_eq!(
        world.registry.heard().len(),
        1,
        "it was done, and the answer got lost"
    );

    let answer = json!({ "status": 401, "code": "token-invalid" });
    plays(&world, json!({ "id": "expired", "play": { "answer": answer } }));
    let (status, headers, _) = feed(&world).await;
    assert_eq!(status, 401);
    assert!(
        headers["www-authenticate"]
            .to_str()
            .unwrap()
            .contains("invalid_token")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sits_no_test_is_not_recorded_and_a_portal_that_is_away_stops_nobody_else() {
    let world = watched(Value::Null).await;
    let claims = world.caregiver(&world.cabinet, CABINET, "000000002", "b");
    let _ = send(
        &world,
        &world.cabinet,
        &claims,
        reqwest::Method::GET,
        "/fhir/metadata",
        None,
    )
    .await;
    assert_eq!(calls(&world).len(), 0);

    world
        .portal
        .answers("/v1/watch/before", Answer::Problem(503, "starting"));
    let (status, _, body) = feed(&world).await;
    assert_eq!(status, 503, "a test in which exchanges go unseen is none: {body}");
    world
        .portal
        .answers("/v1/watch", Answer::Problem(503, "starting"));
    for _ in 0..100 {
        if feed(&world).await.0 == 201 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("without a portal nobody is watched");
}

#[tokio::test(flavor = "multi_thread")]
async fn software_in_production_sits_no_test_and_nobody_looks_on() {
    // The portal names it all the same.
    let world = watched(json!({ "id": "x", "play": { "kind": "answer", "status": 503 } })).await;
    world.operator.change(|facts| {
        for group in &mut facts.groups {
            group.mode = Mode::Production;
        }
        for credential in &mut facts.credentials {
            credential.mode = Mode::Production;
            credential.scopes = Some(vec!["identity-feed".to_owned()]);
        }
    });
    world.until_seq(2).await;
    calls(&world);
    let (status, ..) = feed(&world).await;
    assert_eq!(status, 201, "no fault is played on real people");
    let opened = world
        .hospital
        .http
        .post(world.url("/dmp/v1/conformance/sittings"))
        .json(&json!({ "mode": "rehearsal", "profiles": [] }))
        .send()
        .await
        .unwrap();
    assert_eq!(opened.status(), 403);
    assert!(calls(&world).is_empty(), "the portal hears of nothing");
}
