//! What comes after a homologation, on a real API server with the operator's own binary: a non-conformity past its deadline closes
//! production by the written rule, a later document counts by two signatures, a patch is run again and kept; and words that race.

use dmp_api::conformance_run::RunMode;
use dmp_api::homologation_review::ReviewVerdict;
use dmp_homologation::canonical;
use dmp_homologation::statement::{Closing, Outcome, Renewal, Review, Run, Statement};
use dmp_testkit::bodies::Member;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::control_plane::{World, samples};
use crate::homologation::{
    Bodies, NAMESPACE, PROFILE, SUBMISSION, credential, granted, object, say, signed, status, submission,
    submitted, submitted_under, tested, text_of, until_state,
};

fn rules() -> Value {
    json!({
        "surveillance": { "suspendAfterDeadline": true },
        "changes": { "patch": { "reviews": [], "supervised": [], "decide": false } },
    })
}

fn day(days: i64) -> String {
    let at = Timestamp::now() + SignedDuration::from_hours(24 * days);
    at.strftime("%Y-%m-%d").to_string()
}

/// A review of the submission that carries any statement.
async fn carry<T: Statement>(world: &World, name: &str, member: &Member, statement: &T) -> Value {
    let spec = json!({ "homologation": SUBMISSION, "statement": signed(member, statement) });
    let review = object("HomologationReview", name, &spec);
    world.apply(&review).await;
    review
}

async fn a_deadline_closes_production_and_a_body_ends_it(world: &World, bodies: &Bodies) {
    let spec = json!({
        "solution": "atlas-sih", "version": "4.2", "rule": "DmpSolutionInvalidResources", "severity": "major",
        "measured": "7 % of 12 400 writes", "deadline": day(-1),
    });
    let one = object("NonConformity", "late", &spec);
    world.apply(&one).await;
    world.until(&one, "Ready", "False", "Overdue").await;
    until_state(world, "Suspended").await;
    world
        .until(&credential(), "Ready", "False", "NotHomologated")
        .await;
    let kept = world.delete(&one).await.unwrap_err();
    assert!(kept.contains("the record of a homologation is kept"), "{kept}");

    let answer = |name: &str, spec: Value| {
        let mut spec = spec;
        spec["nonConformity"] = json!("late");
        object("NonConformityAnswer", name, &spec)
    };
    let said = answer("said", json!({ "text": "corrigé en 4.2.1" }));
    world.apply(&said).await;
    world.until(&said, "Ready", "True", "Ready").await;
    assert_eq!(
        status(world, &one).await["state"],
        "Overdue",
        "said is not mended"
    );

    let closing = Closing {
        non_conformity: format!("{NAMESPACE}/late"),
        sha256: text_of(world, &one, "sha256").await,
        comment: "vérifié".to_owned(),
        signed_at: Timestamp::now(),
    };
    let forged = answer(
        "laboratory",
        json!({ "statement": signed(&bodies.laboratory().person("l7"), &closing) }),
    );
    world.apply(&forged).await;
    world.until(&forged, "Ready", "False", "WrongBody").await;
    assert_eq!(status(world, &submission()).await["state"], "Suspended");
    let closed = answer(
        "closed",
        json!({ "statement": signed(&bodies.interop.person("i7"), &closing) }),
    );
    world.apply(&closed).await;
    world.until(&one, "Ready", "True", "Ready").await;
    assert_eq!(status(world, &closed).await["closedBy"], "interop");
    until_state(world, "Active").await;
    world.until(&credential(), "Ready", "True", "Ready").await;
}

