//! Patients and documents, from the wire outside to the wire inside.

use axum::body::Bytes;
use serde_json::{Value, json};

use crate::stub::Answer;
use crate::world::{World, document_id, send};

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_moves_the_identifier_out_of_the_url() {
    let world = World::start().await;
    let id = uuid::Uuid::new_v4();
    let stored = json!({ "resourceType": "Patient", "id": id.to_string(), "birthDate": "1951" });
    let fed = |created: bool| Answer::Json(json!({ "id": id, "created": created, "patient": stored }));
    let patient = json!({ "resourceType": "Patient", "birthDate": "1951" });
    let put = reqwest::Method::PUT;
    for (created, expected, path) in [
        (true, 201, "/fhir/Patient?identifier=urn:oid:2.999.504.1|AB12"),
        (
            false,
            200,
            "/fhir/Patient?identifier=urn%3Aoid%3A2.999.504.1%7CAB12&_format=json",
        ),
    ] {
        world.registry.answers("/v1/patients/feed", fed(created));
        let claims = world.physician();
        let (status, headers, body) = send(
            &world,
            &world.hospital,
            &claims,
            put.clone(),
            path,
            Some(&patient),
        )
        .await;
        assert_eq!(status, expected);
        assert_eq!(
            headers["location"],
            format!("https://gateway.dmp.test/fhir/Patient/{id}")
        );
        assert_eq!(headers["cache-control"], "no-store");
        assert_eq!(body, stored);
        let heard = world.registry.heard();
        assert_eq!(
            heard[0].json()["identifier"],
            json!({ "system": "urn:oid:2.999.504.1", "value": "AB12" })
        );
        assert_eq!(heard[0].json()["patient"], patient);
        assert!(
            heard[0].headers["authorization"]
                .to_str()
                .unwrap()
                .starts_with("Bearer ")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_is_found_by_identifier_in_url_or_form() {
    let world = World::start().await;
    let patient = json!({ "resourceType": "Patient", "id": "p1" });
    world.registry.answers(
        "/v1/patients/search",
        Answer::Json(json!({ "patients": [patient] })),
    );
    let found = world.get("/fhir/Patient?identifier=urn:x|1").await;
    let bundle: Value = found.json().await.unwrap();
    assert_eq!(
        (&bundle["type"], &bundle["total"]),
        (&json!("searchset"), &json!(1))
    );
    assert_eq!(
        bundle["entry"][0]["fullUrl"],
        "https://gateway.dmp.test/fhir/Patient/p1"
    );
    assert!(
        !bundle["link"].to_string().contains("urn:x"),
        "the identifier is repeated in a URL"
    );

    let token = world.tokens.mint(&world.physician());
    let form = world
        .hospital
        .http
        .post(world.url("/fhir/Patient/_search"))
        .bearer_auth(token);
    let form = form
        .header("content-type", "application/x-www-form-urlencoded")
        .body("identifier=urn%3Ax%7C2");
    let bundle: Value = form.send().await.unwrap().json().await.unwrap();
    assert_eq!(bundle["total"], 1);
    let heard = world.registry.heard();
    assert_eq!(
        heard[1].json(),
        json!({ "identifier": { "system": "urn:x", "value": "2" } })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_gathered_and_a_missing_group_is_named() {
    let world = World::start().await;
    let patient = uuid::Uuid::new_v4();
    let path = format!("/fhir/DocumentReference?patient=Patient/{patient}&status=current&_format=json");
    let documents =
        |id: &str| Answer::Json(json!({ "documents": [{ "resourceType": "DocumentReference", "id": id }] }));
    world.locates(&["b"]);
    world.records[0].answers("/v1/documents/search", documents("in-a"));
    world.records[1].answers("/v1/documents/search", documents("in-b"));
    let bundle: Value = world.get(&path).await.json().await.unwrap();
    assert_eq!(bundle["total"], 2);
    assert_eq!(bundle["entry"][0]["resource"]["id"], "in-a");
    assert_eq!(bundle["entry"][1]["resource"]["id"], "in-b");
    let heard = world.records[1].heard();
    let asked = json!({ "patient": patient, "parameters": [["status", "current"]] });
    assert_eq!(heard[0].json(), asked);

    // one is down, one left the facts: both are named, what is there is shown
    world.locates(&["b", "gone"]);
    world.records[1].answers("/v1/documents/search", Answer::Problem(503, "database"));
    let bundle: Value = world.get(&path).await.json().await.unwrap();
    assert_eq!(bundle["total"], 1);
    let outcomes: Vec<&Value> = bundle["entry"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["search"]["mode"] == "outcome")
        .collect();
    let text = serde_json::to_string(&outcomes).unwrap();
    assert_eq!(outcomes.len(), 2);
    assert!(
        text.contains("`b`") && text.contains("`gone`") && text.contains("incomplete"),
        "{text}"
    );

    // nobody answers: an error that names a part
    world.records[0].answers("/v1/documents/search", Answer::Problem(500, "internal"));
    let answer = world.get(&path).await;
    assert_eq!(answer.status(), 503);
    assert!(answer.text().await.unwrap().contains("records of a"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusing_group_adds_nothing_to_what_others_show() {
    let world = World::start().await;
    world.locates(&["a", "b"]);
    world.records[0].answers("/v1/documents/search", Answer::Json(json!({ "documents": [] })));
    world.records[1].answers("/v1/documents/search", Answer::Problem(403, "access-refused"));
    let answer = world
        .get(&format!(
            "/fhir/DocumentReference?patient={}",
            uuid::Uuid::new_v4()
        ))
        .await;
    let bundle: Value = answer.json().await.unwrap();
    assert_eq!((&bundle["total"], bundle.get("entry")), (&json!(0), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_comes_back_byte_for_byte() {
    let world = World::start().await;
    let bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let bytes = Bytes::from(bytes);
    let id = document_id("b");
    world.records[1].answers(
        "/v1/documents/retrieve",
        Answer::Bytes("text/xml;charset=latin1", bytes.clone()),
    );
    let token = world.tokens.mint(&world.physician());
    let answer = world
        .hospital
        .http
        .get(world.url(&format!("/fhir/Binary/{id}")))
        .bearer_auth(token);
    let answer = answer
        .header("accept", "application/fhir+json")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/xml;charset=latin1");
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert!(answer.bytes().await.unwrap() == bytes);
    assert_eq!(world.records[1].heard()[0].json(), json!({ "binary": id }));
}
