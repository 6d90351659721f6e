//! The catalogue as one signed text: what it says of a label, when the next edition is due, and what it is worth.

use dmp_api::catalogue::Opening;
use dmp_api::catalogue_entry::{CatalogueState, Published};
use dmp_api::{CatalogueStatus, SystemHomologation};
use dmp_homologation::feed::{self, Feed, Listed};
use dmp_homologation::jws;
use dmp_homologation::label::{self, Label};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::label::{Case, ISSUER, days};
use crate::platform_key::PlatformKey;

/// An edition of the catalogue with these entries.
fn edition(key: &PlatformKey, entries: &[Published], now: Timestamp) -> (CatalogueStatus, String) {
    let entries = as_objects(entries);
    let draft = feed::draft(&CatalogueStatus::default(), ISSUER, &entries, &[], None, now).unwrap();
    let status = CatalogueStatus {
        number: Some(draft.number),
        issuer: Some(draft.issuer),
        generated_at: Some(draft.generated_at),
        next_update: Some(draft.next_update),
        entries_sha256: Some(draft.entries_sha256),
        signature: Some(key.sign_detached(feed::TYP, &draft.text)),
        ..CatalogueStatus::default()
    };
    (status, draft.text)
}

fn as_objects(entries: &[Published]) -> Vec<Value> {
    feed::entries(
        entries
            .iter()
            .map(|entry| json!({ "status": { "published": entry } })),
    )
}

fn read(case: &Case, entries: &[Published], now: Timestamp) -> Feed {
    let (status, text) = edition(&case.key, entries, now);
    feed::verify(
        text.as_bytes(),
        &status.signature.unwrap(),
        &[case.key.public()],
        now,
    )
    .unwrap()
}

#[test]
fn the_catalogue_says_what_has_ended_since() {
    let case = Case::new();
    let label = case.due(case.now);
    let later = case.now + days(1);
    let with = |change: fn(&mut Published)| {
        let mut entry = case.entry.clone();
        change(&mut entry);
        read(&case, &[entry], later).says(&label)
    };
    let ended = |state| Listed::Ended {
        state,
        since: case.entry.state_since.clone(),
    };
    assert_eq!(with(|_| ()), Listed::InForce);
    assert_eq!(
        with(|entry| entry.state = CatalogueState::Suspended),
        ended(CatalogueState::Suspended)
    );
    assert_eq!(
        with(|entry| entry.state = CatalogueState::Revoked),
        ended(CatalogueState::Revoked)
    );
    assert_eq!(
        with(|entry| entry.scopes = vec!["document-reader".to_owned()]),
        Listed::Narrowed(vec!["document-feeder".to_owned()])
    );
    assert_eq!(
        with(|entry| entry.scopes.push("consent".to_owned())),
        Listed::InForce
    );
    assert_eq!(read(&case, &[], later).says(&label), Listed::Absent);
    // A catalogue from before the label cannot speak against it, but for a revocation.
    let before = case.now - days(1);
    assert_eq!(read(&case, &[], before).says(&label), Listed::NotYet);
    let mut entry = case.entry.clone();
    entry.state = CatalogueState::Suspended;
    assert_eq!(read(&case, &[entry.clone()], before).says(&label), Listed::NotYet);
    entry.state = CatalogueState::Revoked;
    assert_eq!(
        read(&case, &[entry], before).says(&label),
        ended(CatalogueState::Revoked)
    );
    let abroad = Label {
        iss: "dmp.other".to_owned(),
        ..label.clone()
    };
    assert_eq!(
        read(&case, std::slice::from_ref(&case.entry), later).says(&abroad),
        Listed::OtherIssuer
    );
}

#[test]
fn an_edition_is_made_when_something_changed_and_once_a_day() {
    let case = Case::new();
    let own = [case.key.public()];
    let entries = [case.entry.clone()];
    let (status, text) = edition(&case.key, &entries, case.now);
    let due = |status: &CatalogueStatus, entries: &[Published], issuer: &str, after| {
        feed::draft(
            status,
            issuer,
            &as_objects(entries),
            &[],
            Some(&own),
            case.now + after,
        )
    };
    let hour = SignedDuration::from_hours(1);
    assert_eq!(due(&status, &entries, ISSUER, SignedDuration::ZERO), None);
    assert_eq!(due(&status, &entries, ISSUER, 23 * hour), None, "idle");
    let next = due(&status, &entries, ISSUER, 24 * hour).unwrap();
    assert_eq!(next.number, 2);
    let mut changed = entries.clone();
    changed[0].state = CatalogueState::Suspended;
    assert!(due(&status, &changed, ISSUER, hour).is_some());
    assert!(due(&status, &[], ISSUER, hour).is_some(), "one is gone");
    assert!(due(&status, &entries, "dmp.other", hour).is_some());
    assert!(
        due(&status, &entries, ISSUER, -hour).is_some(),
        "the clock was ahead"
    );
    let tampered = CatalogueStatus {
        next_update: Some("2099-01-01T00:00:00Z".to_owned()),
        ..status.clone()
    };
    assert!(
        due(&tampered, &entries, ISSUER, hour).is_some(),
        "the signature is over another text"
    );
    // Who has the entries has the text.
    assert_eq!(feed::edition(&status, &as_objects(&entries)), Some(text));
    assert_eq!(feed::edition(&status, &as_objects(&changed)), None);
}

