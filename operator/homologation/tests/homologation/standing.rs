//! The state: each step of a vendor's path, and every combination of the facts.

use std::collections::BTreeSet;

use dmp_api::HomologationState as State;
use dmp_api::conformance_run::RunMode;
use dmp_api::homologation_review::ReviewVerdict;
use dmp_homologation::quorum::DECIDING;
use dmp_homologation::standing::{Facts, Profile, standing};
use jiff::SignedDuration;
use serde_json::json;

use crate::world::{DECISION, FINDING, Word, World, signed, typed};

const UNFAVOURABLE: Word = Word {
    verdict: ReviewVerdict::Unfavourable,
    ..FINDING
};

#[test]
fn a_submission_goes_its_way_step_by_step() {
    let mut world = World::submitted();
    let standing = world.standing();
    assert_eq!(standing.state, State::Submitted);
    assert!(
        standing
            .missing
            .contains(&"rehearsal of document-feeder-1-0 has not been run".to_owned())
    );
    // Interop and security have days of their own although the programme names privacy only.
    assert_eq!(standing.deadlines.len(), 3);

    world.run("document-feeder-1-0", RunMode::Sandbox, true);
    world.run("document-feeder-1-0", RunMode::Rehearsal, true);
    assert_eq!(world.standing().state, State::Submitted);
    world.run("document-reader-1-0", RunMode::Rehearsal, false);
    assert!(
        world
            .standing()
            .missing
            .contains(&"rehearsal of document-reader-1-0 failed".to_owned())
    );
    world.run("document-reader-1-0", RunMode::Rehearsal, true);
    assert_eq!(world.standing().state, State::SelfTested);

    world.say(&world.interop.person("i1"), &FINDING);
    assert_eq!(world.standing().state, State::InReview);
    world.say(&world.security.person("s1"), &UNFAVOURABLE);
    assert!(world.standing().missing.contains(&"security: because".to_owned()));
    world.say(&world.security.person("s1"), &FINDING);
    world.say(&world.privacy.person("p1"), &FINDING);
    assert!(world.standing().deadlines.is_empty());
    // The suite is not a laboratory.
    let run = world.run_statement("document-feeder-1-0", RunMode::Supervised, true);
    let text = signed(&world.suite.person("suite"), &run);
    world.arrive_run(&text);
    assert_eq!(world.standing().state, State::InReview);
    world.run("document-feeder-1-0", RunMode::Supervised, true);
    world.run("document-reader-1-0", RunMode::Supervised, true);
    assert_eq!(world.standing().state, State::SupervisedTested);
    assert_eq!(
        world.standing().missing,
        [
            "decision of the interop entity",
            "decision of the security entity"
        ]
    );
}

#[test]
fn a_domain_sends_it_back_and_a_body_refuses_or_reverses() {
    let mut world = World::submitted();
    world.say(
        &world.privacy.person("p1"),
        &Word {
            verdict: ReviewVerdict::SentBack,
            ..FINDING
        },
    );
    assert_eq!(world.standing().state, State::SentBack);

    let refusal = Word {
        verdict: ReviewVerdict::Unfavourable,
        ..DECISION
    };
    let mut world = World::tested();
    world.say(&world.security.person("s2"), &refusal);
    let standing = world.standing();
    assert_eq!(
        (standing.state, standing.missing),
        (
            State::Rejected,
            vec!["refused by the security entity: because".to_owned()]
        )
    );

    let mut world = World::granted();
    world.say(&world.security.person("s2"), &refusal);
    assert_eq!(world.standing().state, State::Suspended);
    world.say(&world.security.person("s2"), &DECISION);
    assert_eq!(world.standing().state, State::Homologated);
}

#[test]
fn conditions_of_either_body_hold() {
    let mut world = World::tested();
    let half = Word {
        scopes: Some(vec!["document-reader".to_owned(), "everything".to_owned()]),
        ..DECISION
    };
    world.say(&world.interop.person("i2"), &half);
    let soon = world.now + SignedDuration::from_hours(24 * 60);
    world.say(
        &world.security.person("s2"),
        &Word {
            until: Some(soon),
            ..DECISION
        },
    );
    let standing = world.standing();
    assert_eq!((standing.state, standing.until), (State::Conditional, Some(soon)));
    assert_eq!(
        standing.scopes.into_iter().collect::<Vec<_>>(),
        ["document-reader"]
    );
    assert_eq!(world.standing_in(31).state, State::Expiring);
    assert_eq!(world.standing_in(61).state, State::Expired);
    // Nobody can grant longer than the programme, which counts from the second decision.
    let mut world = World::tested();
    let decided = world.now + SignedDuration::from_millis(4);
    let long = world.now + SignedDuration::from_hours(24 * 4000);
    world.say(
        &world.interop.person("i2"),
        &Word {
            until: Some(long),
            ..DECISION
        },
    );
    world.say(&world.security.person("s2"), &DECISION);
    assert_eq!(
        world.standing().until,
        Some(decided + SignedDuration::from_hours(24 * 365))
    );
}

