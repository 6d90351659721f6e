//! What a supervised run draws.

use std::collections::BTreeSet;

use dmp_conformance::sample::draw;
use dmp_conformance::suite::{Suite, Verified};

#[test]
fn a_draw_depends_on_the_seed_alone_and_has_the_nominal_test() {
    let suite = Suite::embedded().unwrap();
    let again = Suite::embedded().unwrap();
    for (profile, same) in suite.profiles().iter().zip(again.profiles()) {
        let mut draws = BTreeSet::new();
        for seed in 0..50 {
            let ids: Vec<&str> = draw(profile, seed, 3)
                .iter()
                .map(|test| test.id.as_str())
                .collect();
            let twice: Vec<&str> = draw(same, seed, 3).iter().map(|test| test.id.as_str()).collect();
            assert_eq!(ids, twice);
            assert_eq!(ids.len(), 4);
            assert!(ids[0].ends_with("/nominal"));
            draws.insert(ids);
        }
        assert!(draws.len() > 5, "{}: {}", profile.scope, draws.len());
    }
}

#[test]
fn every_requirement_is_drawn_by_some_seed() {
    for profile in Suite::embedded().unwrap().profiles() {
        let drawn: BTreeSet<String> = (0..200)
            .flat_map(|seed| draw(profile, seed, 1))
            .flat_map(|test| test.verdicts.iter().map(|verdict| verdict.requirement.clone()))
            .collect();
        let automatic = profile
            .requirements
            .iter()
            .filter(|one| one.verified == Verified::Automatic);
        assert_eq!(drawn, automatic.map(|one| one.id.clone()).collect());
    }
}

#[test]
fn no_other_and_all_others_can_be_asked_for() {
    let suite = Suite::embedded().unwrap();
    let profile = suite.profile("document-feeder").unwrap();
    assert_eq!(draw(profile, 7, 0).len(), 1);
    assert_eq!(draw(profile, 7, usize::MAX).len(), profile.tests.len());
}