fn word(name: &str, group: Option<&str>, second: u8, status: Value) -> SystemHomologation {
    let at = format!("2026-11-30T10:00:{second:02}Z");
    let mut status = status;
    status["role"] = json!("authority");
    serde_json::from_value(json!({
        "metadata": { "name": name, "creationTimestamp": at },
        "spec": { "healthGroup": group, "statement": "-" }, "status": status,
    }))
    .unwrap()
}

#[test]
fn who_opened_it_is_published_with_every_extension_since_the_last_decision() {
    let says = |says: &str, until: &str| json!({ "says": says, "until": until, "body": "Autorité" });
    let words = [
        word(
            "extended-again",
            Some("souss"),
            4,
            says("extension", "2027-04-01"),
        ),
        word("first", Some("souss"), 1, says("decision", "2026-12-01")),
        word("extended", Some("souss"), 2, says("extension", "2026-12-20")),
        word("next", Some("souss"), 3, says("decision", "2027-03-01")),
        word("audit", Some("souss"), 5, says("audit", "2027-03-01")),
        word("platform", None, 9, says("decision", "2027-03-01")),
        // Does not count: the operator found no body whose word it is.
        word("forged", None, 8, json!({ "says": "refusal" })),
        word(
            "closed",
            Some("oriental"),
            6,
            json!({ "says": "refusal", "body": "Autorité" }),
        ),
    ];
    let openings = feed::openings(&words);
    let shown: Vec<_> = openings
        .iter()
        .map(|one| (one.health_group.as_deref(), json!(one.says), one.until.as_deref()))
        .collect();
    assert_eq!(
        shown,
        [
            (None, json!("decision"), Some("2027-03-01")),
            (Some("oriental"), json!("refusal"), None),
            (Some("souss"), json!("decision"), Some("2027-03-01")),
            (Some("souss"), json!("extension"), Some("2027-04-01")),
        ]
    );
}

#[test]
fn an_edition_with_openings_is_signed_with_them_and_one_without_is_as_before() {
    let case = Case::new();
    let own = [case.key.public()];
    let entries = as_objects(std::slice::from_ref(&case.entry));
    let (before, plain) = edition(&case.key, std::slice::from_ref(&case.entry), case.now);
    assert!(!plain.contains("openings"), "{plain}");
    let says = json!({ "says": "decision", "until": "2027-03-01", "body": "Autorité" });
    let openings: Vec<Opening> = feed::openings(&[word("platform", None, 1, says)]);
    let draft = |status: &CatalogueStatus, openings: &[Opening]| {
        feed::draft(status, ISSUER, &entries, openings, Some(&own), case.now)
    };
    let next = draft(&before, &openings).unwrap();
    let signature = case.key.sign_detached(feed::TYP, &next.text);
    let read = feed::verify(next.text.as_bytes(), &signature, &own, case.now).unwrap();
    assert_eq!((read.number, &read.openings), (2, &openings));
    let status = CatalogueStatus {
        number: Some(next.number),
        generated_at: Some(next.generated_at),
        next_update: Some(next.next_update),
        openings: next.openings,
        signature: Some(signature),
        ..before
    };
    assert_eq!(draft(&status, &openings), None, "idle");
    assert!(draft(&status, &[]).is_some());
    // Somebody adds to what was signed.
    let mut forged = status.clone();
    forged.openings.extend(openings.clone());
    assert!(draft(&forged, &openings).is_some());
    let forged = feed::edition(&forged, &entries).unwrap();
    let signature = status.signature.unwrap();
    assert!(feed::verify(forged.as_bytes(), &signature, &own, case.now).is_err());
}

#[test]
fn a_catalogue_counts_as_it_was_signed_and_for_a_week() {
    let case = Case::new();
    let own = [case.key.public()];
    let (status, text) = edition(&case.key, std::slice::from_ref(&case.entry), case.now);
    let signature = status.signature.unwrap();
    let verify = |text: &str, signature: &str, after| {
        feed::verify(text.as_bytes(), signature, &own, case.now + after).map(|feed| feed.number)
    };
    assert_eq!(verify(&text, &signature, days(6)), Ok(1));
    let outdated = verify(&text, &signature, days(7)).unwrap_err();
    assert!(matches!(outdated, feed::Invalid::Outdated { .. }), "{outdated}");
    let forged = text.replace("Homologated", "Revoked");
    assert_eq!(
        verify(&forged, &signature, days(1)),
        Err(jws::Invalid::Signature.into())
    );
    assert_eq!(
        verify(&format!("{text}\n"), &signature, days(1)),
        Err(jws::Invalid::Signature.into())
    );
    let other = PlatformKey::new("label-v1").sign_detached(feed::TYP, &text);
    assert_eq!(
        verify(&text, &other, days(1)),
        Err(jws::Invalid::Signature.into())
    );
    let label = case.key.sign_detached(label::TYP, &text);
    assert_eq!(
        verify(&text, &label, days(1)),
        Err(jws::Invalid::OtherType.into())
    );
    let whole = case.key.sign(feed::TYP, &text);
    assert_eq!(verify(&text, &whole, days(1)), Err(jws::Invalid::NotJws.into()));
}
