//! Every refusal of access is the same from outside: status, body bytes and headers.

use std::collections::BTreeMap;

use axum::body::Bytes;
use dmp_core::ids::PatientId;
use serde_json::json;

use crate::stub::Answer;
use crate::world::{World, document_id};

/// What an outsider can tell one answer from another by.
#[derive(Debug, PartialEq)]
struct Seen {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Bytes,
}

async fn seen(answer: reqwest::Response) -> Seen {
    let status = answer.status().as_u16();
    let headers = answer
        .headers()
        .iter()
        .filter(|(name, _)| !matches!(name.as_str(), "x-correlation-id" | "date"))
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    Seen {
        status,
        headers,
        body: answer.bytes().await.unwrap(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_refusals_of_access_are_the_same_bytes() {
    let world = World::start().await;
    let search = |parameter: &str| format!("/fhir/DocumentReference?{parameter}");
    let someone = search(&format!("patient={}", uuid::Uuid::new_v4()));
    let records = &world.records[0];
    let mut all = Vec::new();

    // no care relation, opposition: the record store refuses
    world.locates(&["a", "b"]);
    for stub in &world.records {
        stub.answers("/v1/documents/search", Answer::Problem(403, "access-refused"));
    }
    all.push(("refused by all groups", seen(world.get(&someone).await).await));
    // nobody holds anything, the own group refuses
    world.locates(&[]);
    all.push(("refused by the own group", seen(world.get(&someone).await).await));
    // the patient is not known
    world
        .registry
        .answers("/v1/locator", Answer::Problem(404, "unknown-patient"));
    all.push(("unknown patient", seen(world.get(&someone).await).await));
    world
        .registry
        .answers("/v1/locator", Answer::Problem(403, "access-refused"));
    all.push(("refused by the registry", seen(world.get(&someone).await).await));
    all.push((
        "no such id",
        seen(world.get(&search("patient=ex-patient")).await).await,
    ));
    world.registry.answers(
        "/v1/patients/by-identifier",
        Answer::Json(json!({ "patient": null })),
    );
    all.push((
        "unknown identifier",
        seen(world.get(&search("patient.identifier=urn:x%7C1")).await).await,
    ));
    // a refusal outweighs a group that cannot be reached
    world.locates(&["a", "b"]);
    world.records[1].answers("/v1/documents/search", Answer::Problem(500, "internal"));
    all.push(("one refuses, one is down", seen(world.get(&someone).await).await));

    let binary = format!("/fhir/Binary/{}", document_id("a"));
    records.answers("/v1/documents/retrieve", Answer::Problem(403, "access-refused"));
    all.push(("a document, refused", seen(world.get(&binary).await).await));
    records.answers("/v1/documents/retrieve", Answer::Problem(404, "no-such-document"));
    all.push(("a document, not there", seen(world.get(&binary).await).await));
    all.push((
        "a document of no group",
        seen(world.get(&format!("/fhir/Binary/{}", document_id("zz"))).await).await,
    ));
    all.push(("an id of nothing", seen(world.get("/fhir/Binary/1").await).await));
    all.push((
        "an id that is no text",
        seen(world.get("/fhir/Binary/%ff").await).await,
    ));

    let submission = json!({
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [{
            "fullUrl": "urn:uuid:aaaaaaaa-bbbb-cccc-dddd-e00111100002",
            "resource": {
                "resourceType": "DocumentReference", "status": "current",
                "subject": { "reference": "Patient/ex-patient" },
                "content": [{ "attachment": { "contentType": "text/plain", "data": "QQ==" } }],
            },
            "request": { "method": "POST", "url": "DocumentReference" },
        }],
    });
    all.push((
        "a submission for nobody",
        seen(world.transact(&submission).await).await,
    ));
    // a caregiver has no consents and no trail
    all.push((
        "consents",
        seen(
            world
                .get(&format!("/fhir/Consent?patient={}", uuid::Uuid::new_v4()))
                .await,
        )
        .await,
    ));
    all.push((
        "a consent",
        seen(
            world
                .post_fhir("/fhir/Consent", r#"{"resourceType":"Consent"}"#)
                .await,
        )
        .await,
    ));
    // another patient of whom no group holds anything, or who is not known: the registry names no group
    world.locates(&[]);
    let token = world.tokens.mint(&world.patient(PatientId::random()));
    let other = world.url(&someone);
    let other = world.app.http.get(other).bearer_auth(token).send().await.unwrap();
    all.push(("another patient's empty record", seen(other).await));
    // another patient's consents
    let token = world.tokens.mint(&world.patient(PatientId::random()));
    let other = world.url(&format!("/fhir/Consent?patient={}", uuid::Uuid::new_v4()));
    let other = world.app.http.get(other).bearer_auth(token).send().await.unwrap();
    all.push(("another patient's consents", seen(other).await));

    // outside of FHIR the shape is another, and as silent
    let trail = seen(world.get("/dmp/v1/trail").await).await;
    assert_eq!(trail, seen(world.get("/dmp/v1/trail").await).await);
    assert_eq!(trail.status, 403);

    let (_, first) = &all[0];
    assert_eq!(first.status, 403);
    assert_eq!(first.headers["content-type"], "application/fhir+json");
    let text = String::from_utf8(first.body.to_vec()).unwrap();
    assert!(text.contains("access-refused"), "{text}");
    for (name, other) in &all {
        assert_eq!(other, first, "{name}");
    }
}
