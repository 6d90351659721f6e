//! Bundles that are not acceptable, large documents, and what a patient's list shows of others.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::fixtures::{Letter, bundle, unique_id};
use super::world::World;

/// What is done to a good Bundle, and the status and code it then gets.
type Case = (fn(&mut Value), u16, &'static str);

const CASES: &[Case] = &[
    (|b| b["type"] = "batch".into(), 400, "not-a-transaction"),
    (|b| b["resourceType"] = "Patient".into(), 400, "not-a-bundle"),
    (|b| remove(b, 0), 422, "submission-set-missing"),
    (|b| duplicate(b, 0), 422, "submission-set-repeated"),
    (|b| remove(b, 2), 422, "binary-missing"),
    (
        |b| {
            b["entry"][1]["resource"]["content"][0]["attachment"]["url"] =
                "urn:uuid:00000000-0000-4000-8000-000000000000".into()
        },
        422,
        "binary-missing",
    ),
    (
        |b| {
            b["entry"][1]["resource"]["content"][0]["attachment"]["hash"] =
                "AAAAAAAAAAAAAAAAAAAAAAAAAAA=".into()
        },
        422,
        "attachment-hash-mismatch",
    ),
    (
        |b| b["entry"][1]["resource"]["content"][0]["attachment"]["size"] = 7.into(),
        422,
        "attachment-size-mismatch",
    ),
    (
        |b| b["entry"][2]["resource"]["data"] = "%%%".into(),
        422,
        "value-invalid",
    ),
    (
        |b| b["entry"][2]["resource"]["contentType"] = "text/plain\r\nX: y".into(),
        422,
        "value-invalid",
    ),
    (
        |b| b["entry"][1]["resource"]["status"] = "superseded".into(),
        422,
        "document-not-current",
    ),
    (
        |b| b["entry"][1]["resource"]["subject"]["reference"] = "Patient/q".into(),
        422,
        "several-patients",
    ),
    (
        |b| {
            b["entry"][0]["resource"]["entry"] =
                json!([{ "item": { "reference": "urn:uuid:00000000-0000-4000-8000-000000000000" } }])
        },
        422,
        "dangling-reference",
    ),
    (
        |b| {
            b["entry"][0]["resource"].as_object_mut().unwrap().remove("entry");
        },
        422,
        "document-not-in-submission-set",
    ),
    (
        |b| {
            b["entry"][0]["resource"]
                .as_object_mut()
                .unwrap()
                .remove("identifier");
        },
        400,
        "submission-set-without-unique-id",
    ),
    (|b| duplicate(b, 2), 422, "binary-unreferenced"),
    (
        |b| {
            b["entry"].as_array_mut().unwrap().push(json!({
        "request": { "method": "DELETE", "url": "DocumentReference/x" } }))
        },
        422,
        "entry-not-understood",
    ),
    (
        |b| {
            b["entry"].as_array_mut().unwrap().push(json!({
        "request": { "method": "POST", "url": "Observation" }, "resource": { "resourceType": "Observation" } }))
        },
        422,
        "entry-not-understood",
    ),
    (
        |b| {
            b["entry"][1]["resource"]["relatesTo"] = json!([{
        "code": "replaces", "target": { "reference": "DocumentReference/ex-documentreference" } }])
        },
        422,
        "replaced-document-unknown",
    ),
    (
        |b| {
            b["entry"].as_array_mut().unwrap().push(json!({
        "request": { "method": "PATCH", "url": "DocumentReference/x" },
        "resource": { "resourceType": "Parameters", "parameter": [] } }))
        },
        422,
        "patch-not-understood",
    ),
];

fn remove(bundle: &mut Value, entry: usize) {
    bundle["entry"].as_array_mut().unwrap().remove(entry);
}

fn duplicate(bundle: &mut Value, entry: usize) {
    let mut copy = bundle["entry"][entry].clone();
    copy["fullUrl"] = format!("urn:uuid:{}", uuid::Uuid::new_v4()).into();
    bundle["entry"].as_array_mut().unwrap().push(copy);
}

#[tokio::test]
async fn a_bundle_that_is_wrong_is_refused_and_leaves_nothing() {
    let world = World::new().await;
    let patient = world.patient_in_care();
    let doctor = world.doctor();
    for (number, (change, status, code)) in CASES.iter().enumerate() {
        let mut bundle = bundle(&unique_id(), &Letter::new(b"the letter"));
        change(&mut bundle);
        let answer = world.submit(&doctor, patient, &bundle).await;
        let body = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (*status, *code),
            "case {number}: {body}"
        );
        assert!(!body.contains("the letter") && !body.contains("Compte rendu"));
    }
    for (bytes, code) in [
        (b"{".to_vec(), "json-invalid"),
        (b"{\"patient\":1,\"patient\":2}".to_vec(), "json-duplicate-key"),
        (vec![b'['; 10_000], "json-too-deep"),
        (vec![b'"', 0xff, b'"'], "json-not-utf8"),
    ] {
        let answer = world.post_bytes("/v1/submissions", &doctor, bytes).await;
        assert_eq!((answer.status, answer.code().as_str()), (400, code));
    }
    for table in [
        "submission",
        "document",
        "content",
        "content_chunk",
        "document_identifier",
        "patient_link",
    ] {
        assert_eq!(world.count(table).await, 0, "{table}");
    }
}

