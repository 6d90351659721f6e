#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::time::Duration;

use dmp_policies::Catalogue;
use serde_json::json;

use super::act::{Answer, Outcome, by_a_rule, has_item, picked};
use super::breaches::{Act, breaches};
use super::{Drilled, table};

#[test]
fn every_breach_is_of_a_control_that_is_there_and_ten_things_are_broken() {
    let catalogue = Catalogue::embedded().unwrap();
    let all = breaches("souss-massa", "0a1b2c3d");
    assert!(all.len() >= 10);
    let ids: BTreeSet<_> = all.iter().map(|one| one.id).collect();
    assert_eq!(ids.len(), all.len());
    for breach in &all {
        let control = catalogue.control(breach.control);
        let control = control.unwrap_or_else(|| panic!("{}: no {}", breach.id, breach.control));
        assert!(breach.title.chars().count() <= 46, "{}", breach.title);
        // What the evaluator should see, it looks at.
        if let Act::Leave { seen, .. } | Act::Soften { seen, .. } = &breach.act {
            let check = control.checks.iter().find(|check| check.name == seen.check);
            assert!(check.is_some_and(|check| check.observed), "{}", breach.id);
        }
    }
    // Nothing that is made or changed is of another group.
    let text = format!("{all:?}");
    assert!(text.contains("dmp-souss-massa"));
}

#[test]
fn what_a_patch_is_about_is_picked_and_puts_back() {
    let live = json!({ "metadata": { "labels": { "a": "1", "b": "2" } }, "spec": { "ingress": [{ "from": [] }], "x": 1 } });
    let patch = json!({ "metadata": { "labels": { "a": "9", "c": "9" } }, "spec": { "ingress": [{}] } });
    assert_eq!(
        picked(&live, &patch),
        json!({ "metadata": { "labels": { "a": "1", "c": null } }, "spec": { "ingress": [{ "from": [] }] } })
    );
}

#[test]
fn an_item_is_found_in_any_scope_by_a_part_of_it() {
    let evidence = json!({ "observed": [
        { "scope": null, "inputs": { "plain": 3, "policies": [{ "name": "a", "bound": true }, { "name": "b", "bound": false }] } },
    ] });
    assert!(has_item(&evidence, &json!({ "name": "b", "bound": false })));
    assert!(!has_item(&evidence, &json!({ "name": "a", "bound": false })));
    assert!(!has_item(&json!(null), &json!({ "name": "a" })));
}

#[test]
fn what_a_person_may_not_do_at_all_is_not_taken_for_a_rule() {
    assert!(by_a_rule(
        "services \"x\" is forbidden: ValidatingAdmissionPolicy 'dmp-services' with binding 'dmp-services' denied request: no"
    ));
    assert!(by_a_rule(
        "pods \"x\" is forbidden: violates PodSecurity \"restricted:latest\": host namespaces"
    ));
    assert!(!by_a_rule(
        "services is forbidden: User \"karim\" cannot create resource \"services\""
    ));
}

#[test]
fn the_table_says_who_answered_and_what_was_missed() {
    let mut all = breaches("souss-massa", "0a1b2c3d").into_iter();
    let mut drilled = |answer: Answer, took: Option<u64>| {
        let took = took.map(Duration::from_millis);
        Drilled {
            breach: all.next().unwrap(),
            outcome: Outcome {
                answer,
                detected: took,
                corrected: None,
            },
        }
    };
    let drilled = [
        drilled(Answer::Refused("no".to_owned()), Some(12)),
        drilled(
            Answer::Missed("the API server would have done it".to_owned()),
            None,
        ),
    ];
    let text = table(&drilled);
    assert!(text.contains("refusé") && text.contains("0,01 s"), "{text}");
    assert!(
        text.contains("MANQUÉ") && text.contains("ingress : the API server would have done it"),
        "{text}"
    );
    assert!(text.contains("1 essais sur 2"), "{text}");
    let document: serde_json::Value =
        serde_json::from_str(&super::table::json("souss-massa", &drilled).unwrap()).unwrap();
    assert_eq!(document["breaches"][1]["answer"], "missed");
}
