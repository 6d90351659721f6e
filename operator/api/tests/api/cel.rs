//! Each rule, evaluated in process by `kube-cel`.

use std::collections::BTreeSet;

use kube::core::cel::Validator;
use serde_json::Value;

use crate::cases::{Case, all};

fn schema_of(kind: &str) -> Value {
    let crd = dmp_api::crds()
        .into_iter()
        .find(|crd| crd.spec.names.kind == kind)
        .unwrap();
    serde_json::to_value(
        crd.spec.versions[0]
            .schema
            .as_ref()
            .unwrap()
            .open_api_v3_schema
            .as_ref()
            .unwrap(),
    )
    .unwrap()
}

fn refusals(case: &Case) -> Vec<String> {
    let schema = schema_of(case.kind);
    let old = case
        .old
        .as_ref()
        .map(|old| kube::core::cel::apply_defaults(&schema, old));
    match Validator::new().validate_with_defaults(&schema, &case.new, old.as_ref()) {
        Ok(()) => Vec::new(),
        Err(errors) => errors.into_vec().into_iter().map(|error| error.message).collect(),
    }
}

#[test]
fn each_case_is_decided_as_it_says() {
    for case in all() {
        let found = refusals(&case);
        match case.refused {
            None => assert_eq!(found, Vec::<String>::new(), "{}", case.name),
            Some(message) => assert_eq!(found, [message], "{}", case.name),
        }
    }
}

/// All messages of `x-kubernetes-validations` below a schema.
fn messages(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(fields) => {
            for rule in fields
                .get("x-kubernetes-validations")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                found.insert(
                    rule["message"]
                        .as_str()
                        .expect("every rule has a message")
                        .to_owned(),
                );
            }
            fields.values().for_each(|value| messages(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| messages(value, found)),
        _ => {}
    }
}

#[test]
fn each_rule_has_a_case_that_fails_and_each_kind_one_that_passes() {
    let cases = all();
    for crd in dmp_api::crds() {
        let kind = &crd.spec.names.kind;
        let mut rules = BTreeSet::new();
        messages(&schema_of(kind), &mut rules);
        let own = || cases.iter().filter(|case| case.kind == kind);
        let failing: BTreeSet<String> = own()
            .filter_map(|case| case.refused)
            .map(ToOwned::to_owned)
            .collect();
        assert_eq!(rules, failing, "{kind}");
        assert!(own().any(|case| case.refused.is_none()), "{kind}");
    }
}

#[test]
fn the_types_evaluate_their_own_rules() {
    let case = all()
        .into_iter()
        .find(|case| case.name == "a production group without receipt")
        .unwrap();
    let group: dmp_api::HealthGroup = serde_json::from_value(case.new).unwrap();
    let errors = group.validate_cel().unwrap_err().into_vec();
    assert_eq!(errors[0].message, case.refused.unwrap());
}
