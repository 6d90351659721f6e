#![allow(clippy::unwrap_used)]

use super::*;

fn now() -> Timestamp {
    "2026-11-25T10:00:00.723456Z".parse().unwrap()
}

fn patient() -> PatientId {
    "0b0e7d7e-41a7-4c5f-9d53-9d40a2f1b8c3".parse().unwrap()
}

fn relation(period: Value) -> Value {
    json!({
        "resourceType": "Consent", "status": "active",
        "scope": { "coding": [{ "code": "patient-privacy" }] },
        "category": [{ "coding": [{ "code": "59284-0" }] }],
        "patient": { "reference": "Patient/0b0e7d7e-41a7-4c5f-9d53-9d40a2f1b8c3" },
        "provision": { "type": "permit", "period": period,
            "actor": [{ "reference": { "identifier": { "system": dmp_fhir::systems::INPE, "value": "100000001" } } }] },
    })
}

fn read(resource: &Value) -> Result<Term, TermError> {
    Term::read(resource, patient(), Change::New, now())
}

#[test]
fn a_care_relation_ends_within_ninety_days() {
    let ends = |period: Value| read(&relation(period)).unwrap().ends.unwrap().to_string();
    assert_eq!(ends(json!({ "start": "2026-11-01" })), "2027-02-23T10:00:00Z");
    assert_eq!(ends(json!({ "end": "2030" })), "2027-02-23T10:00:00Z");
    assert_eq!(ends(json!({ "end": "2026-11-25" })), "2026-11-26T00:00:00Z");
    assert_eq!(
        ends(json!({ "end": "2026-11-25T11:00:01+01:00" })),
        "2026-11-25T10:00:01Z"
    );
    let term = read(&relation(json!({ "start": "2026-12-01", "end": "2026-12-02" }))).unwrap();
    assert_eq!(term.starts.unwrap().to_string(), "2026-12-01T00:00:00Z");
    assert_eq!(term.inpe.as_deref(), Some("100000001"));
}

#[test]
fn what_has_started_starts_at_once() {
    for start in ["2026-11-25", "2026-11-25T10:00:00Z", "2026-11"] {
        assert!(
            read(&relation(json!({ "start": start })))
                .unwrap()
                .starts
                .is_none(),
            "{start}"
        );
    }
}

#[test]
fn an_opposition_has_no_cap() {
    let mut opposition = relation(json!({ "start": "2026-11-01" }));
    opposition["provision"] = json!({ "type": "deny" });
    let term = read(&opposition).unwrap();
    assert!(term.inpe.is_none() && term.ends.is_none() && term.active);
    let stamped = term.stamp(opposition, Uuid::nil(), 1, now());
    assert!(stamped["provision"].get("period").is_none());
}

#[test]
fn the_stored_resource_says_what_was_granted() {
    let resource = relation(json!({ "end": "2030" }));
    let stamped = read(&resource).unwrap().stamp(resource, Uuid::nil(), 3, now());
    assert_eq!(stamped["provision"]["period"]["end"], "2027-02-23T10:00:00.000Z");
    assert_eq!(
        stamped["meta"],
        json!({ "versionId": "3", "lastUpdated": "2026-11-25T10:00:00.723Z" })
    );
    assert_eq!(stamped["id"], Uuid::nil().to_string());
}

#[test]
fn what_cannot_be() {
    let code = |resource: &Value, change: Change| {
        Term::read(resource, patient(), change, now())
            .err()
            .map(|e| e.code())
    };
    let good = relation(json!({ "start": "2026" }));
    let mut other = good.clone();
    other["patient"]["reference"] = "Patient/0b0e7d7e-41a7-4c5f-9d53-9d40a2f1b8c4".into();
    assert_eq!(code(&other, Change::New), Some("consent-of-another-patient"));
    other["patient"] = json!({ "identifier": { "system": "x", "value": "y" } });
    assert_eq!(code(&other, Change::New), Some("consent-of-another-patient"));
    let mut inactive = good.clone();
    inactive["status"] = "inactive".into();
    assert_eq!(code(&inactive, Change::New), Some("consent-not-active"));
    assert_eq!(code(&inactive, Change::Update(Uuid::nil())), None);
    let mut with_id = good.clone();
    with_id["id"] = "other".into();
    assert_eq!(code(&with_id, Change::Update(Uuid::nil())), Some("id-mismatch"));
    with_id["id"] = Uuid::nil().to_string().into();
    assert_eq!(code(&with_id, Change::Update(Uuid::nil())), None);
    assert_eq!(
        code(&relation(json!({ "end": "2026-11-24" })), Change::New),
        Some("consent-period-over")
    );
    assert_eq!(
        code(&relation(json!({ "start": "2027-06-01" })), Change::New),
        Some("consent-period-over")
    );
    assert_eq!(
        code(&json!({ "resourceType": "Consent" }), Change::New),
        Some("element-missing")
    );
}
