//! The conformance suite judges the solution and its defects: each fails its one requirement, and nothing else.

use std::collections::BTreeSet;

use clap::ValueEnum as _;
use dmp_conformance::judge::judge;
use dmp_conformance::suite::{Profile, Suite, Verified};
use dmp_solution::defect::Defect;
use dmp_solution::habits::Habits;
use futures::StreamExt as _;

use crate::scenario::{quick, sit};

/// `test requirement` of everything in a profile that is not met.
async fn failures(profile: &Profile, habits: Habits) -> BTreeSet<String> {
    let failed = futures::stream::iter(&profile.tests).map(|test| async move {
        let (given, heard) = sit(test, habits).await;
        let findings = judge(test, &given, &heard);
        let failed = findings.into_iter().filter(|finding| !finding.met);
        failed
            .map(|finding| format!("{} {}", test.id, finding.requirement))
            .collect::<Vec<_>>()
    });
    failed.buffer_unordered(10).concat().await.into_iter().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_solution_meets_every_requirement() {
    for profile in Suite::embedded().unwrap().profiles() {
        assert_eq!(failures(profile, quick()).await, BTreeSet::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_defect_fails_its_requirement_and_no_other() {
    let suite = &Suite::embedded().unwrap();
    let judged = futures::stream::iter(Defect::value_variants()).map(|defect| async move {
        let mut habits = quick();
        defect.spoil(&mut habits);
        let mut expected = BTreeSet::new();
        let mut failed = BTreeSet::new();
        for test in defect.tests() {
            expected.insert(format!("{test} {}", defect.requirement()));
            let (scope, _) = test.split_once('/').unwrap();
            failed.extend(failures(suite.profile(scope).unwrap(), habits).await);
        }
        (failed != expected).then(|| format!("{defect:?}: {failed:?}"))
    });
    let wrong: Vec<String> = judged
        .buffer_unordered(12)
        .filter_map(async |wrong| wrong)
        .collect()
        .await;
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_automatic_requirement_has_one_defect() {
    let mut broken: Vec<&str> = Defect::value_variants()
        .iter()
        .map(|defect| defect.requirement())
        .collect();
    let suite = Suite::embedded().unwrap();
    let requirements = suite.profiles().iter().flat_map(|profile| &profile.requirements);
    let automatic = requirements.filter(|requirement| requirement.verified == Verified::Automatic);
    let mut automatic: Vec<&str> = automatic.map(|requirement| requirement.id.as_str()).collect();
    broken.sort_unstable();
    automatic.sort_unstable();
    assert_eq!(broken, automatic);
}
