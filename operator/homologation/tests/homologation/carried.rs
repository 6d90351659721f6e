//! What a patch and a minor change do again, by the written rule of the programme, and that nothing opens that the bodies did not
//! sign for.

use dmp_api::HomologationState as State;
use dmp_api::conformance_run::RunMode;
use dmp_api::homologation_review::ReviewVerdict;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::world::{DECISION, FINDING, HOMOLOGATION, NAMESPACE, SOLUTION, Word, World, ago, typed};

const FEEDER: &str = "document-feeder-1-0";
const READER: &str = "document-reader-1-0";
const NO: Word = Word {
    verdict: ReviewVerdict::Unfavourable,
    ..DECISION
};

/// A patch needs the suite's own run; a minor change the security review, the feeder's supervised test and both decisions.
fn rules() -> Value {
    json!({ "changes": {
        "patch": { "reviews": [], "supervised": [], "decide": false },
        "minor": { "reviews": ["security"], "supervised": ["document-feeder"], "decide": true },
    } })
}

/// A granted version, and one that follows it.
fn followed(rules: Value, version: &str, changes: Value) -> (World, usize) {
    let mut world = World::granted_under(rules);
    let next = world.submit("next", version, Some(HOMOLOGATION), changes);
    (world, next)
}

fn rehearse(world: &mut World, submission: usize) {
    for profile in [FEEDER, READER] {
        world.run_of(submission, profile, RunMode::Rehearsal, true);
    }
}

fn carried(world: &World, submission: usize) -> String {
    let homologation = &world.dossier.homologations[submission];
    world.dossier.carried_over(homologation, world.now).unwrap()
}

/// Patched and rehearsed: whether it is open.
fn opens(world: &mut World, submission: usize) -> bool {
    rehearse(world, submission);
    world.standing_of(submission, 0).state.is_open()
}

#[test]
fn a_patch_is_run_again_and_kept() {
    let (mut world, next) = followed(rules(), "4.2.1", json!({}));
    let standing = world.standing_of(next, 0);
    assert_eq!(standing.state, State::Submitted, "{standing:?}");
    assert_eq!(
        standing.missing,
        [
            format!("rehearsal of {FEEDER} has not been run"),
            format!("rehearsal of {READER} has not been run")
        ]
    );
    world.run_of(next, FEEDER, RunMode::Rehearsal, true);
    let scopes = world.standing_of(next, 0).scopes;
    assert_eq!(scopes.into_iter().collect::<Vec<_>>(), ["document-feeder"]);
    world.run_of(next, READER, RunMode::Rehearsal, true);
    let standing = world.standing_of(next, 0);
    assert_eq!(standing.state, State::Homologated, "{:?}", standing.missing);
    assert_eq!(standing.scopes.len(), 2);
    // No day longer than the version before it.
    assert_eq!(standing.until, world.standing().until);
    assert_eq!(world.standing_of(next, 366).state, State::Expired);
    assert_eq!(
        carried(&world, next),
        format!(
            "patch of `{HOMOLOGATION}`: carried over reviews of interop, privacy, security; supervised tests of {FEEDER}, {READER}; \
             the bodies' grant"
        )
    );
    // The version before stays as it is.
    assert_eq!(world.standing().state, State::Homologated);
}