#[tokio::test]
async fn large_documents_are_kept_in_pieces_and_too_large_ones_refused() {
    let world = World::new().await;
    let patient = world.patient_in_care();
    let doctor = world.doctor();
    for size in [1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, (3 << 20) + 17] {
        let bytes: Vec<u8> = (0..size).map(|n: usize| (n * 31 % 251) as u8).collect();
        let locations = world
            .stored(&doctor, patient, &bundle(&unique_id(), &Letter::new(&bytes)))
            .await;
        let back = world
            .retrieve(&doctor, locations[2].strip_prefix("Binary/").unwrap())
            .await;
        assert!(back.status == 200 && back.body == bytes, "{size}");
    }
    assert_eq!(world.count("content_chunk").await, 1 + 1 + 1 + 2 + 4);

    let mut too_large = bundle(&unique_id(), &Letter::new(b"x"));
    too_large["entry"][2]["resource"]["data"] = STANDARD.encode(vec![0; (40 << 20) + 1]).into();
    let answer = world.submit(&doctor, patient, &too_large).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (413, "document-too-large")
    );
}

#[tokio::test]
async fn a_body_of_sixty_megabytes_of_document_is_refused() {
    let world = World::new().await;
    let patient = world.patient_in_care();
    let mut far_too_large = bundle(&unique_id(), &Letter::new(b"x"));
    far_too_large["entry"][2]["resource"]["data"] = STANDARD.encode(vec![0; 60_000_000]).into();
    // The service may answer and close before it has read the whole body: then the client sees a broken connection.
    let body = serde_json::to_vec(&json!({ "patient": patient, "bundle": far_too_large })).unwrap();
    let client = world
        .platform
        .pki
        .service("dmp-national", "gateway")
        .http_client()
        .unwrap();
    let request = client
        .post(world.service.url("/v1/submissions"))
        .bearer_auth(world.doctor())
        .body(body);
    match request.timeout(std::time::Duration::from_secs(120)).send().await {
        Ok(response) => assert_eq!(response.status(), 413),
        Err(error) => assert!(error.is_request() || error.is_body(), "{error}"),
    }
    assert_eq!(world.count("submission").await, 0);
}

#[tokio::test]
async fn a_list_shows_what_the_profession_may_see_and_the_filters_ask_for() {
    let world = World::new().await;
    let patient = world.patient_in_care();
    let doctor = world.doctor();
    for (title, code) in [
        ("summary", "34105-7"),
        ("laboratory", "11502-2"),
        ("unknown", "00000-0"),
    ] {
        let letter = Letter {
            title,
            type_code: code,
            ..Letter::new(title.as_bytes())
        };
        world
            .stored(&doctor, patient, &bundle(&unique_id(), &letter))
            .await;
    }
    let titles = |documents: Vec<Value>| -> Vec<String> {
        documents
            .iter()
            .map(|d| {
                d["content"][0]["attachment"]["title"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            })
            .collect()
    };
    assert_eq!(
        titles(world.found(&doctor, patient, &[]).await),
        ["summary", "laboratory", "unknown"]
    );
    assert_eq!(
        titles(
            world
                .found(&doctor, patient, &[("type", "http://loinc.org|11502-2")])
                .await
        ),
        ["laboratory"]
    );
    let biologist = world.professional("100000003", "biologist");
    world.consent_says(patient, Some("100000003"), false, true);
    let seen = titles(world.found(&biologist, patient, &[]).await);
    assert!(
        seen.contains(&"laboratory".to_owned()) && !seen.contains(&"unknown".to_owned()),
        "{seen:?}"
    );
    let answer = world.search(&doctor, patient, &[("author.family", "x")]).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (400, "search-parameter-unknown")
    );
    // A known patient without a record has an empty list.
    assert!(
        world
            .found(&doctor, world.patient_in_care(), &[])
            .await
            .is_empty()
    );
}

#[tokio::test]
async fn a_document_is_replaced_once_and_only_in_its_own_record() {
    let world = World::new().await;
    let (patient, other) = (world.patient_in_care(), world.patient_in_care());
    let doctor = world.doctor();
    let first = Letter::new(b"first");
    let identifier = first.identifier.clone();
    world
        .stored(&doctor, patient, &bundle(&unique_id(), &first))
        .await;
    let replacing = |bytes| {
        let mut bundle = bundle(&unique_id(), &Letter::new(bytes));
        bundle["entry"][1]["resource"]["relatesTo"] = json!([{ "code": "replaces", "target": {
            "identifier": { "system": "urn:ietf:rfc:3986", "value": identifier } } }]);
        bundle
    };
    let elsewhere = world.submit(&doctor, other, &replacing(b"second")).await;
    assert_eq!(
        (elsewhere.status, elsewhere.code().as_str()),
        (422, "replaced-document-unknown")
    );
    world.stored(&doctor, patient, &replacing(b"second")).await;
    assert_eq!(
        world
            .found(&doctor, patient, &[("status", "superseded")])
            .await
            .len(),
        1
    );
    let again = world.submit(&doctor, patient, &replacing(b"third")).await;
    assert_eq!(
        (again.status, again.code().as_str()),
        (422, "replaced-document-unknown")
    );
    assert_eq!(world.count("document").await, 2);
}