async fn a_later_document_counts_by_two_signatures(world: &World, bodies: &Bodies) {
    let item = |name: &str, changes: Value| {
        let mut spec = json!({
            "kind": "pen-test", "issuer": "Labo", "sha256": "e".repeat(64), "issued": day(-1), "renews": "pen-test",
        });
        spec.as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        object("EvidenceItem", name, &spec)
    };
    for (name, changes, reason) in [
        ("to-come", json!({ "issued": day(3) }), "FutureDate"),
        ("older", json!({ "issued": day(-30) }), "NotLater"),
        ("other", json!({ "kind": "iso-27001" }), "OtherKind"),
        ("of-nothing", json!({ "renews": "gone" }), "EvidenceNotFound"),
    ] {
        let wrong = item(name, changes);
        world.apply(&wrong).await;
        world.until(&wrong, "Ready", "False", reason).await;
    }
    let later = item("pen-test-2", json!({}));
    world.apply(&later).await;
    world.until(&later, "Ready", "True", "Ready").await;
    let renewal = Renewal {
        homologation: format!("{NAMESPACE}/{SUBMISSION}"),
        evidence: "pen-test-2".to_owned(),
        evidence_sha256: text_of(world, &later, "sha256").await,
        signed_at: Timestamp::now(),
    };
    let warned = |what: &'static str| {
        let shown = move || async move {
            let warnings = status(world, &submission()).await["warnings"].to_string();
            warnings.contains("`pen-test-2` does not renew") && warnings.contains(what)
        };
        world.wait(what, shown)
    };
    warned("not accepted by interop, security").await;
    let review = carry(world, "accept-i", &bodies.interop.person("i5"), &renewal).await;
    world.until(&review, "Ready", "True", "Ready").await;
    assert_eq!(status(world, &review).await["evidence"], "pen-test-2");
    warned("not accepted by security").await;
    carry(world, "accept-s", &bodies.security.person("s5"), &renewal).await;
    let silent = || async {
        let warnings = status(world, &submission()).await["warnings"].to_string();
        !warnings.contains("pen-test-2")
    };
    world.wait("the later document counts", silent).await;
}

async fn a_patch_is_run_again_and_kept(world: &World, bodies: &Bodies) {
    let package = json!({ "sha256": "f".repeat(64), "sbomSha256": "b".repeat(64) });
    let spec = json!({ "solution": "atlas-sih", "version": "4.2.1", "package": package });
    world
        .apply(&object("SolutionVersion", "atlas-sih-4-2-1", &spec))
        .await;
    let mut patch = submission();
    patch["metadata"]["name"] = json!("patch");
    (patch["spec"]["version"], patch["spec"]["follows"]) = (json!("4.2.1"), json!(SUBMISSION));
    world.apply(&patch).await;
    let state = |wanted: &'static str| {
        let patch = patch.clone();
        world.wait(wanted, move || {
            let patch = patch.clone();
            async move { status(world, &patch).await["state"] == wanted }
        })
    };
    state("Submitted").await;
    assert_eq!(
        text_of(world, &patch, "carriedOver").await,
        format!(
            "patch of `{SUBMISSION}`: carried over reviews of interop, security; supervised tests of {PROFILE}; the bodies' grant"
        )
    );
    let run = Run {
        solution: format!("{NAMESPACE}/atlas-sih"),
        version: "4.2.1".to_owned(),
        profile: PROFILE.to_owned(),
        profile_sha256: text_of(
            world,
            &object("ConformanceProfile", PROFILE, &Value::Null),
            "sha256",
        )
        .await,
        mode: RunMode::Rehearsal,
        submission_sha256: Some(text_of(world, &patch, "submissionSha256").await),
        seed: 1,
        requirements: vec![Outcome {
            id: "DF-01".to_owned(),
            met: Some(true),
            not_tested: None,
        }],
        bundle_sha256: "d".repeat(64),
        signed_at: Timestamp::now(),
    };
    let statement = json!({ "statement": signed(&bodies.suite().person("suite"), &run) });
    world.apply(&object("ConformanceRun", "again", &statement)).await;
    state("Homologated").await;
    let (before, after) = (status(world, &submission()).await, status(world, &patch).await);
    assert_eq!(after["until"], before["until"], "no day longer");
    assert_eq!(after["scopes"], before["scopes"]);
}

