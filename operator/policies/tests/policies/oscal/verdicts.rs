//! No verdict becomes better, and nothing is claimed.

use dmp_policies::{Catalogue, State};
use serde_json::json;

use super::{SYSTEM, mixed, now, read, written};

#[test]
fn only_what_passes_is_satisfied() {
    let documents = written(&mixed(), SYSTEM, now());
    let documents = read(&documents);
    let results = &documents["assessment-results.json"]["assessment-results"]["results"][0];
    let findings = results["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 59);
    let status = |id: &str| {
        let target = format!("{id}_smt");
        let found = findings.iter().find(|one| one["target"]["target-id"] == target);
        let status = &found.unwrap()["target"]["status"];
        (
            status["state"].as_str().unwrap(),
            status["reason"].as_str().unwrap(),
        )
    };
    assert_eq!(status("DMP-GOV-04"), ("satisfied", "pass"));
    assert_eq!(status("DMP-IAM-06"), ("satisfied", "pass"));
    assert_eq!(status("DMP-WRK-01"), ("not-satisfied", "fail"));
    assert_eq!(status("DMP-NET-02"), ("not-satisfied", "other"), "an error");
    assert_eq!(status("DMP-NET-01"), ("not-satisfied", "other"), "stale");
    assert_eq!(status("DMP-BCK-01"), ("not-satisfied", "other"), "not yet");
    assert_eq!(
        status("DMP-PRI-02"),
        ("not-satisfied", "other"),
        "nothing is said"
    );
    let satisfied = findings
        .iter()
        .filter(|one| one["target"]["status"]["state"] == "satisfied");
    assert_eq!(satisfied.count(), 2);

    // Evidence keeps its hash and its end; what is brought is examined, what is observed is a test.
    let observations = results["observations"].as_array().unwrap();
    let about = |title: &str| observations.iter().find(|one| one["title"] == title).unwrap();
    let stale = about("DMP-NET-01 policies");
    assert_eq!(stale["expires"], "2026-12-01T06:00:00Z");
    assert_eq!(stale["relevant-evidence"][0]["props"][1]["value"], "a".repeat(64));
    assert_eq!(stale["methods"], json!(["TEST"]));
    assert_eq!(
        about("DMP-IAM-06 document")["methods"],
        json!(["EXAMINE"]),
        "a document"
    );

    // The plan of action has all the others.
    let poam = &documents["plan-of-action-and-milestones.json"]["plan-of-action-and-milestones"];
    let items = poam["poam-items"].as_array().unwrap();
    assert_eq!(items.len(), 57);
    assert!(
        items
            .iter()
            .all(|one| !one["title"].as_str().unwrap().starts_with("DMP-GOV-04"))
    );
    let labels = items
        .iter()
        .find(|one| one["title"].as_str().unwrap().starts_with("DMP-WRK-01"));
    let said = labels.unwrap()["description"].as_str().unwrap();
    assert_eq!(said, "labels: not true: every namespace (tools)");
}

#[test]
fn what_is_not_there_yet_is_planned() {
    let catalogue = Catalogue::embedded().unwrap();
    let documents = written(&mixed(), SYSTEM, now());
    let documents = read(&documents);
    let plan = &documents["system-security-plan.json"]["system-security-plan"];
    let requirements = plan["control-implementation"]["implemented-requirements"]
        .as_array()
        .unwrap();
    for (control, requirement) in catalogue.controls().iter().zip(requirements) {
        assert_eq!(requirement["control-id"], control.id);
        let status = &requirement["by-components"][0]["implementation-status"];
        let expected = match control.implementation.state {
            State::Enforced => "implemented",
            State::Checked | State::Evidence => "partial",
            State::NotYet => "planned",
        };
        assert_eq!(status["state"], expected, "{}", control.id);
        if let Some(missing) = &control.implementation.missing {
            let missing: Vec<_> = missing.split_whitespace().collect();
            assert!(status["remarks"].as_str().unwrap().contains(&missing.join(" ")));
        }
    }
}

#[test]
fn no_document_claims_a_certification() {
    for document in written(&mixed(), SYSTEM, now()) {
        assert!(
            document
                .text
                .contains("HDS-equivalent controls, territory MA: neither certification nor attestation."),
            "{}",
            document.file
        );
    }
}
