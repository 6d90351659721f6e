//! What a control comes to: an error, something stale and something that is not there never pass.

use std::collections::BTreeMap;

use dmp_policies::control::{Builtin, Control, Expected, Rule};
use dmp_policies::judge::{Document, Evidence, Observation};
use dmp_policies::{Catalogue, Inputs, Outcome, State, Verdict, evaluate, judge};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

fn now() -> Timestamp {
    "2026-12-01T00:00:00Z".parse().unwrap()
}

fn days_ago(days: i64) -> Timestamp {
    now() - SignedDuration::from_hours(24 * days)
}

/// Its own compliant world for every check, as somebody observed it then.
fn compliant(control: &Control, at: Timestamp) -> Evidence {
    let observations = control.checks.iter().map(|check| {
        let mut cases = control.tests.iter();
        let case = cases.find(|case| case.check == check.name && case.verdict == Expected::Pass);
        Observation {
            check: check.name.clone(),
            scope: None,
            at,
            inputs: case.unwrap().inputs.clone(),
        }
    });
    Evidence {
        observations: observations.collect(),
        unseen: BTreeMap::new(),
        documents: vec![Document {
            role: control.owner().to_owned(),
            at,
            stated: "a".repeat(64),
            sha256: "a".repeat(64),
            other_release: false,
        }],
    }
}

fn inputs(value: Value) -> Inputs {
    value.as_object().unwrap().clone()
}

#[test]
fn what_is_fresh_and_compliant_passes_where_the_platform_watches() {
    let catalogue = Catalogue::embedded().unwrap();
    for control in catalogue.controls() {
        let judgement = judge(control, &compliant(control, days_ago(1)), now());
        let expected = match control.implementation.state {
            State::NotYet => Verdict::NotYet,
            State::Enforced | State::Checked | State::Evidence => Verdict::Pass,
        };
        assert_eq!(judgement.verdict, expected, "{}: {judgement:?}", control.id);
        assert_eq!(judgement.verdict.passes(), expected == Verdict::Pass);
    }
}

#[test]
fn without_evidence_nothing_passes() {
    let catalogue = Catalogue::embedded().unwrap();
    for control in catalogue.controls() {
        let judgement = judge(control, &Evidence::default(), now());
        assert!(!judgement.verdict.passes(), "{}", control.id);
        assert!(
            judgement
                .findings
                .iter()
                .all(|finding| !finding.because.is_empty()),
            "{}",
            control.id
        );
    }
}

#[test]
fn stale_evidence_never_passes() {
    let catalogue = Catalogue::embedded().unwrap();
    for control in catalogue.controls() {
        let ttl = i64::from(control.evidence.ttl_days);
        if control.implementation.state == State::NotYet {
            continue;
        }
        let last = judge(control, &compliant(control, days_ago(ttl)), now());
        assert_eq!(last.verdict, Verdict::Pass, "{}", control.id);
        let over = days_ago(ttl) - SignedDuration::from_secs(1);
        let judgement = judge(control, &compliant(control, over), now());
        assert_eq!(judgement.verdict, Verdict::Stale, "{}", control.id);
        let judgement = judge(control, &compliant(control, Timestamp::MIN), now());
        assert_eq!(judgement.verdict, Verdict::Stale, "{}", control.id);
    }
}

#[test]
fn what_is_wrong_is_named_and_what_could_not_be_seen_is_an_error() {
    let catalogue = Catalogue::embedded().unwrap();
    let control = catalogue.control("DMP-WRK-01").unwrap();
    let mut evidence = compliant(control, days_ago(0));
    let mut spaces = vec![json!({ "name": "dmp-national", "enforce": "restricted" })];
    spaces.extend((0..10).map(|number| json!({ "name": format!("tools-{number}"), "enforce": "" })));
    evidence.observations.retain(|one| one.check != "labels");
    evidence.observations.push(Observation {
        check: "labels".to_owned(),
        scope: None,
        at: now(),
        inputs: inputs(json!({ "namespaces": spaces })),
    });
    let judgement = judge(control, &evidence, now());
    let found = judgement
        .findings
        .iter()
        .find(|one| one.about == "labels")
        .unwrap();
    assert!(
        found.because.ends_with("tools-7 and 2 more)"),
        "{}",
        found.because
    );
    assert!(!found.because.contains("dmp-national"), "{}", found.because);
    for one in &mut evidence.observations {
        one.scope = Some("dmp-x".to_owned());
    }
    let scoped = judge(control, &evidence, now());
    let found = scoped.findings.iter().find(|one| one.about == "labels").unwrap();
    assert_eq!(found.scope.as_deref(), Some("dmp-x"));
    assert!(!found.because.contains("tools"), "{}", found.because);

    evidence.observations.retain(|one| one.check != "labels");
    evidence
        .unseen
        .insert("labels".to_owned(), "namespaces could not be read".to_owned());
    let judgement = judge(control, &evidence, now());
    assert_eq!(judgement.verdict, Verdict::Error);
    let found = judgement.findings.iter().filter(|one| one.about == "labels");
    let because: Vec<_> = found.map(|one| one.because.as_str()).collect();
    assert_eq!(because, ["namespaces could not be read"]);
}

