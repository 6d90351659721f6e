//! Submissions (ITI-65): whose they are, where they go, that they arrive as sent.

use serde_json::{Value, json};

use crate::stub::Answer;
use crate::world::World;

const SUBJECT: &str = "urn:uuid:aaaaaaaa-bbbb-cccc-dddd-e00111100004";

fn submission(subject: &Value, patient: Option<Value>) -> Value {
    let entry = |id: u8, kind: &str, resource: Value| {
        json!({
            "fullUrl": format!("urn:uuid:aaaaaaaa-bbbb-cccc-dddd-e0011110000{id}"),
            "resource": resource,
            "request": { "method": "POST", "url": kind },
        })
    };
    let mut entries = vec![
        entry(
            1,
            "List",
            json!({
                "resourceType": "List", "status": "current", "mode": "working",
                "code": { "coding": [{ "system": "https://profiles.ihe.net/ITI/MHD/CodeSystem/MHDlistTypes", "code": "submissionset" }] },
                "identifier": [{ "system": "urn:ietf:rfc:3986", "use": "usual", "value": "urn:oid:2.25.1" }],
                "date": "2026-11-25T10:00:00+01:00",
                "subject": subject,
                "entry": [{ "item": { "reference": "urn:uuid:aaaaaaaa-bbbb-cccc-dddd-e00111100002" } }],
            }),
        ),
        entry(
            2,
            "DocumentReference",
            json!({
                "resourceType": "DocumentReference", "status": "current",
                "subject": subject,
                "content": [{ "attachment": { "contentType": "text/plain", "url": "urn:uuid:aaaaaaaa-bbbb-cccc-dddd-e00111100003" } }],
            }),
        ),
        entry(
            3,
            "Binary",
            json!({ "resourceType": "Binary", "contentType": "text/plain", "data": "SGVsbG8gV29ybGQ=" }),
        ),
    ];
    entries.extend(patient.map(|patient| entry(4, "Patient", patient)));
    json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries })
}

