//! The shared test data (`DMP_TESTDATA`, default `../shared/testdata` beside the workspace). Absent: a visible skip.

use std::path::PathBuf;

use serde_json::Value;

use crate::binary::Binary;
use crate::bundle::Transaction;
use crate::document::DocumentReference;
use crate::patient::{Patient, Script};
use crate::submission::{SubmissionSet, is_submission_set};

fn folder(name: &str) -> Option<PathBuf> {
    let root = std::env::var_os("DMP_TESTDATA").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/testdata"),
        PathBuf::from,
    );
    let folder = root.join(name);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no test data at {}", folder.display());
    None
}

fn read(folder: &std::path::Path, name: &str) -> (String, Value) {
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    let value = serde_json::from_str(&text).unwrap();
    (text, value)
}

#[test]
fn moroccan_patients() {
    let Some(folder) = folder("fhir/patients") else {
        return;
    };
    let cases = [
        (
            "ma-patient-adult.json",
            2,
            "1979-06-14",
            vec![Script::Latin, Script::Arabic],
        ),
        (
            "ma-patient-compound.json",
            2,
            "1985-12-01",
            vec![Script::Latin, Script::Arabic],
        ),
        ("ma-patient-foreign.json", 1, "1998-09-09", vec![Script::Latin]),
        ("ma-patient-newborn.json", 1, "2026-04-11", vec![]),
        (
            "ma-patient-one-name.json",
            1,
            "1940",
            vec![Script::Latin, Script::Arabic],
        ),
        (
            "ma-patient-year-only.json",
            2,
            "1951",
            vec![Script::Latin, Script::Arabic],
        ),
    ];
    for (file, identifiers, birth_date, scripts) in cases {
        let (text, value) = read(&folder, file);
        let patient = Patient::parse(&value).unwrap();
        assert_eq!(patient.identifiers.len(), identifiers, "{file}");
        assert_eq!(patient.birth_date.unwrap().as_str(), birth_date, "{file}");
        assert_eq!(
            patient.names.iter().map(|name| name.script()).collect::<Vec<_>>(),
            scripts,
            "{file}"
        );
        for name in patient.names.iter().flat_map(|name| name.family) {
            assert!(text.contains(name), "{file}: the name is not as written");
        }
        assert_eq!(serde_json::from_str::<Value>(&value.to_string()).unwrap(), value);
    }
}

#[test]
fn numbers_keep_their_digits() {
    let Some(folder) = folder("fhir/numbers") else {
        return;
    };
    let (_, expected) = read(&folder, "expected.json");
    for case in expected["cases"].as_array().unwrap() {
        let file = case["file"].as_str().unwrap();
        let (_, value) = read(&folder, file);
        let written = value.to_string();
        let number = format!("\"value\":{},", case["value_text"].as_str().unwrap());
        assert!(written.contains(&number), "{file}");
        let time = case["effectiveDateTime"].as_str().unwrap();
        assert_eq!(
            crate::date::DateTime::parse(value["effectiveDateTime"].as_str().unwrap(), "x")
                .unwrap()
                .as_str(),
            time
        );
    }
}

#[test]
fn mhd_bundles() {
    let Some(folder) = folder("fhir/mhd") else { return };
    let (_, expected) = read(&folder, "expected.json");
    for case in expected["cases"].as_array().unwrap() {
        let file = case["file"].as_str().unwrap();
        let (_, value) = read(&folder, file);
        let transaction = Transaction::parse(&value).unwrap();
        assert_eq!(
            transaction.entries.len() as u64,
            case["entries"].as_u64().unwrap(),
            "{file}"
        );
        let resources = || transaction.entries.iter().filter_map(|entry| entry.resource);
        let set =
            SubmissionSet::parse(resources().find(|resource| is_submission_set(resource)).unwrap()).unwrap();
        assert!(set.unique_id.value.starts_with("urn:"), "{file}");
        for document in case["documents"].as_array().unwrap() {
            let wanted = document["masterIdentifier"].as_str().unwrap();
            let found = transaction
                .entries
                .iter()
                .filter(|entry| entry.kind() == Some("DocumentReference"))
                .map(|entry| DocumentReference::parse(entry.resource.unwrap()).unwrap())
                .find(|found| found.master_identifier.is_some_and(|id| id.value == wanted))
                .unwrap();
            let attachment = found.content[0];
            let url = crate::reference::Reference::parse_url(attachment.url.unwrap()).unwrap();
            let binary = Binary::parse(transaction.resolve(&url).unwrap().resource.unwrap()).unwrap();
            assert_eq!(
                binary.data.len() as u64,
                document["bytes"].as_u64().unwrap(),
                "{file}"
            );
            assert_eq!(
                crate::hash::sha1_base64(&binary.data),
                document["sha1_base64"].as_str().unwrap(),
                "{file}"
            );
            attachment.check(&binary.data).unwrap();
        }
    }
}
