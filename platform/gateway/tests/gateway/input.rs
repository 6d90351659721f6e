//! Bad input: each gets a clear error, and nothing of it reaches a service.

use dmp_core::token::Claims;
use serde_json::{Value, json};

use crate::stub::Answer;
use crate::world::{CABINET, World};

async fn status_and_code(answer: reqwest::Response) -> (u16, String) {
    let status = answer.status().as_u16();
    assert_eq!(answer.headers()["content-type"], "application/fhir+json");
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["resourceType"], "OperationOutcome");
    let code = body["issue"][0]["details"]["coding"][0]["code"]
        .as_str()
        .unwrap()
        .to_owned();
    (status, code)
}

fn heard_nothing(world: &World) {
    for stub in [
        &world.registry,
        &world.consent,
        &world.audit,
        &world.records[0],
        &world.records[1],
    ] {
        assert!(stub.heard().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn json_that_two_readers_would_read_differently_is_refused() {
    let world = World::start().await;
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let bad: Vec<(&str, Vec<u8>, &str)> = vec![
        (
            "10,000 levels",
            format!(r#"{{"resourceType":"Bundle","x":{deep}}}"#).into(),
            "json-too-deep",
        ),
        (
            "a key twice",
            br#"{"resourceType":"Bundle","type":"transaction","type":"batch"}"#.to_vec(),
            "json-duplicate-key",
        ),
        (
            "invalid UTF-8",
            b"{\"resourceType\":\"\xff\xfe\"}".to_vec(),
            "json-not-utf8",
        ),
        ("cut off", br#"{"resourceType":"Bundle""#.to_vec(), "json-invalid"),
        ("empty", Vec::new(), "json-invalid"),
    ];
    for (name, body, expected) in bad {
        let answer = world.post_fhir("/fhir", body.clone()).await;
        assert_eq!(
            status_and_code(answer).await,
            (400, expected.to_owned()),
            "{name}"
        );
    }
    heard_nothing(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_a_transaction_is_refused() {
    let world = World::start().await;
    for (body, expected) in [
        (json!({ "resourceType": "Patient" }), (400, "not-a-bundle")),
        (
            json!({ "resourceType": "Bundle", "type": "batch", "entry": [] }),
            (400, "not-a-transaction"),
        ),
        (
            json!({ "resourceType": "Bundle", "type": "document", "entry": [] }),
            (400, "not-a-transaction"),
        ),
    ] {
        let (status, code) = status_and_code(world.transact(&body).await).await;
        assert_eq!((status, code.as_str()), expected, "{body}");
    }
    let token = world.tokens.mint(&world.physician());
    let answer = world.hospital.http.post(world.url("/fhir")).bearer_auth(token);
    let answer = answer
        .header("content-type", "application/fhir+xml")
        .body("<Bundle/>")
        .send()
        .await
        .unwrap();
    assert_eq!(
        status_and_code(answer).await,
        (415, "content-type-not-supported".to_owned())
    );
    heard_nothing(&world);
}

fn bundle_with(data: &str) -> Value {
    json!({
        "resourceType": "Bundle",
        "type": "transaction",
        "entry": [{
            "fullUrl": "urn:uuid:aaaaaaaa-bbbb-cccc-dddd-e00111100003",
            "resource": { "resourceType": "Binary", "contentType": "text/plain", "data": data },
            "request": { "method": "POST", "url": "Binary" },
        }],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_of_60_mb_is_too_large() {
    let world = World::start().await;
    // the whole body is over its limit: refused from its announced length
    let body = bundle_with(&"QUFB".repeat(20_000_000)).to_string();
    let token = world.tokens.mint(&world.physician());
    let sent = world.hospital.http.post(world.url("/fhir")).bearer_auth(&token);
    let sent = sent
        .header("content-type", "application/fhir+json")
        .timeout(std::time::Duration::from_secs(60));
    match sent.body(body).send().await {
        Ok(answer) => assert_eq!(
            status_and_code(answer).await,
            (413, "document-too-large".to_owned())
        ),
        // the server may close before the client has sent all
        Err(error) => assert!(error.is_request() || error.is_body(), "{error:?}"),
    }
    heard_nothing(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_over_40_mib_inside_an_acceptable_body_is_too_large() {
    let world = World::start().await;
    let body = bundle_with(&"QUFB".repeat(14_000_000)).to_string();
    let token = world.tokens.mint(&world.physician());
    let sent = world.hospital.http.post(world.url("/fhir")).bearer_auth(&token);
    let sent = sent
        .header("content-type", "application/fhir+json")
        .timeout(std::time::Duration::from_secs(120));
    let answer = sent.body(body).send().await.unwrap();
    assert_eq!(
        status_and_code(answer).await,
        (413, "document-too-large".to_owned())
    );
    heard_nothing(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn either_key_alone_opens_nothing() {
    let world = World::start().await;
    let url = world.url(&format!(
        "/fhir/DocumentReference?patient={}",
        uuid::Uuid::new_v4()
    ));
    let answer = world.hospital.http.get(&url).send().await.unwrap();
    assert_eq!(answer.headers()["www-authenticate"], "Bearer");
    assert_eq!(status_and_code(answer).await, (401, "token-missing".to_owned()));

    let claims = world.physician();
    for (name, token) in world.tokens.bad(&claims) {
        let answer = world
            .hospital
            .http
            .get(&url)
            .bearer_auth(token)
            .send()
            .await
            .unwrap();
        assert_eq!(
            status_and_code(answer).await,
            (401, "token-invalid".to_owned()),
            "{name}"
        );
    }
    // good tokens of other software, another credential, another establishment, an older version
    let others: Vec<(&str, Claims)> = vec![
        (
            "another solution",
            world.caregiver(&world.cabinet, CABINET, "000000002", "b"),
        ),
        (
            "another establishment",
            Claims {
                establishment: Some("000000002".to_owned()),
                ..claims.clone()
            },
        ),
        (
            "another group",
            Claims {
                group: Some("b".to_owned()),
                ..claims.clone()
            },
        ),
        (
            "another credential",
            Claims {
                credential: "vendor-h/other".to_owned(),
                ..claims.clone()
            },
        ),
        (
            "another version",
            Claims {
                version: "0.9".to_owned(),
                ..claims.clone()
            },
        ),
        (
            "another product",
            Claims {
                solution: "vendor-h/other".to_owned(),
                ..claims.clone()
            },
        ),
        (
            "another realm",
            Claims {
                realm: Some("vendor-h-1".to_owned()),
                ..claims.clone()
            },
        ),
        // Of the same credential: stolen from it, or from before its renewal.
        (
            "another certificate",
            Claims {
                cnf: dmp_core::token::Confirmation {
                    x5t_s256: world.cabinet.identity.as_peer().thumbprint(),
                },
                ..claims.clone()
            },
        ),
    ];
    for (name, claims) in others {
        let token = world.tokens.mint(&claims);
        let answer = world
            .hospital
            .http
            .get(&url)
            .bearer_auth(token)
            .send()
            .await
            .unwrap();
        assert_eq!(
            status_and_code(answer).await,
            (401, "token-not-bound".to_owned()),
            "{name}"
        );
    }
    let token = world.tokens.mint(&claims);
    let twice = world
        .hospital
        .http
        .get(&url)
        .bearer_auth(&token)
        .bearer_auth(&token)
        .send()
        .await
        .unwrap();
    assert_eq!(status_and_code(twice).await, (401, "token-invalid".to_owned()));
    heard_nothing(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn searches_name_one_patient_and_feeds_one_identifier() {
    let world = World::start().await;
    let id = uuid::Uuid::new_v4();
    for (path, code) in [
        ("/fhir/DocumentReference".to_owned(), "patient-required"),
        (
            format!("/fhir/DocumentReference?patient={id}&subject={id}"),
            "patient-repeated",
        ),
        (
            "/fhir/DocumentReference?patient.identifier=nosystem".to_owned(),
            "identifier-invalid",
        ),
        ("/fhir/Patient".to_owned(), "identifier-required"),
        (
            "/fhir/Patient?identifier=a%7C1&identifier=a%7C2".to_owned(),
            "identifier-required",
        ),
        ("/fhir/Patient?name=x".to_owned(), "identifier-required"),
        ("/fhir/Patient?identifier=a%7C".to_owned(), "identifier-invalid"),
    ] {
        assert_eq!(
            status_and_code(world.get(&path).await).await,
            (400, code.to_owned()),
            "{path}"
        );
    }
    let token = world.tokens.mint(&world.physician());
    let fed = world
        .hospital
        .http
        .put(world.url("/fhir/Patient?identifier=a%7C1"))
        .bearer_auth(token);
    let fed = fed
        .header("content-type", "application/fhir+json")
        .body(r#"{"resourceType":"Group"}"#);
    assert_eq!(
        status_and_code(fed.send().await.unwrap()).await,
        (422, "not-a-patient".to_owned())
    );
    heard_nothing(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_routes_and_methods_answer_in_the_right_shape() {
    let world = World::start().await;
    assert_eq!(
        status_and_code(world.get("/fhir/Nothing").await).await,
        (404, "no-such-route".to_owned())
    );
    let token = world.tokens.mint(&world.physician());
    let deleted = world
        .hospital
        .http
        .delete(world.url("/fhir/Patient"))
        .bearer_auth(&token)
        .send()
        .await
        .unwrap();
    assert_eq!(
        status_and_code(deleted).await,
        (405, "method-not-allowed".to_owned())
    );
    let outside = world.get("/nothing").await;
    assert_eq!(outside.headers()["content-type"], "application/problem+json");
    let body: Value = outside.json().await.unwrap();
    assert_eq!(body["code"], "no-such-route");
    assert!(
        body["correlation"]
            .as_str()
            .unwrap()
            .parse::<uuid::Uuid>()
            .is_ok()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_correlation_id_from_outside_is_replaced() {
    let world = World::start().await;
    world
        .registry
        .answers("/v1/patients/search", Answer::Json(json!({ "patients": [] })));
    let token = world.tokens.mint(&world.physician());
    let mine = uuid::Uuid::new_v4().to_string();
    let answer = world
        .hospital
        .http
        .get(world.url("/fhir/Patient?identifier=a%7C1"))
        .bearer_auth(token);
    let answer = answer.header("x-correlation-id", &mine).send().await.unwrap();
    let id = answer.headers()["x-correlation-id"].to_str().unwrap().to_owned();
    assert_ne!(id, mine);
    assert_eq!(world.registry.heard()[0].headers["x-correlation-id"], id.as_str());
}