#[test]
fn a_minor_change_does_again_what_the_programme_says() {
    let (mut world, next) = followed(rules(), "4.3", json!({}));
    rehearse(&mut world, next);
    let standing = world.standing_of(next, 0);
    assert!(!standing.state.is_open());
    let due = standing.missing[0].clone();
    assert!(due.starts_with("security: no review yet"), "{due}");
    assert_eq!(
        standing.missing[1..],
        [
            format!("supervised test of {FEEDER} has not been run"),
            "decision of the interop entity".to_owned(),
            "decision of the security entity".to_owned(),
        ]
    );
    world.say_of(next, &world.security.person("s1"), &FINDING);
    world.run_of(next, FEEDER, RunMode::Supervised, true);
    assert_eq!(world.standing_of(next, 0).state, State::SupervisedTested);
    // Who reviewed the version before does not decide on this one by it.
    world.say_of(next, &world.interop.person("i1"), &DECISION);
    assert_eq!(world.standing_of(next, 0).state, State::SupervisedTested);
    world.say_of(next, &world.interop.person("i2"), &DECISION);
    world.say_of(next, &world.security.person("s2"), &DECISION);
    let standing = world.standing_of(next, 0);
    assert_eq!(standing.state, State::Homologated, "{:?}", standing.missing);
    assert_eq!(standing.scopes.len(), 2);
}

#[test]
fn without_a_written_rule_nothing_is_carried_over() {
    let cases = [
        (json!({}), "4.2.1", "programme `2026` has no rule for changes"),
        (rules(), "5.0", "a major change is a new cycle"),
        (
            json!({ "changes": { "minor": { "reviews": [], "supervised": [], "decide": false } } }),
            "4.2.1",
            "a patch is a new cycle",
        ),
        (
            rules(),
            "4.1",
            "a change that its number does not tell is a new cycle",
        ),
        (
            rules(),
            "4.2.0",
            "a change that its number does not tell is a new cycle",
        ),
        (
            rules(),
            "4.2.1-rc.1",
            "a change that its number does not tell is a new cycle",
        ),
    ];
    for (rules, version, why) in cases {
        let (mut world, next) = followed(rules, version, json!({}));
        assert!(!opens(&mut world, next), "{version}");
        assert!(
            carried(&world, next).ends_with(why),
            "{version}: {}",
            carried(&world, next)
        );
        assert!(world.standing_of(next, 0).warnings[0].ends_with(why), "{version}");
    }
    // Written in by somebody, signed by nobody.
    let (mut world, next) = followed(json!({}), "4.2.1", json!({}));
    world.dossier.programmes[0].spec.changes = Some(typed(rules()["changes"].clone()));
    assert!(!opens(&mut world, next));
    assert_eq!(world.standing_of(next, 0).state, State::Incomplete);
    // Without `follows` a patch is a version like any other.
    let mut world = World::granted_under(rules());
    let next = world.submit("next", "4.2.1", None, json!({}));
    assert!(!opens(&mut world, next));
}

