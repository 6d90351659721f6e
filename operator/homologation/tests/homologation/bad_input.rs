//! What somebody brings to be taken for something else: a number twice, evidence of tomorrow, a run of another thing, words that race.

use dmp_api::HomologationState as State;
use dmp_api::conformance_run::RunMode;
use dmp_api::homologation_review::ReviewVerdict;
use dmp_homologation::signed::{Invalid, verify};
use dmp_homologation::statement::{Run, Statement};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::catalogue::published;
use crate::world::{DECISION, Word, World, ago, signed, typed};

const FEEDER: &str = "document-feeder-1-0";

#[test]
fn a_number_that_is_given_twice_stays_what_it_was_first() {
    let mut world = World::granted();
    let package = |letter: &str| json!({ "sha256": letter.repeat(64), "sbomSha256": "b".repeat(64) });
    let version = |name: &str, number: &str, seconds: i64, package| {
        typed(json!({
            "metadata": { "name": name, "creationTimestamp": ago(world.now, seconds) },
            "spec": { "solution": "atlas-sih", "version": number, "package": package },
        }))
    };
    let mut versions = vec![
        version("v", "4.2", 90, package("a")),
        // Later, and sorted before; numbers that read alike.
        version("a", "4.2", 10, package("e")),
        version("b", "4.2.0", 100, package("e")),
        version("c", "4", 100, package("e")),
        version("d", "4.2-rc.1", 100, package("e")),
    ];
    for _ in 0..versions.len() {
        versions.rotate_left(1);
        world.dossier.versions.clone_from(&versions);
        assert_eq!(world.standing().state, State::Homologated);
        assert_eq!(published(&world).package_sha256, Some("a".repeat(64)));
    }
    // Alone it is another submission: nobody has signed that.
    world.dossier.versions = vec![versions.swap_remove(1)];
    assert_eq!(world.standing().state, State::Submitted);
}

#[test]
fn evidence_is_of_the_day_of_its_submission_or_before() {
    for (days, state) in [
        (-1, State::Homologated),
        (0, State::Homologated),
        (1, State::Incomplete),
        (400, State::Incomplete),
    ] {
        let mut world = World::tested();
        let submitted: Timestamp = ago(world.now, 60).parse().unwrap();
        let issued = submitted + SignedDuration::from_hours(24 * days);
        world.dossier.evidence[0].spec.issued = issued.strftime("%Y-%m-%d").to_string();
        // Signed over that very document, by everybody.
        world.dossier.reviews.clear();
        world.dossier.runs.clear();
        for profile in [FEEDER, "document-reader-1-0"] {
            world.run(profile, RunMode::Rehearsal, true);
            world.run(profile, RunMode::Supervised, true);
        }
        for (member, word) in [
            (world.interop.person("i1"), &crate::world::FINDING),
            (world.security.person("s1"), &crate::world::FINDING),
            (world.privacy.person("p1"), &crate::world::FINDING),
            (world.interop.person("i2"), &DECISION),
            (world.security.person("s2"), &DECISION),
        ] {
            world.say(&member, word);
        }
        let standing = world.standing();
        assert_eq!(standing.state, state, "{days}: {:?}", standing.missing);
    }
    let mut world = World::granted();
    for no_day in ["2026-02-30", "tomorrow", ""] {
        world.dossier.evidence[0].spec.issued = no_day.to_owned();
        assert_eq!(world.standing().state, State::Incomplete, "{no_day}");
    }
}

