//! Other people's ITI-65 transactions (`fhir/mhd`): answered, found and read as their `expected.json` says.
//!
//! Two things are put in before sending, as any test partner would: the id our registry gave the patient, and fresh
//! unique ids, so that the test can run twice on one store.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dmpctl::demo::World;
use dmpctl::demo::fixtures::{CNIE, Document, patient_claims};
use dmpctl::demo::people;
use dmpctl::demo::submission::provide_bundle;
use reqwest::Method;
use serde_json::{Value, json};

use crate::stage::{Stage, on_stage, testdata};

#[test]
fn foreign_mhd_transactions_are_accepted_found_and_read() {
    let Some(folder) = testdata("fhir/mhd") else {
        return;
    };
    on_stage("foreign-mhd", async |stage| {
        let expected: Value = serde_json::from_str(&read(&folder.join("expected.json"))).unwrap();
        let world = stage.world_with_relation().await;
        for case in expected["cases"].as_array().unwrap() {
            transaction(stage, &world, &folder, case).await;
        }
    });
}

async fn transaction(stage: &Stage, world: &World, folder: &Path, case: &Value) {
    let file = case["file"].as_str().unwrap();
    let patient = world.patient().unwrap();
    let earlier = earlier_document(world).await;
    let mut text = read(&folder.join(file))
        .replace("Patient/ex-patient", &format!("Patient/{patient}"))
        .replace(
            "DocumentReference/ex-documentreference",
            &format!("DocumentReference/{earlier}"),
        );
    let mut master = Vec::new();
    for document in case["documents"].as_array().unwrap() {
        let (old, new) = (document["masterIdentifier"].as_str().unwrap(), oid());
        text = text.replace(old, &new);
        master.push((new, document.clone()));
    }
    let mut bundle: Value = serde_json::from_str(&text).unwrap();
    let card = format!("XM{:06}", uuid::Uuid::new_v4().as_u128() % 1_000_000);
    let mut own_patient = false;
    for entry in bundle["entry"].as_array_mut().unwrap() {
        let resource = &mut entry["resource"];
        if resource["resourceType"] == "List" {
            resource["identifier"][0]["value"] = json!(oid());
        }
        if resource["resourceType"] == "Patient" {
            resource["identifier"] = json!([{ "system": CNIE, "value": card }]);
            own_patient = true;
        }
    }
    let author = world.author_token().await.unwrap();
    let sent = world
        .atlas
        .send(Method::POST, "/fhir", Some(&author), &bundle)
        .await
        .unwrap();
    assert_eq!(sent.status.as_u16(), 200, "{file}: {}", sent.summary());
    let answer = sent.json();
    assert_eq!(answer["type"], "transaction-response", "{file}");
    assert_eq!(
        answer["entry"].as_array().unwrap().len() as u64,
        case["entries"].as_u64().unwrap(),
        "{file}"
    );
    for (kind, count) in case["creates"].as_object().unwrap() {
        let created = answer["entry"].as_array().unwrap().iter().filter(|entry| {
            let location = entry["response"]["location"].as_str().unwrap_or_default();
            entry["response"]["status"]
                .as_str()
                .unwrap_or_default()
                .starts_with("201")
                && location.contains(&format!("{kind}/"))
        });
        assert_eq!(created.count() as u64, count.as_u64().unwrap(), "{file}: {kind}");
    }

    let (software, token) = if own_patient {
        let identity = people::token(&stage.client, "patiente", &patient_claims(CNIE, &card))
            .await
            .unwrap();
        (
            &world.amal,
            world.amal.token_when_known(&identity, "PATRQT").await.unwrap(),
        )
    } else {
        (&world.cardio, world.cardiologist_token().await.unwrap())
    };
    let subject = if own_patient {
        location(&answer, "Patient")
    } else {
        patient.to_owned()
    };
    for (identifier, document) in master {
        let form = [("patient", subject.as_str()), ("identifier", identifier.as_str())];
        let found = software
            .form("/fhir/DocumentReference/_search", Some(&token), &form)
            .await
            .unwrap()
            .json();
        let entries = found["entry"].as_array().cloned().unwrap_or_default();
        assert_eq!(entries.len(), 1, "{file}: {identifier}");
        let url = entries[0]["resource"]["content"][0]["attachment"]["url"]
            .as_str()
            .unwrap();
        let binary = &url[url.find("Binary/").unwrap()..];
        let read = software
            .get(&format!("/fhir/{binary}"), Some(&token))
            .await
            .unwrap();
        assert_eq!(read.status.as_u16(), 200, "{file}: {}", read.summary());
        assert_eq!(
            read.body.len() as u64,
            document["bytes"].as_u64().unwrap(),
            "{file}"
        );
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, &read.body);
        assert_eq!(
            STANDARD.encode(hash),
            document["sha1_base64"].as_str().unwrap(),
            "{file}"
        );
    }
    if case["then"].is_string() {
        let form = [("patient", subject.as_str()), ("status", "superseded")];
        let found = software
            .form("/fhir/DocumentReference/_search", Some(&token), &form)
            .await
            .unwrap()
            .json();
        let ids: Vec<&str> = found["entry"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|entry| entry["resource"]["id"].as_str())
            .collect();
        assert!(
            ids.contains(&earlier.as_str()),
            "{file}: the earlier document is superseded"
        );
    }
}

/// Publishes a document to be replaced; its DocumentReference id.
async fn earlier_document(world: &World) -> String {
    let document = Document {
        title: "Document à remplacer",
        content_type: "text/plain",
        kind: ("60591-5", "Patient summary Document"),
        unique_id: oid(),
        format: "urn:ihe:iti:xds:2017:mimeTypeSufficient",
        bytes: b"bonjour".to_vec(),
    };
    let date = jiff::Timestamp::now().to_string();
    let bundle = provide_bundle(
        world.patient().unwrap(),
        &oid(),
        "urn:oid:2.999.212.5.1",
        &date,
        &[&document],
    );
    let author = world.author_token().await.unwrap();
    let sent = world
        .atlas
        .send(Method::POST, "/fhir", Some(&author), &bundle)
        .await
        .unwrap();
    assert_eq!(sent.status.as_u16(), 200, "{}", sent.summary());
    location(&sent.json(), "DocumentReference")
}

/// The id in the first location of this kind.
fn location(answer: &Value, kind: &str) -> String {
    let prefix = format!("{kind}/");
    let locations = answer["entry"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|entry| entry["response"]["location"].as_str());
    let found = locations
        .filter_map(|location| Some(&location[location.find(&prefix)? + prefix.len()..]))
        .next()
        .unwrap();
    found.split('/').next().unwrap().to_owned()
}

fn oid() -> String {
    format!("urn:oid:2.25.{}", uuid::Uuid::new_v4().as_u128())
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}
