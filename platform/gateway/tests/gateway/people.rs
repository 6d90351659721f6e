//! What patients do with their own record, and directory sources with theirs.

use dmp_core::ids::PatientId;
use serde_json::{Value, json};

use crate::stub::Answer;
use crate::world::{World, send};

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_opposes_lifts_and_lists() {
    let world = World::start().await;
    let id = PatientId::random();
    let claims = world.patient(id);
    let stored = json!({ "resourceType": "Consent", "id": "c1", "status": "active" });
    for path in ["/v1/consents", "/v1/consents/update"] {
        world
            .consent
            .answers(path, Answer::Json(json!({ "consent": stored })));
    }
    world.consent.answers(
        "/v1/consents/search",
        Answer::Json(json!({ "consents": [stored] })),
    );
    let consent = json!({ "resourceType": "Consent", "status": "active" });
    let app = &world.app;
    let (status, headers, body) = send(
        &world,
        app,
        &claims,
        reqwest::Method::POST,
        "/fhir/Consent",
        Some(&consent),
    )
    .await;
    assert_eq!((status, &body), (201, &stored));
    assert_eq!(headers["location"], "https://gateway.dmp.test/fhir/Consent/c1");
    let (status, _, _) = send(
        &world,
        app,
        &claims,
        reqwest::Method::PUT,
        "/fhir/Consent/c1",
        Some(&consent),
    )
    .await;
    assert_eq!(status, 200);
    let wrong = json!({ "resourceType": "Consent", "id": "c2" });
    let (status, _, _) = send(
        &world,
        app,
        &claims,
        reqwest::Method::PUT,
        "/fhir/Consent/c1",
        Some(&wrong),
    )
    .await;
    assert_eq!(status, 400);
    let path = format!("/fhir/Consent?patient={}", id.as_uuid());
    let (status, _, body) = send(&world, app, &claims, reqwest::Method::GET, &path, None).await;
    assert_eq!((status, &body["total"]), (200, &json!(1)));
    let heard = world.consent.heard();
    assert_eq!(heard[0].json()["patient"], id.as_uuid().to_string());
    assert_eq!(heard[1].json()["id"], "c1");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trail_comes_with_its_proofs_and_as_fhir() {
    let world = World::start().await;
    let id = PatientId::random();
    let pseudonym = uuid::Uuid::new_v4();
    let event = json!({
        "kind": "read", "at": "2026-11-25T10:00:00Z", "patient": pseudonym, "who": "111111111",
        "who_display": "Dr Test", "establishment": "000000001", "purpose": "TREAT",
        "software": "vendor-h/solution 1.0", "resource": "Binary", "resource_id": "aaaaaaaa-1",
        "outcome": "permitted", "correlation": "c0ffee",
    });
    let entry = json!({
        "log": "dmp.test/log/group/a", "index": 7, "leaf": "{}", "event": event.to_string(), "salt": "AA==",
        "proof": [], "checkpoint": "dmp.test/log/group/a\n8\n",
    });
    let trail = json!({ "entries": [entry], "behind": ["dmp.test/log/group/b"] });
    world.audit.answers("/v1/trail", Answer::Json(trail.clone()));
    let claims = world.patient(id);
    let (status, headers, body) = send(
        &world,
        &world.app,
        &claims,
        reqwest::Method::GET,
        "/dmp/v1/trail",
        None,
    )
    .await;
    assert_eq!((status, body), (200, trail));
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(world.audit.heard()[0].json(), json!({ "patient": id.as_uuid() }));

    let path = format!("/fhir/AuditEvent?patient={}", id.as_uuid());
    let (status, _, bundle) = send(&world, &world.app, &claims, reqwest::Method::GET, &path, None).await;
    assert_eq!((status, &bundle["total"]), (200, &json!(1)));
    let event = &bundle["entry"][0]["resource"];
    assert_eq!(event["action"], "R");
    assert_eq!(event["agent"][0]["who"]["identifier"]["value"], "111111111");
    assert_eq!(event["entity"][1]["what"]["reference"], "Binary/aaaaaaaa-1");
    assert!(
        !bundle.to_string().contains(&pseudonym.to_string()),
        "a pseudonym left the platform"
    );
    assert_eq!(bundle["entry"][1]["search"]["mode"], "outcome");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_source_publishes_and_nobody_else() {
    let world = World::start().await;
    let counts = json!({ "organizations": 1, "practitioners": 0, "roles": 0 });
    world.registry.answers("/v1/directory", Answer::Json(counts));
    let bundle = json!({
        "resourceType": "Bundle", "type": "transaction",
        "entry": [{
            "fullUrl": "urn:uuid:aaaaaaaa-bbbb-cccc-dddd-e00111100001",
            "resource": { "resourceType": "Organization" },
            "request": { "method": "PUT", "url": "Organization?identifier=x%7C1" },
        }],
    });
    let claims = world.directory_source();
    let post = reqwest::Method::POST;
    let (status, _, body) = send(
        &world,
        &world.directory,
        &claims,
        post.clone(),
        "/fhir",
        Some(&bundle),
    )
    .await;
    assert_eq!((status, &body["type"]), (200, &json!("transaction-response")));
    assert_eq!(world.registry.heard()[0].json(), json!({ "bundle": bundle }));
    // a caregiver's directory bundle has no document and so no patient
    let (status, _, _) = send(
        &world,
        &world.hospital,
        &world.physician(),
        post,
        "/fhir",
        Some(&bundle),
    )
    .await;
    assert_eq!(status, 422);
    assert!(world.registry.heard().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_needs_a_certificate_and_no_token() {
    let world = World::start().await;
    let answer = world
        .hospital
        .http
        .get(world.url("/fhir/metadata"))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let statement: Value = answer.json().await.unwrap();
    assert_eq!(
        (&statement["resourceType"], &statement["fhirVersion"]),
        (&json!("CapabilityStatement"), &json!("4.0.1"))
    );
    assert_eq!(
        statement["implementation"]["url"],
        "https://gateway.dmp.test/fhir"
    );
}
