//! What a reader makes of a report.

use dmp_policies::openreports::{Answer, Report, ReportResult};
use dmp_policies::posture::posture;
use dmp_policies::{Catalogue, Verdict};
use jiff::{SignedDuration, Timestamp};

fn now() -> Timestamp {
    "2026-12-01T00:00:00Z".parse().unwrap()
}

fn result(verdict: &str, hours_old: i64, evidence: bool) -> ReportResult {
    let at = now() - SignedDuration::from_hours(hours_old);
    let mut properties: std::collections::BTreeMap<String, String> = [
        ("verdict".to_owned(), verdict.to_owned()),
        ("since".to_owned(), at.to_string()),
    ]
    .into();
    if evidence {
        properties.insert("evidence".to_owned(), "dmp-gov-04.fresh".to_owned());
        properties.insert("evidenceSha256".to_owned(), "a".repeat(64));
        let end = at + SignedDuration::from_hours(24);
        properties.insert("expiresAt".to_owned(), end.to_string());
    }
    ReportResult {
        policy: "DMP-GOV-04".to_owned(),
        rule: "fresh".to_owned(),
        category: "GOV".to_owned(),
        severity: "high".to_owned(),
        result: Answer::Pass,
        scored: true,
        message: String::new(),
        timestamp: at.into(),
        properties,
    }
}

fn verdict(results: Vec<ReportResult>) -> Verdict {
    let catalogue = Catalogue::embedded().unwrap();
    let report = Report {
        results,
        ..Report::default()
    };
    let standings = posture(&catalogue, &report, now());
    assert_eq!(standings.len(), 59);
    let others = standings.iter().filter(|one| one.control.id != "DMP-GOV-04");
    assert!(others.into_iter().all(|one| one.verdict == Verdict::Error));
    let mut mine = standings.iter().filter(|one| one.control.id == "DMP-GOV-04");
    mine.next().unwrap().verdict
}

#[test]
fn a_pass_is_one_on_evidence_that_is_there_and_alive() {
    assert_eq!(verdict(vec![result("pass", 1, true)]), Verdict::Pass);
    assert_eq!(verdict(vec![result("pass", 24, true)]), Verdict::Pass);
    assert_eq!(
        verdict(vec![result("pass", 25, true)]),
        Verdict::Stale,
        "nobody renews it"
    );
    assert_eq!(
        verdict(vec![result("pass", -1, true)]),
        Verdict::Error,
        "of the future"
    );
    assert_eq!(
        verdict(vec![result("pass", 1, false)]),
        Verdict::Error,
        "it rests on nothing"
    );
    assert_eq!(
        verdict(vec![result("réussi", 1, true)]),
        Verdict::Error,
        "no word of ours"
    );
    assert_eq!(verdict(vec![]), Verdict::Error);
    // `result` of the format is for other tools: the verdict counts, and of several the worst.
    assert_eq!(verdict(vec![result("fail", 1, true)]), Verdict::Fail);
    let both = vec![result("pass", 1, true), result("not-yet", 1, false)];
    assert_eq!(verdict(both), Verdict::NotYet);
}
