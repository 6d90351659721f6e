//! The result of a sitting: outcomes, hash, and judging again.

use dmp_conformance::bundle::{Bundle, Difference, Mode, Sat};
use dmp_conformance::judge::judge;
use dmp_conformance::suite::Suite;

use crate::software::Software;
use crate::world::BEGUN;

/// A sitting of the tests of a profile whose names are said, all for none.
pub fn sitting(scope: &str, software: Software, names: &[&str]) -> Bundle {
    let suite = Suite::embedded().unwrap();
    let profile = suite.profile(scope).unwrap();
    let sat = profile
        .tests
        .iter()
        .filter(|test| names.is_empty() || names.contains(&test.name()))
        .map(|test| {
            let world = software.does(test);
            let findings = judge(test, &world.given, &world.exchanges);
            Sat {
                test: test.id.clone(),
                began: BEGUN.parse().unwrap(),
                given: world.given,
                exchanges: world.exchanges,
                findings,
            }
        })
        .collect();
    Bundle::new(profile, "vendor-atlas/atlas-sih", "4.2.1", 42, sat)
}

#[test]
fn a_bundle_is_read_and_judged_again_with_the_same_result() {
    for scope in [
        "document-feeder",
        "document-reader",
        "identity-feed",
        "registry-consumer",
    ] {
        let bundle = sitting(scope, Software::right(), &[]).held("vendor-atlas/rabat", Mode::Rehearsal);
        assert!(bundle.passed());
        let again = Bundle::read(&bundle.text()).unwrap();
        assert_eq!(again, bundle);
        assert_eq!(again.sha256(), bundle.sha256());
        assert_eq!(again.replay(), Ok(()));
    }
}

#[test]
fn outcomes_say_what_is_met_what_is_not_and_why_the_rest_was_not_tested() {
    let software = Software {
        defect: "wrong hash",
        habit: "",
    };
    let bundle = sitting("document-feeder", software, &["nominal", "busy"]);
    assert!(!bundle.passed());
    let outcome = |id: &str| {
        bundle
            .requirements
            .iter()
            .find(|outcome| outcome.id == id)
            .unwrap()
    };
    assert_eq!(
        (outcome("DF-02").met, &outcome("DF-02").not_tested),
        (Some(false), &None)
    );
    assert_eq!(outcome("DF-10").met, Some(true));
    let not_sat = outcome("DF-13");
    assert_eq!(not_sat.met, None);
    assert_eq!(
        not_sat.not_tested.as_ref().unwrap().fr,
        "essai non passé : « La réponse s’est perdue »"
    );
    assert!(
        outcome("DF-18")
            .not_tested
            .as_ref()
            .unwrap()
            .en
            .contains("replacement")
    );
    assert!(!sitting("document-feeder", Software::right(), &["none"]).passed());
}

#[test]
fn a_verdict_an_exchange_or_an_outcome_that_was_changed_is_found() {
    let software = Software {
        defect: "wrong hash",
        habit: "",
    };
    let bundle = sitting("document-feeder", software, &[]);
    let finding = Difference::Finding {
        test: "document-feeder/nominal".to_owned(),
        requirement: "DF-02".to_owned(),
    };

    let mut changed = bundle.clone();
    changed.tests[0].findings[1].met = true;
    assert_eq!(changed.replay(), Err(finding.clone()));
    assert_ne!(changed.sha256(), bundle.sha256());

    let mut changed = bundle.clone();
    let size = changed.tests[0].exchanges[1].request.body.json.as_mut().unwrap();
    size["entry"][1]["resource"]["content"][0]["attachment"]["hash"] =
        sitting("document-feeder", Software::right(), &["nominal"]).tests[0].exchanges[1]
            .request
            .body
            .json
            .as_ref()
            .unwrap()["entry"][1]["resource"]["content"][0]["attachment"]["hash"]
            .clone();
    assert_eq!(changed.replay(), Err(finding));

    let mut changed = bundle.clone();
    changed.requirements[1].met = Some(true);
    assert_eq!(changed.replay(), Err(Difference::Outcomes));

    let mut changed = bundle.clone();
    changed.tests[0].findings.pop();
    assert!(matches!(
        changed.replay(),
        Err(Difference::Findings {
            bundle: 7,
            here: 8,
            ..
        })
    ));

    let mut changed = bundle.clone();
    changed.title.fr = "Autre".to_owned();
    assert_eq!(changed.replay(), Err(Difference::Described));
}

#[test]
fn a_bundle_of_another_suite_is_told_apart() {
    let bundle = sitting("registry-consumer", Software::right(), &[]);
    let mut changed = bundle.clone();
    changed.profile_sha256 = "00".repeat(32);
    assert!(matches!(changed.replay(), Err(Difference::OtherProfile { .. })));
    let mut changed = bundle.clone();
    changed.profile = "e-prescription".to_owned();
    assert!(matches!(changed.replay(), Err(Difference::UnknownProfile(_))));
    let mut changed = bundle.clone();
    changed.tests[0].test = "registry-consumer/other".to_owned();
    assert!(matches!(changed.replay(), Err(Difference::UnknownTest(_))));
    let mut changed = bundle.clone();
    changed.tests.push(bundle.tests[0].clone());
    assert!(matches!(changed.replay(), Err(Difference::TestTwice(_))));
}
