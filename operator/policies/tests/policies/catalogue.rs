//! What is in the catalogue.

use dmp_policies::framework::FAMILIES;
use dmp_policies::{Catalogue, State};

#[test]
fn the_59_controls_are_there_and_each_says_what_it_needs() {
    let catalogue = Catalogue::embedded().unwrap_or_else(|error| panic!("{error}"));
    let families: Vec<_> = FAMILIES
        .iter()
        .map(|(code, _, _)| {
            let of_it = catalogue
                .controls()
                .iter()
                .filter(|control| control.family() == *code);
            (*code, of_it.count())
        })
        .collect();
    assert_eq!(
        families,
        [
            ("RES", 6),
            ("CRY", 8),
            ("IAM", 10),
            ("PRI", 7),
            ("LOG", 7),
            ("NET", 4),
            ("WRK", 6),
            ("BCK", 5),
            ("INC", 1),
            ("GOV", 5)
        ]
    );
    let keys: Vec<_> = catalogue
        .frameworks()
        .iter()
        .map(|one| one.option.as_str())
        .collect();
    assert_eq!(
        keys,
        ["iso27001", "hds", "dnssi", "05-20", "09-08", "c-ma", "other"]
    );
    for control in catalogue.controls() {
        let unchecked = control.checks.is_empty();
        let state = control.implementation.state;
        assert!(
            !unchecked || matches!(state, State::Evidence | State::NotYet),
            "{}",
            control.id
        );
        assert!(
            control
                .title
                .ar
                .chars()
                .any(|letter| ('\u{600}'..='\u{6ff}').contains(&letter)),
            "{}",
            control.id
        );
    }
}

#[test]
fn rationale_and_remedy_are_each_controls_own() {
    let catalogue = Catalogue::embedded().unwrap();
    let mut texts: Vec<_> = catalogue
        .controls()
        .iter()
        .flat_map(|control| {
            [
                &control.rationale,
                &control.remediation,
                &control.statement.fr,
                &control.title.ar,
            ]
        })
        .collect();
    let number = texts.len();
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), number);
}

#[test]
fn no_certification_is_claimed() {
    for (path, text) in dmp_policies::embedded_files() {
        let text = text.to_lowercase();
        for claim in [
            "hds certified",
            "hds-certified",
            "certifié hds",
            "certifiée hds",
            "iso 27001 certified",
        ] {
            assert!(!text.contains(claim), "{path}: {claim}");
        }
    }
}

#[test]
fn who_mistypes_an_id_is_shown_the_nearest() {
    let catalogue = Catalogue::embedded().unwrap();
    assert!(catalogue.control("dmp-res-01").is_some());
    assert!(catalogue.control("DMP-RES-1").is_none());
    assert!(catalogue.nearest("DMP-RES-1").contains(&"DMP-RES-01"));
    assert!(catalogue.nearest("res-03").contains(&"DMP-RES-03"));
    assert!(catalogue.nearest("DMP-INC-02").contains(&"DMP-INC-01"));
    assert_eq!(catalogue.nearest(&"x".repeat(10_000)).len(), 3);
    assert_eq!(catalogue.nearest("").len(), 3);
}