#[test]
fn evidence_is_announced_narrows_and_ends() {
    let mut world = World::granted();
    world.dossier.programmes[0].spec.max_days = 1000;
    // The programme changed: nobody signed that.
    assert_eq!(world.standing().state, State::Incomplete);

    let world = World::granted();
    assert!(world.standing().warnings.is_empty());
    // Issued five days ago, for 365 days; the homologation itself ends in 365.
    let warned = |days| {
        world
            .standing_in(days)
            .warnings
            .into_iter()
            .filter(|text| text.starts_with("pen-test"))
            .count()
    };
    assert_eq!((warned(260), warned(275)), (0, 1));
    assert!(world.standing_in(335).warnings[0].ends_with("30 days or less; document-feeder then closes"));
    assert!(world.standing_in(355).warnings[0].ends_with("7 days or less; document-feeder then closes"));
    let standing = world.standing_in(362);
    assert_eq!(
        standing.scopes.into_iter().collect::<Vec<_>>(),
        ["document-reader"],
        "the feeder needs its pen-test"
    );
    assert_eq!(
        standing.missing,
        ["pen-test has ended: bring a new one; document-feeder is closed until it counts"]
    );
}

#[test]
fn what_is_named_must_be_there_and_of_its_time() {
    let incomplete = |edit: fn(&mut World)| {
        let mut world = World::granted();
        edit(&mut world);
        let standing = world.standing();
        assert_eq!(standing.state, State::Incomplete);
        standing.missing[0].clone()
    };
    assert_eq!(
        incomplete(|w| w.dossier.solutions.clear()),
        "there is no Solution `atlas-sih`"
    );
    assert_eq!(
        incomplete(|w| w.dossier.versions.clear()),
        "no SolutionVersion of `atlas-sih` has version `4.2`"
    );
    assert_eq!(
        incomplete(|w| w.dossier.programmes.clear()),
        "there is no HomologationProgramme `2026`"
    );
    assert_eq!(
        incomplete(|w| w.dossier.profiles.truncate(1)),
        "there is no ConformanceProfile `document-reader-1-0`"
    );
    assert_eq!(
        incomplete(|w| w.dossier.evidence.clear()),
        "there is no EvidenceItem `pen-test`"
    );
    assert!(
        incomplete(|w| w.dossier.solutions[0].spec.organisation = None).contains("names no organisation")
    );
    assert!(incomplete(|w| w.dossier.versions[0].spec.package = None).contains("names no package"));
    assert!(
        incomplete(|w| w.dossier.evidence[0].spec.issued = "2999-01-01".to_owned())
            .contains("not before its submission")
    );
    let mut world = World::granted();
    let mut again = world.dossier.homologations[0].clone();
    again.metadata.name = Some("again".to_owned());
    world.dossier.homologations.push(again);
    assert_eq!(
        world.standing().state,
        State::Incomplete,
        "by name, the other one is first"
    );
}

#[test]
fn revoked_withdrawn_superseded() {
    let mut world = World::granted();
    let revocation = |spec: serde_json::Value| typed(json!({ "metadata": { "name": "r" }, "spec": spec }));
    world.dossier.revocations = vec![revocation(
        json!({ "solution": "vendor-atlas/atlas-sih", "version": "4.1", "reason": "x" }),
    )];
    assert_eq!(world.standing().state, State::Homologated);
    world.dossier.revocations = vec![revocation(
        json!({ "solution": "vendor-atlas/atlas-sih", "credential": "c", "reason": "x" }),
    )];
    assert_eq!(
        world.standing().state,
        State::Homologated,
        "one credential is not the version"
    );
    for spec in [json!({}), json!({ "version": "4.2" })] {
        let mut spec = spec;
        (spec["solution"], spec["reason"]) = (json!("vendor-atlas/atlas-sih"), json!("x"));
        world.dossier.revocations = vec![revocation(spec)];
        assert_eq!(world.standing().state, State::Revoked);
    }
    for (spec, state) in [
        (json!({ "vendor": "atlas", "reason": "x" }), State::Revoked),
        (json!({ "vendor": "other", "reason": "x" }), State::Homologated),
        (
            json!({ "solution": "vendor-atlas/atlas-sih", "establishment": "123456789", "reason": "x" }),
            State::Homologated,
        ),
    ] {
        world.dossier.revocations = vec![revocation(spec.clone())];
        assert_eq!(world.standing().state, state, "{spec}");
    }
    let mut world = World::granted();
    let mut next = world.dossier.homologations[0].clone();
    next.metadata.name = Some("next".to_owned());
    next.spec.cycle = 2;
    world.dossier.homologations.push(next);
    assert_eq!(
        world.standing().state,
        State::Homologated,
        "a later submission supersedes once it is homologated"
    );
    let mut earlier = world.dossier.homologations[0].clone();
    earlier.metadata.name = Some("earlier".to_owned());
    earlier.spec.cycle = 0;
    world.dossier.homologations.push(earlier);
    let standing = world.dossier.standing(&world.dossier.homologations[2], world.now);
    assert_eq!(standing.state, State::Superseded);
    world.dossier.homologations[0].spec.withdrawn = true;
    assert_eq!(world.standing().state, State::Withdrawn);
}

