//! The same posture gives the same bytes.

use std::collections::BTreeSet;

use dmp_policies::oscal::{Document, System};
use serde_json::Value;

use super::references::uuids;
use super::{SYSTEM, at, mixed, now, read, written};

#[test]
fn the_same_posture_gives_the_same_bytes_and_another_one_other_bytes() {
    let first = written(&mixed(), SYSTEM, now());
    assert_eq!(first, written(&mixed(), SYSTEM, now()));
    // Read again, before anything ends.
    assert_eq!(first, written(&mixed(), SYSTEM, at("2026-12-02T00:00:00Z")));
    let results = |documents: &[Document]| {
        let documents = read(documents);
        documents["assessment-results.json"]["assessment-results"].clone()
    };
    let before = results(&first);
    assert_eq!(
        before["metadata"]["last-modified"], "2026-12-01T06:00:00Z",
        "when NET-01 became stale"
    );
    // Evidence has ended: another posture, another document; what stayed as it was keeps its identifier.
    let later = results(&written(&mixed(), SYSTEM, at("2026-12-02T00:00:01Z")));
    assert_ne!(before["uuid"], later["uuid"]);
    let finding = |results: &Value, id: &str| {
        let findings = results["results"][0]["findings"].as_array().unwrap();
        let mut found = findings
            .iter()
            .filter(|one| one["target"]["target-id"] == format!("{id}_smt"));
        found.next().unwrap().clone()
    };
    assert_eq!(finding(&before, "DMP-WRK-01"), finding(&later, "DMP-WRK-01"));
    assert_ne!(
        finding(&before, "DMP-GOV-04")["uuid"],
        finding(&later, "DMP-GOV-04")["uuid"]
    );
    // Another platform shares no identifier.
    let other = System {
        uid: "00000000-0000-4000-8000-000000000000",
        ..SYSTEM
    };
    let other = written(&mixed(), other, now());
    let of = |documents: &[Document]| read(documents).values().flat_map(uuids).collect::<BTreeSet<_>>();
    assert!(of(&first).is_disjoint(&of(&other)));
}
