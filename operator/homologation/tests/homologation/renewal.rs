//! A later document in the place of one that ends: whose word makes it count, and that the vendor's alone does not.

use dmp_api::HomologationState as State;
use dmp_homologation::statement::Renewal;
use dmp_homologation::{Dossier, canonical};
use dmp_testkit::bodies::Member;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::world::{HOMOLOGATION, ICE, NAMESPACE, World, ago, signed, typed};

/// The programme's pen-test counts for 365 days; the one of the submission was issued five days ago.
const ENDED: i64 = 362;

fn day(world: &World, days: i64) -> String {
    let at = world.now + SignedDuration::from_hours(24 * days);
    at.strftime("%Y-%m-%d").to_string()
}

/// A later document, brought today.
fn bring(world: &mut World, name: &str, renews: &str, changes: &Value) {
    let mut spec = json!({
        "kind": "pen-test", "issuer": "Labo Sécurité", "sha256": "e".repeat(64), "issued": day(world, 0), "renews": renews,
    });
    spec.as_object_mut()
        .unwrap()
        .extend(changes.as_object().unwrap().clone());
    let item = json!({ "metadata": { "name": name, "creationTimestamp": ago(world.now, 0) }, "spec": spec });
    world.dossier.evidence.push(typed(item));
}

fn renewal(dossier: &Dossier, name: &str, world: &World) -> Renewal {
    let item = dossier
        .evidence
        .iter()
        .find(|item| item.metadata.name.as_deref() == Some(name));
    Renewal {
        homologation: format!("{NAMESPACE}/{HOMOLOGATION}"),
        evidence: name.to_owned(),
        evidence_sha256: canonical::sha256(&item.unwrap().spec),
        signed_at: world.now,
    }
}

fn accept(world: &mut World, name: &str, by: impl FnOnce(&World) -> Member) {
    let text = signed(&by(world), &renewal(&world.dossier, name, world));
    world.arrive(&text);
}

fn both_accept(world: &mut World, name: &str) {
    accept(world, name, |w| w.interop.person("i5"));
    accept(world, name, |w| w.security.person("s5"));
}

fn reader_alone(world: &World) -> bool {
    let scopes = world.standing_in(ENDED).scopes;
    scopes.into_iter().collect::<Vec<_>>() == ["document-reader"]
}

#[test]
fn it_counts_once_both_bodies_have_accepted_it() {
    let mut world = World::granted();
    let submission = world.dossier.submission_sha256(&world.dossier.homologations[0]);
    bring(&mut world, "pen-test-2", "pen-test", &json!({}));
    assert!(reader_alone(&world), "the vendor's word alone");
    let warned = "EvidenceItem `pen-test-2` does not renew `pen-test`: not accepted by interop, security";
    assert!(world.standing().warnings.contains(&warned.to_owned()));
    accept(&mut world, "pen-test-2", |w| w.security.person("s5"));
    assert!(reader_alone(&world), "one body");
    accept(&mut world, "pen-test-2", |w| w.interop.person("i5"));
    let standing = world.standing_in(ENDED);
    assert_eq!(standing.scopes.len(), 2, "{:?}", standing.missing);
    assert!(standing.missing.is_empty());
    assert_eq!(world.standing().warnings, [""; 0]);
    // What the reviewers signed is what it was.
    assert_eq!(
        world.dossier.submission_sha256(&world.dossier.homologations[0]),
        submission
    );
    // It lengthens nothing but itself.
    assert_eq!(world.standing_in(366).state, State::Expired);
}

#[test]
fn the_programme_may_name_who_accepts_it() {
    let rules = json!({
        "evidence": [{ "kind": "pen-test", "maxAgeDays": 365, "scopes": ["document-feeder"], "renewedBy": ["security"] }],
    });
    let mut world = World::granted_under(rules);
    bring(&mut world, "pen-test-2", "pen-test", &json!({}));
    accept(&mut world, "pen-test-2", |w| w.interop.person("i5"));
    assert!(reader_alone(&world), "another body than the one that is named");
    accept(&mut world, "pen-test-2", |w| w.security.person("s5"));
    assert!(!reader_alone(&world));
}