/// Every combination of what the state depends on, against what must hold whatever the code does.
#[test]
fn in_every_combination_the_door_is_open_only_with_everything() {
    let world = World::granted();
    let base = facts(&world);
    let words: Vec<_> = base.reviews.clone();
    let (findings, decisions): (Vec<_>, Vec<_>) =
        words.into_iter().partition(|review| !review.statement.decision);
    let (mut combinations, mut open, mut seen) = (0, 0, BTreeSet::new());
    for bits in 0..1u32 << 15 {
        let bit = |number: u32| bits >> number & 1 == 1;
        let mut facts = base.clone();
        facts.incomplete = if bit(0) { vec!["x".to_owned()] } else { Vec::new() };
        (facts.withdrawn, facts.superseded) = (bit(1), bit(2));
        facts.revoked = if bit(3) { vec!["r".to_owned()] } else { Vec::new() };
        facts.suspended = if bit(4) { vec!["n".to_owned()] } else { Vec::new() };
        facts.profiles = vec![Profile {
            name: "p".to_owned(),
            scope: "document-feeder".to_owned(),
            rehearsal: bit(5).then_some(bit(6)),
            supervised: bit(7).then_some(bit(8)),
        }];
        if bit(9) {
            facts.evidence.clear();
        }
        facts.reviews = findings[usize::from(bit(10))..].to_vec();
        if bit(11) {
            facts.reviews.push(decisions[0].clone());
        }
        if bit(12) {
            facts.reviews.push(decisions[1].clone());
        }
        facts.credentials = usize::from(bit(13));
        let now = world.now + SignedDuration::from_hours(24 * if bit(14) { 366 } else { 0 });
        let standing = standing(&facts, now);
        combinations += 1;
        seen.insert(standing.state);
        let everything = facts.incomplete.is_empty()
            && !facts.withdrawn
            && !facts.superseded
            && facts.revoked.is_empty()
            && facts.suspended.is_empty()
            && facts.profiles[0].rehearsal == Some(true)
            && facts.profiles[0].supervised == Some(true)
            && !facts.evidence.is_empty()
            && !bit(10)
            && bit(11)
            && bit(12)
            && !bit(14);
        assert_eq!(standing.state.is_open(), everything, "{bits:015b}: {standing:?}");
        assert_eq!(
            standing.state.is_open(),
            !standing.scopes.is_empty(),
            "{bits:015b}"
        );
        assert_eq!(standing.state.is_open(), standing.until.is_some(), "{bits:015b}");
        let explained =
            matches!(standing.state, State::Withdrawn | State::Superseded) || standing.state.is_open();
        assert!(
            explained || !standing.missing.is_empty(),
            "{bits:015b}: {standing:?}"
        );
        assert!(!bit(3) || standing.state == State::Revoked, "{bits:015b}");
        open += usize::from(everything);
    }
    assert_eq!((combinations, open), (1 << 15, 2));
    for state in [
        State::Incomplete,
        State::Submitted,
        State::SelfTested,
        State::InReview,
        State::SupervisedTested,
        State::Homologated,
        State::Active,
        State::Expired,
        State::Suspended,
        State::Revoked,
        State::Withdrawn,
        State::Superseded,
    ] {
        assert!(
            seen.contains(&state) || state == State::SelfTested,
            "{state:?} is not reached"
        );
    }
    assert_eq!(DECIDING.len(), 2);
}

/// The facts of a world, as the state sees them.
fn facts(world: &World) -> Facts {
    world.dossier.facts(&world.dossier.homologations[0], world.now)
}