#[test]
fn a_run_counts_for_exactly_what_it_is_of() {
    let passed = |edit: fn(&mut Run), laboratory: bool| {
        let mut world = World::submitted();
        world.run("document-reader-1-0", RunMode::Rehearsal, true);
        let mut run = world.run_statement(FEEDER, RunMode::Rehearsal, true);
        edit(&mut run);
        let member = if laboratory {
            world.laboratory.person("l1")
        } else {
            world.suite.person("suite")
        };
        world.arrive_run(&signed(&member, &run));
        world.standing().state == State::SelfTested
    };
    assert!(passed(|_| {}, false));
    assert!(!passed(|_| {}, true), "another body's signature");
    type Edit = fn(&mut Run);
    let edits: [(&str, Edit); 8] = [
        ("another vendor's product", |run| {
            run.solution = "vendor-other/atlas-sih".to_owned()
        }),
        ("another product", |run| {
            run.solution = "vendor-atlas/lis".to_owned()
        }),
        ("another version", |run| run.version = "4.2.0".to_owned()),
        ("another profile", |run| {
            run.profile = "document-reader-1-0".to_owned()
        }),
        ("another text of the profile", |run| {
            run.profile_sha256 = "0".repeat(64)
        }),
        ("another submission", |run| {
            run.submission_sha256 = Some("0".repeat(64))
        }),
        ("no submission", |run| run.submission_sha256 = None),
        ("the vendor's own", |run| run.mode = RunMode::Sandbox),
    ];
    for (name, edit) in edits {
        assert!(!passed(edit, false), "{name}");
    }
}

/// A run that says where it was made.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Elsewhere {
    #[serde(flatten)]
    run: serde_json::Map<String, serde_json::Value>,
    target: String,
}

impl Statement for Elsewhere {
    const TYP: &'static str = Run::TYP;

    fn signed_at(&self) -> Timestamp {
        Timestamp::now()
    }
}

#[test]
fn a_run_names_no_target_and_one_that_does_is_none() {
    let world = World::submitted();
    let run = world.run_statement(FEEDER, RunMode::Surveillance, true);
    let elsewhere = Elsewhere {
        run: typed(serde_json::to_value(&run).unwrap()),
        target: "production".to_owned(),
    };
    let bodies = world.dossier.bodies.as_ref().unwrap();
    let suite = world.suite.person("suite");
    assert!(verify::<Run>(&signed(&suite, &run), bodies, world.now).is_ok());
    assert_eq!(
        verify::<Run>(&signed(&suite, &elsewhere), bodies, world.now).unwrap_err(),
        Invalid::Payload
    );
}

/// All orders of four things.
fn orders() -> Vec<[usize; 4]> {
    let all = (0..256).map(|number: usize| [number / 64, number / 16 % 4, number / 4 % 4, number % 4]);
    all.filter(|order| (0..4).all(|one| order.contains(&one)))
        .collect()
}

#[test]
fn decisions_that_race_come_to_the_same_in_every_order_of_arrival() {
    assert_eq!(orders().len(), 24);
    let word = |verdict| Word { verdict, ..DECISION };
    let (yes, no) = (word(ReviewVerdict::Favourable), word(ReviewVerdict::Unfavourable));
    // What the security entity signs first and last, how much later, and what it comes to.
    for (first, last, later, wanted) in [
        (&yes, &no, 1, State::Suspended),
        (&no, &yes, 1, State::Homologated),
        (&yes, &yes, 1, State::Homologated),
        // In the same moment by two of its people: what opens nothing counts.
        (&yes, &no, 0, State::Suspended),
        (&no, &yes, 0, State::Suspended),
    ] {
        for order in orders() {
            let mut world = World::tested();
            let at = world.now + SignedDuration::from_millis(100);
            let statement = |member, word, after| {
                let mut review = world.review(word);
                review.signed_at = at + SignedDuration::from_millis(after);
                signed(&member, &review)
            };
            let texts = [
                statement(world.interop.person("i2"), &yes, 0),
                statement(world.interop.person("i3"), &yes, 2),
                statement(world.security.person("s2"), first, 0),
                statement(world.security.person("s3"), last, later),
            ];
            for index in order {
                world.arrive(&texts[index]);
            }
            assert_eq!(world.standing().state, wanted, "{order:?} {later}");
        }
    }
}
