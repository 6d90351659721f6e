//! Where a non-conformity stands, whose word closes it, and what it does to a version.

use dmp_api::catalogue_entry::CatalogueState;
use dmp_api::{HomologationState as State, NonConformityState as Stage};
use dmp_homologation::canonical;
use dmp_homologation::catalogue::publish;
use dmp_homologation::statement::Closing;
use dmp_testkit::bodies::Member;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::world::{ICE, NAMESPACE, SOLUTION, World, ago, signed, typed};

const DEADLINE: i64 = 10;

fn rules() -> Value {
    json!({ "surveillance": { "suspendAfterDeadline": true } })
}

fn open(world: &mut World, changes: &Value) {
    let deadline = world.now + SignedDuration::from_hours(24 * DEADLINE);
    let mut spec = json!({
        "solution": SOLUTION, "rule": "DF-03", "finding": "7 % des documents sont refusés", "severity": "major",
        "deadline": deadline.strftime("%Y-%m-%d").to_string(),
    });
    spec.as_object_mut()
        .unwrap()
        .extend(changes.as_object().unwrap().clone());
    let one = json!({ "metadata": { "name": "nc", "creationTimestamp": ago(world.now, 0) }, "spec": spec });
    world.dossier.non_conformities.push(typed(one));
}

fn stage(world: &World, days: i64) -> Stage {
    let now = world.now + SignedDuration::from_hours(24 * days);
    world
        .dossier
        .non_conformity_state(&world.dossier.non_conformities[0], now)
}

fn answer(world: &mut World, spec: &Value) {
    let mut spec = spec.clone();
    spec["nonConformity"] = json!("nc");
    let number = world.dossier.answers.len();
    world.dossier.answers.push(typed(json!({
        "metadata": { "name": format!("answer-{number}"), "creationTimestamp": ago(world.now, 0) }, "spec": spec,
    })));
}

fn closing(world: &World) -> Closing {
    Closing {
        non_conformity: format!("{NAMESPACE}/nc"),
        sha256: canonical::sha256(&world.dossier.non_conformities[0].spec),
        comment: "corrigé".to_owned(),
        signed_at: world.now,
    }
}

fn close(world: &mut World, by: impl FnOnce(&World) -> Member) {
    let text = signed(&by(world), &closing(world));
    answer(world, &json!({ "statement": text }));
}

fn last_refused(world: &World) -> &'static str {
    let last = world.dossier.answers.last().unwrap();
    world.dossier.closing_of(last).unwrap_err().reason
}

#[test]
fn it_goes_from_open_to_closed_by_a_deciding_body() {
    let mut world = World::granted();
    open(&mut world, &json!({}));
    assert_eq!(stage(&world, 0), Stage::Open);
    assert_eq!(stage(&world, DEADLINE), Stage::Open, "the last day counts");
    assert_eq!(stage(&world, DEADLINE + 1), Stage::Overdue);
    answer(&mut world, &json!({ "text": "corrigé en 4.2.1" }));
    assert_eq!(stage(&world, 0), Stage::Answered);
    assert_eq!(
        stage(&world, DEADLINE + 1),
        Stage::Overdue,
        "an answer is no end of it"
    );
    close(&mut world, |w| w.interop.person("i7"));
    assert_eq!(stage(&world, 0), Stage::Closed);
    assert_eq!(stage(&world, DEADLINE + 1), Stage::Closed);
}

#[test]
fn nobody_else_closes_it() {
    type Signer = fn(&World) -> Member;
    let cases: [(&str, Signer); 5] = [
        ("WrongBody", |w| w.privacy.person("p7")),
        ("WrongBody", |w| w.laboratory.person("l7")),
        ("WrongBody", |w| w.suite.person("suite")),
        ("OwnProduct", |w| w.security.employed("s7", "Other name", ICE)),
        ("UnknownSigner", |_| {
            dmp_testkit::bodies::Authority::new("Securite", "000000000000002").person("s7")
        }),
    ];
    for (reason, signer) in cases {
        let mut world = World::granted();
        open(&mut world, &json!({}));
        close(&mut world, signer);
        assert_eq!(last_refused(&world), reason);
        assert_eq!(stage(&world, 0), Stage::Open, "{reason}");
    }
    let mut world = World::granted();
    open(&mut world, &json!({}));
    let mut other = closing(&world);
    other.sha256 = "0".repeat(64);
    let text = signed(&world.interop.person("i7"), &other);
    answer(&mut world, &json!({ "statement": text }));
    assert_eq!(last_refused(&world), "OtherNonConformity");
    // A review is no closing.
    let text = signed(&world.interop.person("i7"), &world.review(&crate::world::FINDING));
    answer(&mut world, &json!({ "statement": text }));
    assert_eq!(last_refused(&world), "NotAStatement");
    assert_eq!(stage(&world, 0), Stage::Open);
    // The product is gone, and with it whose product it is.
    close(&mut world, |w| w.interop.person("i7"));
    assert_eq!(stage(&world, 0), Stage::Closed);
    world.dossier.solutions.clear();
    assert_eq!(last_refused(&world), "SolutionNotFound");
}

