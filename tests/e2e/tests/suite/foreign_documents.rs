//! Other people's documents: all of `cda` and the `fhir/ips` bundles go in at Tanger and come out at Casablanca,
//! byte for byte.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dmpctl::demo::World;
use dmpctl::demo::fixtures::Document;
use dmpctl::demo::steps::publish::binaries;
use dmpctl::demo::submission::provide_bundle;
use reqwest::Method;
use serde_json::Value;

use crate::stage::{on_stage, testdata};

const SOURCE: &str = "urn:oid:2.999.212.5.1";

#[test]
fn foreign_cda_documents_come_back_byte_for_byte() {
    let Some(folder) = testdata("cda") else { return };
    on_stage("foreign-cda", async |stage| {
        let expected: Value = read_json(&folder.join("expected.json"));
        let documents = expected["documents"].as_array().unwrap();
        assert!(documents.len() >= 25, "{} documents", documents.len());
        let world = stage.world_with_relation().await;
        for document in documents {
            let file = document["file"].as_str().unwrap();
            let bytes = std::fs::read(folder.join(file)).unwrap();
            assert_eq!(bytes.len() as u64, document["bytes"].as_u64().unwrap(), "{file}");
            let read = through(
                &world,
                file,
                "application/hl7-cda+xml",
                ("34133-9", "Summary of episode note"),
                &bytes,
            )
            .await;
            assert_eq!(sha1(&read), document["sha1_base64"].as_str().unwrap(), "{file}");
        }
        eprintln!("{} foreign CDA documents: byte for byte", documents.len());
    });
}

#[test]
fn foreign_patient_summaries_come_back_byte_for_byte() {
    let Some(folder) = testdata("fhir/ips") else {
        return;
    };
    on_stage("foreign-ips", async |stage| {
        let expected: Value = read_json(&folder.join("expected.json"));
        let documents = expected["documents"].as_array().unwrap();
        assert_eq!(documents.len(), 3);
        let world = stage.world_with_relation().await;
        for document in documents {
            let file = document["file"].as_str().unwrap();
            let bytes = std::fs::read(folder.join(file)).unwrap();
            let kind = ("60591-5", "Patient summary Document");
            let read = through(&world, file, "application/fhir+json", kind, &bytes).await;
            let bundle: Value = serde_json::from_slice(&read).unwrap();
            assert_eq!(
                bundle["identifier"]["value"]
                    .as_str()
                    .unwrap()
                    .trim_start_matches("urn:uuid:"),
                document["identifier"]
            );
            assert_eq!(
                bundle["entry"].as_array().unwrap().len() as u64,
                document["entries"].as_u64().unwrap()
            );
        }
    });
}

/// Publishes at Tanger, reads at Casablanca, and says what came.
async fn through(
    world: &World,
    file: &str,
    content_type: &'static str,
    kind: (&'static str, &'static str),
    bytes: &[u8],
) -> Vec<u8> {
    let document = Document {
        title: "Document d’ailleurs",
        content_type,
        kind,
        unique_id: format!("urn:oid:2.25.{}", uuid::Uuid::new_v4().as_u128()),
        format: "urn:ihe:iti:xds:2017:mimeTypeSufficient",
        bytes: bytes.to_vec(),
    };
    let set = format!("urn:oid:2.25.{}", uuid::Uuid::new_v4().as_u128());
    let date = jiff::Timestamp::now().to_string();
    let bundle = provide_bundle(world.patient().unwrap(), &set, SOURCE, &date, &[&document]);
    let author = world.author_token().await.unwrap();
    let sent = world
        .atlas
        .send(Method::POST, "/fhir", Some(&author), &bundle)
        .await
        .unwrap();
    assert_eq!(sent.status.as_u16(), 200, "{file}: {}", sent.summary());
    let binary = binaries(&sent.json()).pop().unwrap();
    let token = world.cardiologist_token().await.unwrap();
    let read = world
        .cardio
        .get(&format!("/fhir/{binary}"), Some(&token))
        .await
        .unwrap();
    assert_eq!(read.status.as_u16(), 200, "{file}: {}", read.summary());
    assert!(read.body == bytes, "{file}: other bytes came back");
    read.body
}

fn read_json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn sha1(bytes: &[u8]) -> String {
    STANDARD.encode(aws_lc_rs::digest::digest(
        &aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY,
        bytes,
    ))
}
