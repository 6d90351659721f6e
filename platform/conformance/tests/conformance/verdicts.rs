//! Every verdict can be met by a right software and missed by one defect, which misses that requirement alone.

use std::collections::BTreeSet;

use dmp_conformance::judge::{Finding, judge};
use dmp_conformance::suite::{Profile, Suite, Verified};

use crate::software::Software;

/// Profile, defect, the one requirement that it misses.
const DEFECTS: [(&str, &str, &str); 65] = [
    ("document-feeder", "dangling reference", "DF-01"),
    ("document-feeder", "no code", "DF-01"),
    ("document-feeder", "wrong hash", "DF-02"),
    ("document-feeder", "wrong size", "DF-02"),
    ("document-feeder", "no urn", "DF-03"),
    ("document-feeder", "other document id", "DF-03"),
    ("document-feeder", "subject by name", "DF-04"),
    ("document-feeder", "another patient", "DF-04"),
    ("document-feeder", "token later", "DF-05"),
    ("document-feeder", "no purpose", "DF-05"),
    ("document-feeder", "no format", "DF-06"),
    ("document-feeder", "no confidentiality", "DF-06"),
    ("document-feeder", "other bytes", "DF-07"),
    ("document-feeder", "tomorrow", "DF-08"),
    ("document-feeder", "no wait 503", "DF-10"),
    ("document-feeder", "gives up 503", "DF-11"),
    ("document-feeder", "repeats once", "DF-11"),
    ("document-feeder", "no wait 429", "DF-12"),
    ("document-feeder", "gives up 429", "DF-12"),
    ("document-feeder", "new submission", "DF-13"),
    ("document-feeder", "new date", "DF-13"),
    ("document-feeder", "old token", "DF-14"),
    ("document-feeder", "repeats 403", "DF-15"),
    ("document-feeder", "other purpose", "DF-15"),
    ("document-feeder", "other route", "DF-15"),
    ("document-feeder", "repeats 412", "DF-16"),
    ("document-feeder", "repeats 409", "DF-17"),
    ("identity-feed", "identifier of nobody", "IF-01"),
    ("identity-feed", "other name", "IF-02"),
    ("identity-feed", "other birth date", "IF-02"),
    ("identity-feed", "token later", "IF-03"),
    ("identity-feed", "one identifier", "IF-04"),
    ("identity-feed", "other identifier in update", "IF-05"),
    ("identity-feed", "no wait 503", "IF-10"),
    ("identity-feed", "gives up 503", "IF-10"),
    ("identity-feed", "no wait 429", "IF-11"),
    ("identity-feed", "old token", "IF-12"),
    ("identity-feed", "repeats 403", "IF-13"),
    ("identity-feed", "repeats 412", "IF-14"),
    ("identity-feed", "repeats 409", "IF-15"),
    ("registry-consumer", "no system", "RC-01"),
    ("registry-consumer", "in the url", "RC-02"),
    ("registry-consumer", "token later", "RC-03"),
    ("registry-consumer", "registers unknown", "RC-04"),
    ("registry-consumer", "searches by less", "RC-04"),
    ("registry-consumer", "no wait 503", "RC-10"),
    ("registry-consumer", "gives up 429", "RC-11"),
    ("registry-consumer", "old token", "RC-12"),
    ("registry-consumer", "other purpose", "RC-13"),
    ("document-reader", "lists without patient", "DR-01"),
    ("document-reader", "retrieves twice", "DR-02"),
    ("document-reader", "token later", "DR-03"),
    ("document-reader", "no purpose", "DR-03"),
    ("document-reader", "in the url", "DR-04"),
    ("document-reader", "takes damaged", "DR-05"),
    ("document-reader", "repeats 403 iti-67", "DR-06"),
    ("document-reader", "other purpose iti-67", "DR-06"),
    ("document-reader", "repeats 403 iti-68", "DR-07"),
    ("document-reader", "other purpose iti-68", "DR-07"),
    ("document-reader", "no wait 503 iti-67", "DR-10"),
    ("document-reader", "gives up 503 iti-67", "DR-10"),
    ("document-reader", "no wait 503 iti-68", "DR-11"),
    ("document-reader", "gives up 503 iti-68", "DR-11"),
    ("document-reader", "no wait 429", "DR-12"),
    ("document-reader", "old token", "DR-13"),
];

fn findings(profile: &Profile, software: Software) -> Vec<(String, Finding)> {
    let of = |test| {
        let world = software.does(test);
        judge(test, &world.given, &world.exchanges)
    };
    profile
        .tests
        .iter()
        .flat_map(|test| of(test).into_iter().map(|finding| (test.id.clone(), finding)))
        .collect()
}

#[test]
fn a_right_software_meets_everything_whatever_its_habits() {
    let suite = Suite::embedded().unwrap();
    for habit in ["", "token each time", "patient", "each identifier", "by id"] {
        for profile in suite.profiles() {
            for (test, finding) in findings(profile, Software { defect: "", habit }) {
                assert!(finding.met, "{habit}: {test}: {finding:?}");
            }
        }
    }
}

#[test]
fn every_defect_misses_one_requirement() {
    let suite = Suite::embedded().unwrap();
    for (scope, defect, requirement) in DEFECTS {
        let software = Software { defect, habit: "" };
        let missed: BTreeSet<String> = findings(suite.profile(scope).unwrap(), software)
            .into_iter()
            .filter(|(_, finding)| !finding.met)
            .map(|(_, finding)| {
                assert_eq!(finding.error, None, "{defect}: {finding:?}");
                finding.requirement
            })
            .collect();
        assert_eq!(
            missed,
            BTreeSet::from([requirement.to_owned()]),
            "{scope}: {defect}"
        );
    }
}

#[test]
fn every_automatic_requirement_has_a_defect_here() {
    let suite = Suite::embedded().unwrap();
    for profile in suite.profiles() {
        for requirement in &profile.requirements {
            let automatic = requirement.verified == Verified::Automatic;
            let defects = DEFECTS.iter().filter(|(_, _, missed)| *missed == requirement.id);
            assert_eq!(defects.count() > 0, automatic, "{}", requirement.id);
        }
    }
}

#[test]
fn a_software_that_does_nothing_meets_nothing() {
    let suite = Suite::embedded().unwrap();
    for test in suite.profiles().iter().flat_map(|profile| &profile.tests) {
        let world = Software::right().does(test);
        let mut tokens = world.exchanges;
        tokens.retain(|exchange| exchange.operation == "token");
        assert!(!tokens.is_empty(), "{}", test.id);
        for exchanges in [&[], tokens.as_slice()] {
            for finding in judge(test, &world.given, exchanges) {
                assert!(
                    !finding.met && finding.error.is_none(),
                    "{}: {finding:?}",
                    test.id
                );
            }
        }
    }
}

#[test]
fn a_finding_names_the_exchanges_it_is_about() {
    let suite = Suite::embedded().unwrap();
    let test = suite.test("document-feeder/busy").unwrap();
    let world = Software::right().does(test);
    let operation = |number: u32| &world.exchanges[number as usize - 1].operation;
    for finding in judge(test, &world.given, &world.exchanges) {
        assert_eq!(finding.exchanges.len(), 3);
        assert!(
            finding
                .exchanges
                .iter()
                .all(|number| operation(*number) == "iti-65")
        );
    }
}