#[test]
fn it_is_shown_and_suspends_only_by_the_written_rule() {
    let shown = "NonConformity `nc` (major) is to be mended until";
    for (rules, after) in [
        (json!({}), State::Homologated),
        (
            json!({ "surveillance": { "suspendAfterDeadline": false } }),
            State::Homologated,
        ),
        (rules(), State::Suspended),
    ] {
        let mut world = World::granted_under(rules.clone());
        open(&mut world, &json!({}));
        let standing = world.standing();
        assert_eq!(standing.state, State::Homologated, "{rules}");
        assert!(standing.warnings[0].starts_with(shown), "{:?}", standing.warnings);
        assert_eq!(world.standing_in(DEADLINE).state, State::Homologated, "{rules}");
        let standing = world.standing_in(DEADLINE + 1);
        assert_eq!(standing.state, after, "{rules}");
        let said = [standing.missing, standing.warnings].concat();
        assert!(said[0].contains("is open past its deadline"), "{rules}: {said:?}");
        close(&mut world, |w| w.security.person("s7"));
        let standing = world.standing_in(DEADLINE + 1);
        assert_eq!(standing.state, State::Homologated, "{rules}: closed");
        assert_eq!(standing.warnings, [""; 0]);
    }
    // A rule that nobody signed.
    let mut world = World::granted();
    world.dossier.programmes[0].spec.surveillance = Some(typed(json!({ "suspendAfterDeadline": true })));
    assert_eq!(world.standing().state, State::Incomplete);
}

#[test]
fn it_is_about_one_product_and_perhaps_one_version() {
    for (changes, days, wanted) in [
        (json!({ "version": "4.2" }), DEADLINE + 1, State::Suspended),
        (json!({ "version": "4.1" }), DEADLINE + 1, State::Homologated),
        (json!({ "solution": "other" }), DEADLINE + 1, State::Homologated),
        // A deadline that is no day has passed.
        (json!({ "deadline": "2026-02-30" }), 0, State::Suspended),
    ] {
        let mut world = World::granted_under(rules());
        open(&mut world, &changes);
        assert_eq!(world.standing_in(days).state, wanted, "{changes}");
    }
}

#[test]
fn the_public_sees_that_there_is_one_and_not_what_was_found() {
    let mut world = World::granted_under(rules());
    open(&mut world, &json!({ "measured": "7 % de 12 400" }));
    let of = crate::catalogue::of();
    let now = world.now;
    let (homologation, entry) = publish(&world.dossier, &of, None, now).unwrap();
    assert_eq!(entry.non_conformities.len(), 1);
    let text = serde_json::to_string(&entry).unwrap();
    for kept in ["refusés", "12 400", "DF-03"] {
        assert!(!text.contains(kept), "{kept}");
    }
    let before = dmp_api::CatalogueEntryStatus {
        homologation,
        published: Some(entry),
        ..Default::default()
    };
    let later = now + SignedDuration::from_hours(24 * (DEADLINE + 1));
    let (_, entry) = publish(&world.dossier, &of, Some(&before), later).unwrap();
    assert_eq!(entry.state, CatalogueState::Suspended);
    assert_eq!(entry.non_conformities.len(), 1);
    close(&mut world, |w| w.security.person("s7"));
    let (_, entry) = publish(&world.dossier, &of, Some(&before), later).unwrap();
    assert_eq!(
        (entry.state, entry.non_conformities.len()),
        (CatalogueState::Homologated, 0)
    );
}