#[test]
fn of_what_is_not_there_yet_what_was_seen_is_shown_and_counts_for_nothing() {
    let catalogue = Catalogue::embedded().unwrap();
    let control = catalogue.control("DMP-BCK-04").unwrap();
    assert_eq!(control.implementation.state, State::NotYet);
    let seen = judge(control, &compliant(control, now()), now());
    let verdicts: Vec<_> = seen.findings.iter().map(|one| one.verdict).collect();
    // The check, and what was brought.
    assert_eq!(verdicts, [Verdict::NotYet, Verdict::Pass, Verdict::Pass]);
    assert_eq!(seen.verdict, Verdict::NotYet);
    assert_eq!(judge(control, &Evidence::default(), now()).findings.len(), 1);
}

#[test]
fn evidence_of_the_future_is_an_error() {
    let catalogue = Catalogue::embedded().unwrap();
    let control = catalogue.control("DMP-WRK-01").unwrap();
    let after = |seconds| now() + SignedDuration::from_secs(seconds);
    assert_eq!(
        judge(control, &compliant(control, after(59)), now()).verdict,
        Verdict::Pass
    );
    assert_eq!(
        judge(control, &compliant(control, after(61)), now()).verdict,
        Verdict::Error
    );
    assert_eq!(
        judge(control, &compliant(control, Timestamp::MAX), now()).verdict,
        Verdict::Error
    );
    let control = catalogue.control("DMP-CRY-05").unwrap();
    assert_eq!(
        judge(control, &compliant(control, after(61)), now()).verdict,
        Verdict::Error
    );
}

#[test]
fn of_several_findings_the_worst_counts() {
    let catalogue = Catalogue::embedded().unwrap();
    let control = catalogue.control("DMP-WRK-01").unwrap();
    let with = |inputs: Value, at| {
        let mut evidence = compliant(control, days_ago(0));
        let inputs = inputs.as_object().unwrap().clone();
        evidence.observations.push(Observation {
            check: "labels".to_owned(),
            scope: None,
            at,
            inputs,
        });
        judge(control, &evidence, now()).verdict
    };
    let good = json!({ "namespaces": [{ "name": "dmp-x", "enforce": "restricted" }] });
    let bad = json!({ "namespaces": [{ "name": "dmp-x", "enforce": "privileged" }] });
    assert_eq!(with(good.clone(), days_ago(0)), Verdict::Pass);
    assert_eq!(
        with(good, days_ago(2)),
        Verdict::Stale,
        "another node saw it two days ago"
    );
    assert_eq!(with(json!({}), days_ago(0)), Verdict::Error);
    assert_eq!(with(bad.clone(), days_ago(0)), Verdict::Fail);
    assert_eq!(
        with(bad, days_ago(400)),
        Verdict::Fail,
        "what was wrong is no better for being old"
    );
}

