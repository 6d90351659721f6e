//! What NIST's schemas say of the documents, and that they would say so of a broken one.

use std::collections::BTreeSet;
use std::path::Path;

use dmp_policies::Catalogue;
use dmp_policies::openreports::Report;
use serde_json::{Value, json};

use super::{SYSTEM, all_pass, mixed, now, read, written};

#[test]
fn every_document_is_valid_by_the_schema_of_nist() {
    for report in [mixed(), Report::default()] {
        let documents = written(&report, SYSTEM, now());
        let files: Vec<_> = documents.iter().map(|one| one.file.as_str()).collect();
        assert_eq!(
            files,
            [
                "catalog.json",
                "profile-all.json",
                "profile-iso27001.json",
                "profile-hds.json",
                "profile-dnssi.json",
                "profile-05-20.json",
                "profile-09-08.json",
                "profile-c-ma.json",
                "profile-other.json",
                "component-definition.json",
                "mapping-collection.json",
                "system-security-plan.json",
                "assessment-plan.json",
                "assessment-results.json",
                "plan-of-action-and-milestones.json",
            ]
        );
        for (file, document) in read(&documents) {
            assert_eq!(wrong(&document), Vec::<String>::new(), "{file}");
        }
    }
}

#[test]
fn when_everything_passes_there_is_no_plan_of_action() {
    let catalogue = Catalogue::embedded().unwrap();
    let documents = written(&all_pass(&catalogue), SYSTEM, now());
    assert_eq!(documents.len(), 14);
    assert!(
        documents
            .iter()
            .all(|one| !one.file.starts_with("plan-of-action"))
    );
    for (file, document) in read(&documents) {
        assert_eq!(wrong(&document), Vec::<String>::new(), "{file}");
    }
}

#[test]
fn a_broken_document_is_not_valid() {
    let documents = written(&mixed(), SYSTEM, now());
    let documents = read(&documents);
    let broken = [
        ("catalog.json", "/catalog/groups/0/controls/0/id", json!("EXI 28")),
        ("catalog.json", "/catalog/groups", json!([])),
        (
            "profile-hds.json",
            "/profile/metadata/last-modified",
            json!("1 December"),
        ),
        (
            "component-definition.json",
            "/component-definition/components/0/control-implementations/0/implemented-requirements",
            json!([]),
        ),
        (
            "mapping-collection.json",
            "/mapping-collection/provenance/method",
            json!("guess"),
        ),
        (
            "system-security-plan.json",
            "/system-security-plan/system-characteristics/status/state",
            json!("perfect"),
        ),
        (
            "assessment-plan.json",
            "/assessment-plan/uuid",
            json!("not-a-uuid"),
        ),
        (
            "assessment-results.json",
            "/assessment-results/results/0/findings/0/target/status/state",
            json!("certified"),
        ),
        (
            "plan-of-action-and-milestones.json",
            "/plan-of-action-and-milestones/poam-items/0/title",
            json!(1),
        ),
    ];
    for (file, place, value) in broken {
        let mut document = documents[file].clone();
        *document.pointer_mut(place).unwrap() = value;
        assert!(!wrong(&document).is_empty(), "{file} {place}");
    }
    let mut more = documents["assessment-results.json"].clone();
    more["assessment-results"]["certificate"] = json!("yes");
    assert!(!wrong(&more).is_empty());
}

#[test]
fn the_schemas_are_those_that_were_released() {
    let readme = std::fs::read_to_string(folder().join("README.md")).unwrap();
    let mut files = BTreeSet::new();
    for line in readme.lines().filter(|line| line.starts_with("| `oscal_")) {
        let cells: Vec<_> = line.split('`').collect();
        let bytes = std::fs::read(folder().join(cells[1])).unwrap();
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
        assert_eq!(hex::encode(digest), cells[3], "{}", cells[1]);
        assert!(String::from_utf8_lossy(&bytes).contains("ns/oscal/1.2.2/"));
        files.insert(cells[1].to_owned());
    }
    assert_eq!(files.len(), 8);
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/oscal-1.2.2")
}

/// NIST's schema of a document, by its root.
fn schema(document: &Value) -> jsonschema::Validator {
    let root = document.as_object().unwrap().keys().next().unwrap();
    let name = match root.as_str() {
        "component-definition" => "component",
        "mapping-collection" => "mapping",
        "system-security-plan" => "ssp",
        "plan-of-action-and-milestones" => "poam",
        name => name,
    };
    let text = std::fs::read_to_string(folder().join(format!("oscal_{name}_schema.json"))).unwrap();
    let schema = serde_json::from_str(&text).unwrap();
    jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap()
}

pub fn wrong(document: &Value) -> Vec<String> {
    let validator = schema(document);
    let errors = validator.iter_errors(document);
    errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}
