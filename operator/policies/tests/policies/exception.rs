//! What is tolerated for a while: no pass, only what was named, and over by itself.

use dmp_policies::exception::{Exception, Void, except};
use dmp_policies::judge::Finding;
use dmp_policies::openreports::{Answer, EXCEPTED_UNTIL, Report, ReportResult};
use dmp_policies::posture::posture;
use dmp_policies::{Catalogue, Judgement, Verdict};
use jiff::Timestamp;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;

const TODAY: Date = date(2026, 12, 1);

fn exception() -> Exception {
    Exception {
        name: "dmp-net-01-x".to_owned(),
        control: "DMP-NET-01".to_owned(),
        check: "policies".to_owned(),
        namespaces: vec!["dmp-national".to_owned()],
        role: "dmp-security".to_owned(),
        asked: Some(TODAY),
        until: Some(date(2027, 1, 15)),
        approved: Some("dmp-host".to_owned()),
    }
}

fn finding(about: &str, scope: Option<&str>, verdict: Verdict) -> Finding {
    Finding {
        about: about.to_owned(),
        scope: scope.map(ToOwned::to_owned),
        verdict,
        because: "not true".to_owned(),
        until: None,
    }
}

#[test]
fn what_is_not_complete_tolerates_nothing() {
    let catalogue = Catalogue::embedded().unwrap();
    let void = |change: &dyn Fn(&mut Exception)| {
        let mut one = exception();
        change(&mut one);
        one.in_force(&catalogue, TODAY)
    };
    assert_eq!(void(&|_| ()), Ok(()));
    assert_eq!(
        void(&|one| one.until = Some(TODAY)),
        Ok(()),
        "the last day counts"
    );
    assert_eq!(
        void(&|one| one.until = Some(date(2027, 3, 1))),
        Ok(()),
        "ninety days"
    );
    assert_eq!(
        void(&|one| one.until = Some(date(2027, 3, 2))),
        Err(Void::TooLong(90))
    );
    let over = date(2026, 11, 30);
    assert_eq!(
        void(&|one| (one.asked, one.until) = (Some(over), Some(over))),
        Err(Void::Expired(over))
    );
    for change in [(|one| one.until = None) as fn(&mut Exception), |one| {
        one.asked = None
    }] {
        assert_eq!(void(&change), Err(Void::UnreadableDate));
    }
    assert_eq!(void(&|one| one.approved = None), Err(Void::NotApproved));
    assert_eq!(
        void(&|one| one.approved = Some("dmp-security".to_owned())),
        Err(Void::NotApproved)
    );
    assert!(matches!(
        void(&|one| one.role = "dmp-host".to_owned()),
        Err(Void::WrongRole { .. })
    ));
    assert!(matches!(
        void(&|one| one.control = "DMP-NET-99".to_owned()),
        Err(Void::UnknownControl(_))
    ));
    assert!(matches!(
        void(&|one| one.check = "document".to_owned()),
        Err(Void::UnknownCheck(_))
    ));
}

#[test]
fn what_is_tolerated_is_no_pass_and_ends_by_itself() {
    let catalogue = Catalogue::embedded().unwrap();
    let control = catalogue.control("DMP-NET-01").unwrap();
    let one = exception();
    let judged = |findings: Vec<Finding>| {
        let judgement = Judgement {
            verdict: Verdict::Fail,
            findings,
        };
        let judgement = except(control, judgement, &[&one]);
        let verdicts: Vec<_> = judgement.findings.iter().map(|finding| finding.verdict).collect();
        (judgement.verdict, verdicts)
    };
    let national = Some("dmp-national");
    let (fail, excepted) = (Verdict::Fail, Verdict::Excepted);
    assert_eq!(
        judged(vec![finding("policies", national, fail)]),
        (excepted, vec![excepted])
    );
    assert!(!excepted.passes());
    // Elsewhere, of the platform as a whole, by another check, or what nobody knows: as it was.
    for other in [
        finding("policies", Some("dmp-system"), fail),
        finding("policies", None, fail),
        finding("probe", national, fail),
        finding("policies", national, Verdict::Error),
        finding("policies", national, Verdict::NotYet),
    ] {
        let verdict = other.verdict;
        assert_eq!(judged(vec![other]), (verdict, vec![verdict]));
    }
    let both = vec![finding("policies", national, fail), finding("probe", None, fail)];
    assert_eq!(judged(both), (fail, vec![excepted, fail]));

    // In a report that nobody renews it fails the day after.
    let at = |day: Date| day.to_zoned(TimeZone::UTC).unwrap().timestamp();
    let report = |until: Option<&str>| Report {
        results: vec![ReportResult {
            policy: control.id.clone(),
            rule: "policies".to_owned(),
            category: String::new(),
            severity: String::new(),
            result: Answer::Warn,
            scored: true,
            message: "tolerated".to_owned(),
            timestamp: at(TODAY).into(),
            properties: [("verdict", Some("excepted")), (EXCEPTED_UNTIL, until)]
                .into_iter()
                .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
                .collect(),
        }],
        ..Report::default()
    };
    let verdict = |until: Option<&str>, now: Timestamp| {
        let report = report(until);
        let all = posture(&catalogue, &report, now);
        all.iter()
            .find(|one| one.control.id == control.id)
            .unwrap()
            .verdict
    };
    let until = Some("2027-01-15");
    assert_eq!(verdict(until, at(TODAY)), Verdict::Excepted);
    assert_eq!(verdict(until, at(date(2027, 1, 15))), Verdict::Excepted);
    assert_eq!(verdict(until, at(date(2027, 1, 16))), Verdict::Fail);
    assert_eq!(
        verdict(None, at(TODAY)),
        Verdict::Fail,
        "without an end it is none"
    );
}