#[test]
fn what_does_not_fit_is_refused_whoever_accepts_it() {
    let cases = [
        ("another kind", json!({ "kind": "iso-27001" }), "of another kind"),
        (
            "issued the same day",
            json!({ "issued": null }),
            "not issued after",
        ),
        ("in the future", json!({ "issued": "2999-01-01" }), "dated after"),
        ("no day", json!({ "issued": "2999-99-99" }), "dated after"),
    ];
    for (name, mut changes, why) in cases {
        let mut world = World::granted();
        if changes["issued"].is_null() && changes.get("issued").is_some() {
            changes["issued"] = json!(day(&world, -5));
        }
        bring(&mut world, "pen-test-2", "pen-test", &changes);
        both_accept(&mut world, "pen-test-2");
        assert!(reader_alone(&world), "{name}");
        let warnings = world.standing().warnings;
        assert!(warnings[0].contains(why), "{name}: {warnings:?}");
    }
    // One that ends no later than the one before.
    let mut world = World::granted();
    world.dossier.evidence[0].spec.valid_until = Some(day(&world, 200));
    let same_end = json!({ "validUntil": day(&world, 200) });
    bring(&mut world, "pen-test-2", "pen-test", &same_end);
    both_accept(&mut world, "pen-test-2");
    // (What was submitted is another thing now, and not decided; what is said of the documents is the same.)
    assert!(world.standing().warnings[0].contains("does not hold longer"));
}

#[test]
fn who_accepts_it_is_distinct_and_not_the_vendor() {
    type Deciders = fn(&World) -> (Member, Member);
    let cases: [(&str, Deciders); 4] = [
        ("one person", |w| (w.interop.person("x"), w.security.person("x"))),
        ("one employer", |w| {
            (
                w.interop.employed("i5", "Cabinet", "000000000000007"),
                w.security.employed("s5", "Cabinet", "000000000000008"),
            )
        }),
        ("the vendor's own", |w| {
            (
                w.interop.person("i5"),
                w.security.employed("s5", "Other name", ICE),
            )
        }),
        ("a laboratory", |w| {
            (w.interop.person("i5"), w.laboratory.person("l5"))
        }),
    ];
    for (name, deciders) in cases {
        let mut world = World::granted();
        bring(&mut world, "pen-test-2", "pen-test", &json!({}));
        let (one, other) = deciders(&world);
        accept(&mut world, "pen-test-2", |_| one);
        accept(&mut world, "pen-test-2", |_| other);
        assert!(reader_alone(&world), "{name}");
    }
}

#[test]
fn a_word_is_about_one_document_and_one_submission() {
    let mut world = World::granted();
    bring(&mut world, "pen-test-2", "pen-test", &json!({}));
    let good = renewal(&world.dossier, "pen-test-2", &world);
    let mut other_submission = good.clone();
    other_submission.homologation = format!("{NAMESPACE}/other");
    let mut other_document = good.clone();
    other_document.evidence_sha256 = "0".repeat(64);
    let mut stale = good.clone();
    stale.signed_at = world.now - SignedDuration::from_hours(24 * 8);
    accept(&mut world, "pen-test-2", |w| w.interop.person("i5"));
    for (wrong, reason) in [
        (other_submission, "OtherHomologation"),
        (other_document, "OtherEvidence"),
        (stale, "WrongTime"),
    ] {
        let text = signed(&world.security.person("s5"), &wrong);
        world.arrive(&text);
        let review = world.dossier.reviews.last().unwrap();
        let read = world.dossier.renewal_of(&world.dossier.homologations[0], review);
        assert_eq!(read.unwrap_err().reason, reason);
        assert!(reader_alone(&world), "{reason}");
    }
    // After both have accepted it the document is exchanged under its name.
    accept(&mut world, "pen-test-2", |w| w.security.person("s5"));
    assert!(!reader_alone(&world));
    let last = world.dossier.evidence.last_mut().unwrap();
    last.spec.sha256 = "f".repeat(64);
    assert!(reader_alone(&world));
}

#[test]
fn one_renews_the_other_and_never_in_a_circle() {
    let mut world = World::granted();
    let yesterday = json!({ "issued": day(&world, -1) });
    bring(&mut world, "pen-test-2", "pen-test", &yesterday);
    bring(&mut world, "pen-test-3", "pen-test-2", &json!({}));
    both_accept(&mut world, "pen-test-3");
    assert!(
        reader_alone(&world),
        "the third takes the place of one that does not count itself"
    );
    both_accept(&mut world, "pen-test-2");
    assert!(!reader_alone(&world));

    let mut world = World::granted();
    bring(&mut world, "a", "b", &json!({}));
    bring(&mut world, "b", "a", &json!({}));
    both_accept(&mut world, "a");
    both_accept(&mut world, "b");
    assert!(reader_alone(&world));
}
