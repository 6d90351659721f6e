//! Documents and Bundles that others wrote: byte-exact store and retrieve.

use std::collections::HashMap;

use serde_json::Value;

use super::fixtures::{Letter, bundle, foreign, read_json, unique_id};
use super::world::World;

#[tokio::test]
async fn every_foreign_cda_document_comes_back_byte_for_byte() {
    let Some(folder) = foreign("cda") else { return };
    let world = World::new().await;
    let shared = world.patient_in_care();
    let mut patients = vec![shared];
    let token = world.doctor();
    let expected = read_json(&folder.join("expected.json"));
    let documents = expected["documents"].as_array().unwrap();
    let mut stored = HashMap::new();
    for document in documents {
        let file = document["file"].as_str().unwrap();
        let bytes = std::fs::read(folder.join(file)).unwrap();
        let id = &document["id"];
        let letter = Letter {
            bytes: &bytes,
            content_type: "text/xml",
            title: document["title"].as_str().unwrap_or("untitled"),
            type_code: document["type"]["code"].as_str().unwrap(),
            identifier: format!(
                "{}^{}",
                id["root"].as_str().unwrap(),
                id["extension"].as_str().unwrap_or_default()
            ),
        };
        // Some of the foreign documents share an identifier although they differ: each of those gets its own record.
        let patient = if document["same_document_id_as"].is_null() {
            shared
        } else {
            world.patient_in_care()
        };
        if patient != shared {
            patients.push(patient);
        }
        let bundle = bundle(&unique_id(), &letter);
        let answer = world.submit(&token, patient, &bundle).await;
        let answer: dmp_client::records::SubmissionAnswer = answer.json();
        let locations = super::world::locations(&answer.bundle);
        let binary = locations[2].strip_prefix("Binary/").unwrap().to_owned();
        let back = world.retrieve(&token, &binary).await;
        assert_eq!(
            (back.status, back.content_type.as_str()),
            (200, "text/xml"),
            "{file}"
        );
        assert!(back.body == bytes, "{file}");
        assert_eq!(
            dmp_fhir::hash::sha256_hex(&back.body),
            document["sha256"].as_str().unwrap(),
            "{file}"
        );
        stored.insert(binary, document);
    }
    assert_eq!(stored.len(), 25);
    // The list says of each what it is.
    let mut listed = 0;
    for patient in patients {
        for found in world.found(&token, patient, &[]).await {
            let attachment = &found["content"][0]["attachment"];
            let document = stored[attachment["url"]
                .as_str()
                .unwrap()
                .strip_prefix("Binary/")
                .unwrap()];
            assert_eq!(attachment["hash"], document["sha1_base64"]);
            assert_eq!(attachment["size"], document["bytes"]);
            assert_eq!(found["type"]["coding"][0]["code"], document["type"]["code"]);
            listed += 1;
        }
    }
    assert_eq!(listed, 25);
}

#[tokio::test]
async fn the_foreign_mhd_bundles_are_accepted_as_expected() {
    let Some(folder) = foreign("fhir/mhd") else { return };
    let world = World::new().await;
    let token = world.doctor();
    let expected = read_json(&folder.join("expected.json"));
    for case in expected["cases"].as_array().unwrap() {
        let file = case["file"].as_str().unwrap();
        let patient = world.patient_in_care();
        let text = std::fs::read_to_string(folder.join(file)).unwrap();
        // The document to be replaced has, here, the id it got when it was stored.
        let old = world
            .stored(&token, patient, &bundle(&unique_id(), &Letter::new(b"earlier")))
            .await;
        let old_id = old[1].strip_prefix("DocumentReference/").unwrap();
        let text = text.replace(
            "DocumentReference/ex-documentreference",
            &format!("DocumentReference/{old_id}"),
        );
        let bundle: Value = serde_json::from_str(&text).unwrap();
        let answer = world.submit(&token, patient, &bundle).await;
        let answer: dmp_client::records::SubmissionAnswer = answer.json();
        let entries = answer.bundle["entry"].as_array().unwrap();
        assert_eq!(entries.len(), case["entries"], "{file}");
        let mut created: HashMap<String, u64> = HashMap::new();
        for (entry, request) in entries.iter().zip(bundle["entry"].as_array().unwrap()) {
            let response = &entry["response"];
            let method = request["request"]["method"].as_str().unwrap();
            let status = if method == "POST" { "201 Created" } else { "200 OK" };
            assert_eq!(response["status"], status, "{file}");
            let kind = response["location"]
                .as_str()
                .unwrap()
                .split('/')
                .next()
                .unwrap()
                .to_owned();
            assert_eq!(
                request["request"]["url"]
                    .as_str()
                    .unwrap()
                    .split('/')
                    .next()
                    .unwrap(),
                kind,
                "{file}"
            );
            if method == "POST" {
                *created.entry(kind).or_default() += 1;
            }
        }
        for (kind, count) in case["creates"].as_object().unwrap() {
            assert_eq!(created.get(kind).copied(), count.as_u64(), "{file}: {kind}");
        }
        for document in case["documents"].as_array().unwrap() {
            let identifier = document["masterIdentifier"].as_str().unwrap();
            let found = world.found(&token, patient, &[("identifier", identifier)]).await;
            assert_eq!(found.len(), 1, "{file}");
            assert_eq!(
                found[0]["subject"]["reference"],
                format!("Patient/{}", patient.as_uuid())
            );
            let attachment = &found[0]["content"][0]["attachment"];
            let back = world
                .retrieve(
                    &token,
                    attachment["url"]
                        .as_str()
                        .unwrap()
                        .strip_prefix("Binary/")
                        .unwrap(),
                )
                .await;
            assert_eq!(back.status, 200, "{file}");
            assert_eq!(
                back.body.len() as u64,
                document["bytes"].as_u64().unwrap(),
                "{file}"
            );
            assert_eq!(
                dmp_fhir::hash::sha1_base64(&back.body),
                document["sha1_base64"].as_str().unwrap()
            );
        }
        if file == "provide-replace.json" {
            let superseded = world.found(&token, patient, &[("status", "superseded")]).await;
            assert_eq!(superseded.len(), 1);
            assert_eq!(superseded[0]["id"], old_id);
            assert_eq!(superseded[0]["meta"]["versionId"], "2");
            let current = world.found(&token, patient, &[("status", "current")]).await;
            assert_eq!(current.len(), 1);
            assert_eq!(current[0]["relatesTo"][0]["code"], "replaces");
            assert_eq!(
                current[0]["relatesTo"][0]["target"]["reference"],
                format!("DocumentReference/{old_id}")
            );
        }
    }
}