/// Scripts the registry and the record store of group `a` for submissions.
fn accepts(world: &World, id: uuid::Uuid) {
    world.registry.answers(
        "/v1/patients/by-identifier",
        Answer::Json(json!({ "patient": id })),
    );
    let fed = json!({ "id": id, "created": true, "patient": { "resourceType": "Patient" } });
    world.registry.answers("/v1/patients/feed", Answer::Json(fed));
    let done = json!({ "resourceType": "Bundle", "type": "transaction-response", "entry": [] });
    world.records[0].answers(
        "/v1/submissions",
        Answer::Json(json!({ "bundle": done, "repeated": false })),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_goes_on_as_it_was_sent_for_the_patient_it_names() {
    let world = World::start().await;
    let id = uuid::Uuid::new_v4();
    accepts(&world, id);
    let identifier = json!({ "system": "urn:x", "value": "1" });
    let base = "https://gateway.dmp.test/fhir";
    let patient = json!({ "resourceType": "Patient", "identifier": [identifier] });
    for (name, subject, entry) in [
        ("literal", json!({ "reference": format!("Patient/{id}") }), None),
        (
            "absolute",
            json!({ "reference": format!("{base}/Patient/{id}") }),
            None,
        ),
        ("logical", json!({ "identifier": identifier }), None),
        ("entry", json!({ "reference": SUBJECT }), Some(patient)),
    ] {
        // digits and escapes must survive: the text itself is compared
        let text = submission(&subject, entry.clone())
            .to_string()
            .replace("\"current\"", "\"curr\\u0065nt\"");
        let answer = world.post_fhir("/fhir", text.clone()).await;
        assert_eq!(answer.status(), 200, "{name}: {}", answer.text().await.unwrap());
        let heard = world.records[0].heard();
        let expected = format!("{{\"patient\":\"{id}\",\"bundle\":{text}}}");
        assert!(heard[0].body == expected, "{name}");
        let fed: Vec<_> = world
            .registry
            .heard()
            .into_iter()
            .filter(|heard| heard.path == "/v1/patients/feed")
            .collect();
        assert_eq!(fed.len(), usize::from(entry.is_some()), "{name}");
        for fed in fed {
            assert_eq!(fed.json()["identifier"], identifier);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patient_without_identifier_gets_one_of_the_submission() {
    let world = World::start().await;
    accepts(&world, uuid::Uuid::new_v4());
    let bundle = submission(
        &json!({ "reference": SUBJECT }),
        Some(json!({ "resourceType": "Patient" })),
    );
    let mut other = bundle.clone();
    other["entry"][0]["resource"]["identifier"][0]["value"] = json!("urn:oid:2.25.2");
    for bundle in [&bundle, &bundle, &other] {
        let answer = world.transact(bundle).await;
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    }
    let fed: Vec<Value> = world
        .registry
        .heard()
        .iter()
        .map(|heard| heard.json()["identifier"].clone())
        .collect();
    assert_eq!(fed[0]["system"], "urn:ietf:rfc:3986");
    assert_eq!(fed[0], fed[1], "a repeated submission names another patient");
    assert_ne!(fed[0], fed[2], "another submission names the same patient");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_submission_speaks_of_one_patient() {
    let world = World::start().await;
    accepts(&world, uuid::Uuid::new_v4());
    let code = async |bundle: &Value| {
        let answer = world.transact(bundle).await;
        let status = answer.status().as_u16();
        let body: Value = answer.json().await.unwrap();
        (
            status,
            body["issue"][0]["details"]["coding"][0]["code"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        )
    };
    let mut two = submission(
        &json!({ "reference": format!("Patient/{}", uuid::Uuid::new_v4()) }),
        None,
    );
    two["entry"][1]["resource"]["subject"] =
        json!({ "reference": format!("Patient/{}", uuid::Uuid::new_v4()) });
    assert_eq!(code(&two).await, (422, "several-patients".to_owned()));

    let mut none = submission(&json!({ "reference": SUBJECT }), None);
    none["entry"][1]["resource"]
        .as_object_mut()
        .unwrap()
        .remove("subject");
    assert_eq!(code(&none).await, (422, "subject-missing".to_owned()));

    let dangling = submission(&json!({ "reference": SUBJECT }), None);
    assert_eq!(code(&dangling).await, (422, "subject-dangling".to_owned()));
    assert!(world.records[0].heard().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_the_record_store_keep_their_code() {
    let world = World::start().await;
    let id = uuid::Uuid::new_v4();
    accepts(&world, id);
    world.records[0].answers("/v1/submissions", Answer::Problem(409, "submission-differs"));
    let answer = world
        .transact(&submission(
            &json!({ "reference": format!("Patient/{id}") }),
            None,
        ))
        .await;
    assert_eq!(answer.status(), 409);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["resourceType"], "OperationOutcome");
    assert_eq!(
        body["issue"][0]["details"]["coding"][0]["code"],
        "submission-differs"
    );
    assert_eq!(body["issue"][0]["code"], "conflict");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_that_does_not_serve_is_named_and_not_asked() {
    let world = World::start().await;
    world.operator.change(|facts| facts.groups[0].serving = false);
    world.until_seq(2).await;
    let id = uuid::Uuid::new_v4();
    accepts(&world, id);
    world.locates(&["a", "b"]);
    world.records[1].answers("/v1/documents/search", Answer::Json(json!({ "documents": [] })));
    let submitted = world
        .transact(&submission(
            &json!({ "reference": format!("Patient/{id}") }),
            None,
        ))
        .await;
    assert_eq!(submitted.status(), 503);
    assert!(submitted.text().await.unwrap().contains("records of a"));
    let found = world.get(&format!("/fhir/DocumentReference?patient={id}")).await;
    assert_eq!(found.status(), 200);
    assert!(
        found
            .text()
            .await
            .unwrap()
            .contains("the records of `a` cannot be reached")
    );
    assert!(world.records[0].heard().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_with_another_identity_gets_nothing() {
    let world = World::start().await;
    world
        .operator
        .change(|facts| facts.groups[0].identity = "spiffe://dmp.test/ns/dmp-z/sa/records".to_owned());
    world.until_seq(2).await;
    let id = uuid::Uuid::new_v4();
    accepts(&world, id);
    let answer = world
        .transact(&submission(
            &json!({ "reference": format!("Patient/{id}") }),
            None,
        ))
        .await;
    assert_eq!(answer.status(), 503);
    assert!(answer.text().await.unwrap().contains("records of a"));
    assert!(
        world.records[0].heard().is_empty(),
        "the token went to a service of another identity"
    );
}
