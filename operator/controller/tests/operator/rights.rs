//! What `manifests/operator/rbac.yaml` grants, and above all what it does not.

use serde_json::{Value, json};

use crate::admission::manifests;

fn rules() -> Vec<Value> {
    manifests("rbac.yaml")
        .into_iter()
        .filter(|object| object["kind"] == "ClusterRole" || object["kind"] == "Role")
        .flat_map(|role| role["rules"].as_array().cloned().unwrap_or_default())
        .collect()
}

#[test]
fn no_secret_no_token_no_exec_no_rbac_no_wildcard() {
    for rule in rules() {
        let resources = rule["resources"].as_array().unwrap();
        for forbidden in [
            "secrets",
            "serviceaccounts/token",
            "pods/exec",
            "pods",
            "roles",
            "rolebindings",
            "clusterroles",
            "*",
        ] {
            assert!(!resources.contains(&json!(forbidden)), "{forbidden}");
        }
        assert!(!rule["verbs"].as_array().unwrap().contains(&json!("*")));
    }
}

#[test]
fn deployments_are_all_it_may_delete() {
    for rule in rules() {
        let verbs = rule["verbs"].as_array().unwrap();
        if verbs.contains(&json!("delete")) || verbs.contains(&json!("deletecollection")) {
            assert_eq!(rule["resources"], json!(["deployments"]));
        }
    }
}
