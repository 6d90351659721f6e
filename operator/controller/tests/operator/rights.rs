//! What `manifests/operator/rbac.yaml` and `roles.yaml` grant, and above all what they do not.

use serde_json::{Value, json};

use crate::admission::manifests;

/// Verbs that lead to more rights than a rule names.
const VERBS_OF_POWER: [&str; 7] = [
    "*",
    "impersonate",
    "bind",
    "escalate",
    "approve",
    "sign",
    "install",
];

fn rules_of(file: &str) -> Vec<(String, Value)> {
    manifests(file)
        .into_iter()
        .filter(|object| object["kind"] == "ClusterRole" || object["kind"] == "Role")
        .flat_map(|role| {
            let name = role["metadata"]["name"].as_str().unwrap().to_owned();
            let rules = role["rules"].as_array().cloned().unwrap_or_default();
            rules.into_iter().map(move |rule| (name.clone(), rule))
        })
        .collect()
}

fn rules() -> Vec<Value> {
    rules_of("rbac.yaml").into_iter().map(|(_, rule)| rule).collect()
}

fn has(rule: &Value, field: &str, value: &str) -> bool {
    rule[field].as_array().unwrap().contains(&json!(value))
}

#[test]
fn no_secret_no_token_no_exec_no_rbac_no_wildcard() {
    for rule in rules() {
        for forbidden in [
            "secrets",
            "serviceaccounts/token",
            "pods/exec",
            "pods/attach",
            "pods/portforward",
            "pods/ephemeralcontainers",
            "roles",
            "rolebindings",
            "clusterroles",
            "clusterrolebindings",
            "validatingadmissionpolicies",
            "*",
        ] {
            assert!(!has(&rule, "resources", forbidden), "{forbidden}");
        }
        for forbidden in VERBS_OF_POWER {
            assert!(!has(&rule, "verbs", forbidden), "{forbidden}");
        }
    }
}

/// What makes the pods of its probe it also takes away.
#[test]
fn deployments_and_its_probes_are_all_it_may_delete() {
    for rule in rules() {
        if has(&rule, "verbs", "delete") || has(&rule, "verbs", "deletecollection") {
            let resources = rule["resources"].as_array().unwrap();
            let allowed = [json!("deployments"), json!("pods")];
            assert!(
                resources.iter().all(|resource| allowed.contains(resource)),
                "{resources:?}"
            );
        }
    }
}

#[test]
fn people_read_no_secret_enter_no_pod_and_give_no_rights() {
    let all = rules_of("roles.yaml");
    let names: std::collections::BTreeSet<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names.into_iter().collect::<Vec<_>>(),
        ["dmp-agency", "dmp-group-admin", "dmp-host", "dmp-security"]
    );
    for (name, rule) in &all {
        for forbidden in [
            "secrets",
            "configmaps",
            "serviceaccounts/token",
            "pods/exec",
            "pods/attach",
            "pods/portforward",
            "pods/proxy",
            "services/proxy",
            "nodes/proxy",
            "pods/ephemeralcontainers",
        ] {
            assert!(!has(rule, "resources", forbidden), "{name}: {forbidden}");
        }
        for forbidden in VERBS_OF_POWER {
            assert!(!has(rule, "verbs", forbidden), "{name}: {forbidden}");
        }
        // All kinds of the product may be read, of no other group.
        assert!(
            !has(rule, "resources", "*") || rule["apiGroups"] == json!(["dmp.ma"]),
            "{name}"
        );
        assert!(!has(rule, "apiGroups", "*"), "{name}");
    }
}

#[test]
fn people_write_our_kinds_and_no_workload() {
    let writes = ["create", "update", "patch", "delete", "deletecollection"];
    for (name, rule) in rules_of("roles.yaml") {
        if !writes.iter().any(|verb| has(&rule, "verbs", verb)) || rule["apiGroups"] == json!(["dmp.ma"]) {
            continue;
        }
        // Restart, drain.
        let maintenance = ["pods", "pods/eviction", "nodes"]
            .iter()
            .any(|resource| rule["resources"] == json!([resource]));
        assert!(
            name == "dmp-host" && maintenance && rule["verbs"].as_array().unwrap().len() == 1,
            "{name}: {rule}"
        );
    }
}

#[test]
fn a_group_admin_changes_nothing() {
    for (name, rule) in rules_of("roles.yaml") {
        if name == "dmp-group-admin" {
            assert_eq!(rule["verbs"], json!(["get", "list", "watch"]), "{rule}");
        }
    }
}
