#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn the_operator_policy_pins_the_text_that_the_operator_writes() {
    let policy = embedded::text("manifests/openbao/policies/operator.policy").unwrap();
    let pinned = serde_json::to_string(dmp_api::openbao::RECORDS_POLICY).unwrap();
    assert!(policy.contains(&format!("\"policy\" = [{pinned}]")), "{policy}");
}

#[test]
fn nothing_in_the_manifests_of_openbao_is_a_secret() {
    for object in manifests("manifests/openbao").unwrap() {
        assert_ne!(
            object.types.as_ref().unwrap().kind,
            "Secret",
            "{}",
            object.name_any()
        );
    }
}