#[test]
fn what_the_bodies_have_not_seen_is_not_opened() {
    // Another scope.
    let (mut world, _) = followed(rules(), "4.2.1", json!({}));
    let mut profile = world.dossier.profiles[0].clone();
    profile.metadata.name = Some("trail-1-0".to_owned());
    profile.spec.scope = "trail".to_owned();
    world.dossier.profiles.push(profile);
    let more = json!({ "profiles": [FEEDER, READER, "trail-1-0"] });
    let next = world.submit("more", "4.2.2", Some(HOMOLOGATION), more);
    rehearse(&mut world, next);
    world.run_of(next, "trail-1-0", RunMode::Rehearsal, true);
    world.run_of(next, "trail-1-0", RunMode::Supervised, true);
    let standing = world.standing_of(next, 0);
    assert_eq!(
        standing.scopes.into_iter().collect::<Vec<_>>(),
        ["document-feeder", "document-reader"]
    );
    // Another text of a profile: its supervised test is taken again.
    let (mut world, _) = followed(rules(), "4.2.1", json!({}));
    let mut profile = world.dossier.profiles[0].clone();
    profile.metadata.name = Some("document-feeder-1-1".to_owned());
    world.dossier.profiles.push(profile);
    let other = json!({ "profiles": ["document-feeder-1-1", READER] });
    let next = world.submit("other", "4.2.2", Some(HOMOLOGATION), other);
    for profile in ["document-feeder-1-1", READER] {
        world.run_of(next, profile, RunMode::Rehearsal, true);
    }
    let scopes = world.standing_of(next, 0).scopes;
    assert_eq!(scopes.into_iter().collect::<Vec<_>>(), ["document-reader"]);
    // A document of the vendor's own.
    let (mut world, _) = followed(rules(), "4.2.1", json!({}));
    let mut item = world.dossier.evidence[0].clone();
    item.metadata.name = Some("mine".to_owned());
    world.dossier.evidence.push(item);
    let next = world.submit(
        "mine",
        "4.2.2",
        Some(HOMOLOGATION),
        json!({ "evidence": ["mine"] }),
    );
    rehearse(&mut world, next);
    let standing = world.standing_of(next, 0);
    assert_eq!(
        standing.scopes.into_iter().collect::<Vec<_>>(),
        ["document-reader"]
    );
    assert!(standing.warnings[0].contains("`mine` was not of the submission"));
    // Another installation key.
    let (mut world, next) = followed(rules(), "4.2.1", json!({}));
    world.dossier.homologations[next].spec.installation_key = Some("other".to_owned());
    assert!(carried(&world, next).ends_with("the installation key is another: the bodies decide"));
    assert!(!opens(&mut world, next));
    // Another product's version, one that is not there, one that came later, itself.
    for (follows, why) in [
        ("other", "it was not submitted before"),
        ("next", "it was not submitted before"),
        ("later", "it was not submitted before"),
    ] {
        let mut world = World::granted_under(rules());
        let next = world.submit("next", "4.2.1", Some(follows), json!({}));
        world.submit("later", "4.2", Some("next"), json!({}));
        assert!(carried(&world, next).ends_with(why), "{follows}");
        assert!(!world.standing_of(next, 0).state.is_open());
    }
    let mut world = World::granted_under(rules());
    let mut other = world.dossier.solutions[0].clone();
    other.metadata.name = Some("other".to_owned());
    world.dossier.solutions.push(other);
    let next = world.submit(
        "next",
        "4.2.1",
        Some(HOMOLOGATION),
        json!({ "solution": "other" }),
    );
    assert!(carried(&world, next).ends_with("it is of another product"));
}

#[test]
fn a_grant_that_is_not_there_any_more_is_not_carried_over() {
    // Not decided, or by one body only.
    let mut world = World::tested_under(rules());
    let next = world.submit("next", "4.2.1", Some(HOMOLOGATION), json!({}));
    assert!(!opens(&mut world, next));
    world.say(&world.interop.person("i2"), &DECISION);
    assert!(!world.standing_of(next, 0).state.is_open());
    world.say(&world.security.person("s2"), &DECISION);
    assert!(world.standing_of(next, 0).state.is_open());
    // A body, then a domain, takes its word back from the version before.
    world.say(&world.security.person("s2"), &NO);
    assert!(!world.standing_of(next, 0).state.is_open());
    world.say(&world.security.person("s2"), &DECISION);
    assert!(world.standing_of(next, 0).state.is_open());
    let finding = Word {
        decision: false,
        ..NO
    };
    world.say(&world.privacy.person("p1"), &finding);
    assert!(!world.standing_of(next, 0).state.is_open());

    // The version before is revoked: not if that was before the patch, which may be what mends it.
    let revoked = |seconds: i64| {
        let (mut world, next) = followed(rules(), "4.2.1", json!({}));
        let revocation = json!({
            "metadata": { "name": "r", "creationTimestamp": ago(world.now, seconds) },
            "spec": { "solution": format!("{NAMESPACE}/{SOLUTION}"), "version": "4.2", "reason": "x" },
        });
        world.dossier.revocations = vec![typed(revocation)];
        opens(&mut world, next)
    };
    assert_eq!((revoked(45), revoked(0)), (false, true));
    // Ended before the patch.
    let until = Some(jiff::Timestamp::now() - SignedDuration::from_secs(40));
    let mut world = World::tested_under(rules());
    world.say(&world.interop.person("i2"), &Word { until, ..DECISION });
    world.say(&world.security.person("s2"), &DECISION);
    let next = world.submit("next", "4.2.1", Some(HOMOLOGATION), json!({}));
    assert!(!opens(&mut world, next));
}