#[test]
fn a_document_counts_when_it_is_the_owners_and_what_its_hash_was_made_of() {
    let catalogue = Catalogue::embedded().unwrap();
    let control = catalogue.control("DMP-CRY-05").unwrap();
    let judged = |change: &dyn Fn(&mut Document)| {
        let mut evidence = compliant(control, days_ago(1));
        change(&mut evidence.documents[0]);
        judge(control, &evidence, now()).verdict
    };
    assert_eq!(judged(&|_| ()), Verdict::Pass);
    assert_eq!(judged(&|one| one.role = "dmp-host".to_owned()), Verdict::Fail);
    assert_eq!(judged(&|one| one.other_release = true), Verdict::Stale);
    assert_eq!(judged(&|one| one.sha256 = "b".repeat(64)), Verdict::Fail);
    let empty = |one: &mut Document| (one.stated, one.sha256) = (String::new(), String::new());
    assert_eq!(judged(&empty), Verdict::Fail);
    assert_eq!(judged(&|one| one.at = days_ago(366)), Verdict::Stale);
    let mut evidence = compliant(control, days_ago(1));
    evidence.documents.clear();
    assert_eq!(judge(control, &evidence, now()).verdict, Verdict::Fail);
    // Where nobody has to bring one, a bad one is still none that passes.
    let control = catalogue.control("DMP-WRK-01").unwrap();
    let mut evidence = compliant(control, days_ago(1));
    evidence.documents[0].other_release = true;
    assert_eq!(judge(control, &evidence, now()).verdict, Verdict::Stale);
    evidence.documents.clear();
    assert_eq!(judge(control, &evidence, now()).verdict, Verdict::Pass);
}

#[test]
fn a_world_that_cannot_be_judged_is_an_error_with_its_reason() {
    let catalogue = Catalogue::embedded().unwrap();
    let control = catalogue.control("DMP-WRK-01").unwrap();
    let many: Vec<_> = (0..1001)
        .map(|_| json!({ "name": "dmp-x", "enforce": "restricted" }))
        .collect();
    let wide: Vec<_> = (0..900).map(|_| json!(vec!["x"; 30])).collect();
    for (check, world, reason) in [
        ("labels", json!({}), "missing-input"),
        (
            "labels",
            json!({ "namespaces": [], "nodes": [] }),
            "unknown-input",
        ),
        ("labels", json!({ "namespaces": many }), "too-large"),
        (
            "labels",
            json!({ "namespaces": [{ "name": "x".repeat(5000), "enforce": "" }] }),
            "too-large",
        ),
        ("labels", json!({ "namespaces": wide }), "too-large"),
        ("labels", json!({ "namespaces": [{ "name": "dmp-x" }] }), "failed"),
        ("labels", json!({ "namespaces": "all of them" }), "failed"),
        ("labels", json!({ "namespaces": null }), "failed"),
        ("proofs", json!({ "results": "all" }), "wrong-input"),
        ("proofs", json!({ "results": [{ "test": "x" }] }), "wrong-input"),
        (
            "proofs",
            json!({ "results": [{ "test": "x", "passed": "yes" }] }),
            "wrong-input",
        ),
    ] {
        let check = control.checks.iter().find(|one| one.name == check).unwrap();
        match evaluate(control, check, &inputs(world.clone()), now()) {
            Outcome::Error(error) => assert_eq!(error.reason(), reason, "{error}"),
            outcome => panic!(
                "{outcome:?} of {}",
                world.to_string().chars().take(80).collect::<String>()
            ),
        }
    }
}

#[test]
fn the_proofs_of_a_release_are_all_there_and_none_failed() {
    let catalogue = Catalogue::embedded().unwrap();
    let control = catalogue.control("DMP-PRI-02").unwrap();
    let check = &control.checks[0];
    assert!(matches!(check.rule, Rule::Builtin(Builtin::TestsPassed)));
    let results: Vec<_> = control
        .proofs()
        .map(|test| json!({ "test": test, "passed": true }))
        .collect();
    let answer = |results: &[Value]| evaluate(control, check, &inputs(json!({ "results": results })), now());
    assert_eq!(answer(&results), Outcome::Pass);
    let mut more = results.clone();
    more.push(json!({ "test": "some other", "passed": false }));
    assert_eq!(answer(&more), Outcome::Pass, "another control's");
    assert_eq!(answer(&results[1..]), Outcome::Fail);
    assert_eq!(answer(&[]), Outcome::Fail);
    let mut twice = results.clone();
    twice.push(json!({ "test": control.proofs().next(), "passed": false }));
    assert_eq!(answer(&twice), Outcome::Fail, "it failed once");
}

#[test]
fn the_whole_catalogue_is_judged_for_twelve_groups_in_a_moment() {
    let catalogue = Catalogue::embedded().unwrap();
    let begun = std::time::Instant::now();
    for _ in 0..12 {
        for control in catalogue.controls() {
            judge(control, &compliant(control, now()), now());
        }
    }
    assert!(
        begun.elapsed() < std::time::Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
}