#[tokio::test]
async fn what_comes_after_follows_from_written_rules_and_signatures() {
    let Some(mut world) = World::start().await else {
        return;
    };
    let bodies = Bodies::new();
    world.operator("one");
    submitted_under(&world, &bodies, rules()).await;
    tested(&world, &bodies).await;
    granted(&world, &bodies).await;
    until_state(&world, "Active").await;
    a_deadline_closes_production_and_a_body_ends_it(&world, &bodies).await;
    a_later_document_counts_by_two_signatures(&world, &bodies).await;
    a_patch_is_run_again_and_kept(&world, &bodies).await;
}

/// Words that arrive at once, in whatever order the API server takes them; and a reviewer who leaves the body in between.
#[tokio::test]
async fn words_that_race_come_to_what_was_signed_last() {
    let Some(mut world) = World::start().await else {
        return;
    };
    let bodies = Bodies::new();
    world.operator("one");
    submitted(&world, &bodies).await;
    tested(&world, &bodies).await;
    let sha256 = text_of(&world, &submission(), "submissionSha256").await;
    let word = |verdict, after: i64| Review {
        homologation: format!("{NAMESPACE}/{SUBMISSION}"),
        submission_sha256: sha256.clone(),
        verdict,
        decision: true,
        scopes: None,
        until: None,
        comment: "because".to_owned(),
        signed_at: Timestamp::now() + SignedDuration::from_millis(after),
    };
    let (yes, no) = (ReviewVerdict::Favourable, ReviewVerdict::Unfavourable);
    // The two bodies decide in the same moment, each by two people at once: what each signed last counts, on every round.
    for (round, last, wanted) in [(0, no, "Suspended"), (1, yes, "Active"), (2, no, "Suspended")] {
        let members = [
            bodies.interop.person("i2"),
            bodies.security.person("s2"),
            bodies.security.person("s3"),
        ];
        let words = [word(yes, 0), word(yes, 0), word(last, 20)];
        let names = ["interop", "security-first", "security-last"].map(|name| format!("{name}-{round}"));
        let [first, second, third] = &names;
        tokio::join!(
            carry(&world, third, &members[2], &words[2]),
            carry(&world, first, &members[0], &words[0]),
            carry(&world, second, &members[1], &words[1]),
        );
        until_state(&world, wanted).await;
        // It is no matter of who arrived last: the earlier word again changes nothing.
        carry(&world, &format!("again-{round}"), &members[1], &words[1]).await;
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        assert_eq!(
            status(&world, &submission()).await["state"],
            wanted,
            "round {round}"
        );
    }

    // A reviewer is withdrawn while reviewing: what arrives from then on is nobody's word, what was there stays.
    let mut platform = samples("platform.yaml").remove(0);
    platform["spec"]["bodies"] = bodies.as_spec();
    // The API server counts whole seconds.
    let from = Timestamp::now() - SignedDuration::from_secs(1);
    platform["spec"]["bodies"][1]["withdrawn"] = json!([{ "person": "s4", "from": from.to_string() }]);
    world.apply(&platform).await;
    let late = say(&world, "late", &bodies.security.person("s4"), true, yes).await;
    world.until(&late, "Ready", "False", "SignerWithdrawn").await;
    assert_eq!(status(&world, &submission()).await["state"], "Suspended");
    let before = object("HomologationReview", "security-last-2", &Value::Null);
    assert_eq!(
        world.condition(&before, "Ready").await.unwrap(),
        ("True".to_owned(), "Ready".to_owned())
    );
    // The body speaks through others.
    say(&world, "other", &bodies.security.person("s5"), true, yes).await;
    until_state(&world, "Active").await;
    let spec = serde_json::from_value::<dmp_api::EvidenceItemSpec>(
        world
            .get(&object("EvidenceItem", "pen-test", &Value::Null))
            .await
            .unwrap()["spec"]
            .clone(),
    );
    let shown = object("EvidenceItem", "pen-test", &Value::Null);
    assert_eq!(
        text_of(&world, &shown, "sha256").await,
        canonical::sha256(&spec.unwrap())
    );
}