#[test]
fn a_word_on_the_new_version_goes_before_what_is_carried_over() {
    let (mut world, next) = followed(rules(), "4.2.1", json!({}));
    assert!(opens(&mut world, next));
    // A domain is against it, and for it again.
    let finding = Word {
        decision: false,
        ..NO
    };
    world.say_of(next, &world.privacy.person("p1"), &finding);
    assert!(!world.standing_of(next, 0).state.is_open());
    world.say_of(next, &world.privacy.person("p1"), &FINDING);
    assert!(world.standing_of(next, 0).state.is_open());
    // The laboratory tested it all the same, and it failed.
    world.run_of(next, READER, RunMode::Supervised, false);
    let scopes = world.standing_of(next, 0).scopes;
    assert_eq!(scopes.into_iter().collect::<Vec<_>>(), ["document-feeder"]);
    world.run_of(next, READER, RunMode::Supervised, true);
    // One body grants less.
    let less = Word {
        scopes: Some(vec!["document-reader".to_owned()]),
        ..DECISION
    };
    world.say_of(next, &world.interop.person("i3"), &less);
    let scopes = world.standing_of(next, 0).scopes;
    assert_eq!(scopes.into_iter().collect::<Vec<_>>(), ["document-reader"]);
    // One refuses: it is closed, the version before stays open.
    world.say_of(next, &world.security.person("s3"), &NO);
    assert_eq!(world.standing_of(next, 0).state, State::Suspended);
    assert!(world.standing().state.is_open());
}

#[test]
fn patches_of_patches_end_with_the_first_grant() {
    let mut world = World::granted_under(rules());
    let mut before = HOMOLOGATION.to_owned();
    for patch in 1..=9 {
        let name = format!("patch-{patch}");
        let next = world.submit(&name, &format!("4.2.{patch}"), Some(&before), json!({}));
        let open = opens(&mut world, next);
        assert_eq!(open, patch <= 8, "patch {patch}");
        if open {
            assert_eq!(world.standing_of(next, 0).until, world.standing().until);
        }
        before = name;
    }
    // What the first is said not to conform to follows it.
    let rules = json!({ "changes": rules()["changes"], "surveillance": { "suspendAfterDeadline": true } });
    let (mut world, next) = followed(rules, "4.2.1", json!({}));
    assert!(opens(&mut world, next));
    world.dossier.non_conformities = vec![typed(json!({
        "metadata": { "name": "nc" },
        "spec": { "solution": SOLUTION, "version": "4.2", "rule": "DF-03", "severity": "critical", "deadline": "2000-01-01" },
    }))];
    assert_eq!(world.standing_of(next, 0).state, State::Suspended);
}

#[test]
fn another_programme_carries_over_only_what_it_names() {
    for (from, wanted) in [
        (json!(["2026"]), true),
        (json!(["2024"]), false),
        (json!([]), false),
    ] {
        let mut world = World::granted_under(rules());
        let mut changes = rules()["changes"].clone();
        changes["from"] = from.clone();
        world.programme("2027", &changes);
        let next = world.submit(
            "next",
            "4.2.1",
            Some(HOMOLOGATION),
            json!({ "programme": "2027" }),
        );
        assert_eq!(
            opens(&mut world, next),
            wanted,
            "{from}: {}",
            carried(&world, next)
        );
    }
}

#[test]
fn many_cycles_of_one_version_cost_no_more_than_their_number() {
    let mut world = World::granted();
    for cycle in 2..=40 {
        world.submit(&format!("cycle-{cycle}"), "4.2", None, json!({ "cycle": cycle }));
    }
    assert_eq!(world.standing().state, State::Homologated);
}
