//! What a control says of this repository is true: the policy, the code, the test, the alert exist.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use dmp_policies::Catalogue;
use dmp_policies::admission;
use dmp_policies::control::By;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn documents() -> impl Iterator<Item = serde_json::Value> {
    let manifests = admission::MANIFESTS.iter();
    manifests.flat_map(|(_, text)| admission::documents(text))
}

/// Names of the product's admission policies.
fn policies() -> BTreeSet<String> {
    documents()
        .filter(|document| document["kind"] == "ValidatingAdmissionPolicy")
        .map(|document| document["metadata"]["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn every_policy_serves_a_control_and_denies() {
    let catalogue = Catalogue::embedded().unwrap();
    let named = catalogue
        .controls()
        .iter()
        .flat_map(|control| &control.implementation.by);
    let serving: BTreeSet<_> = named
        .filter_map(|by| match by {
            By::Policy(name) => Some(name.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(serving, policies());
    let bindings = documents().filter(|one| one["kind"] == "ValidatingAdmissionPolicyBinding");
    let denying = bindings.filter(|one| {
        let actions = one["spec"]["validationActions"].as_array();
        actions.is_some_and(|actions| actions.iter().any(|action| action == "Deny"))
    });
    let bound: BTreeSet<_> = denying
        .map(|one| one["spec"]["policyName"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(bound, policies());
}

#[test]
fn everything_that_is_named_exists() {
    let catalogue = Catalogue::embedded().unwrap();
    let policies = policies();
    assert!(policies.len() > 20, "{policies:?}");
    let mut wrong = Vec::new();
    for control in catalogue.controls() {
        for by in &control.implementation.by {
            let there = match by {
                By::Policy(name) => policies.contains(name),
                By::Code(path) => root().join(path).is_file(),
                By::Alert(name) => root().join(format!("docs/runbooks/{name}.md")).is_file(),
                By::Test(name) => is_test(name),
            };
            if !there {
                wrong.push(format!("{}: {by:?}", control.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A function with the attribute of a test right above it.
fn is_test(name: &str) -> bool {
    let Some((path, function)) = name.split_once("::") else {
        return false;
    };
    let Ok(text) = std::fs::read_to_string(root().join(path)) else {
        return false;
    };
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    lines.iter().enumerate().any(|(at, line)| {
        let declared = [format!("fn {function}("), format!("async fn {function}(")];
        declared.iter().any(|start| line.starts_with(start.as_str()))
            && lines[..at]
                .iter()
                .rev()
                .take_while(|above| {
                    above.starts_with("#[") || above.starts_with("//") || above.ends_with(")]")
                })
                .any(|above| above.starts_with("#[") && above.contains("test"))
    })
}

#[test]
fn a_test_is_told_from_any_other_function() {
    assert!(is_test(
        "operator/policies/tests/policies/proofs.rs::everything_that_is_named_exists"
    ));
    assert!(!is_test("operator/policies/tests/policies/proofs.rs::is_test"));
    assert!(!is_test("operator/policies/tests/policies/proofs.rs::nothing"));
    assert!(!is_test("operator/policies/tests/policies/none.rs::root"));
}
