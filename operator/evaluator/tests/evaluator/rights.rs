//! What the evaluator may: read what is no secret, write its own reports. Nothing else.

use std::collections::BTreeSet;

use dmp_testkit::kubernetes::send;
use http::Method;
use serde_json::{Value, json};

use crate::world::{World, manifests};

#[test]
fn it_reads_no_secret_and_changes_nothing_but_its_own() {
    for role in manifests("operator/evaluator.yaml") {
        if role["kind"] != "ClusterRole" && role["kind"] != "Role" {
            continue;
        }
        let evidence = role["metadata"]["namespace"] == "dmp-evidence";
        for rule in role["rules"].as_array().unwrap() {
            let words = |field: &str| -> BTreeSet<String> {
                let list = rule[field].as_array().unwrap();
                list.iter()
                    .map(|word| word.as_str().unwrap().to_owned())
                    .collect()
            };
            let (resources, verbs) = (words("resources"), words("verbs"));
            for forbidden in ["secrets", "*", "pods/exec", "pods/log", "serviceaccounts/token"] {
                assert!(!resources.contains(forbidden), "{rule}");
            }
            assert!(!verbs.contains("*"), "{rule}");
            assert!(evidence || !resources.contains("configmaps"), "{rule}");
            let reports = [json!(["openreports.io"]), json!(["wgpolicyk8s.io"])];
            let own = evidence || reports.contains(&rule["apiGroups"]);
            let reads = ["get", "list", "watch"];
            assert!(
                own || verbs.iter().all(|verb| reads.contains(&verb.as_str())),
                "{rule}"
            );
        }
    }
}

#[tokio::test]
async fn the_api_server_gives_it_nothing_more() {
    let Some(world) = World::start().await else {
        return;
    };
    let ask = async |method: Method, path: &str, body: Value| {
        send(&world.evaluator, method, path, "application/json", &body)
            .await
            .code
    };
    for path in [
        "/api/v1/secrets",
        "/api/v1/configmaps",
        "/api/v1/namespaces/dmp-system/configmaps",
        "/api/v1/namespaces/dmp-system/secrets/any",
        "/apis/dmp.ma/v1alpha1/solutioncredentials",
    ] {
        assert_eq!(ask(Method::GET, path, Value::Null).await, 403, "{path}");
    }
    let named = |api_version: &str, kind: &str| json!({ "apiVersion": api_version, "kind": kind, "metadata": { "name": "x" } });
    for (path, body) in [
        ("/api/v1/namespaces", named("v1", "Namespace")),
        (
            "/api/v1/namespaces/dmp-system/configmaps",
            named("v1", "ConfigMap"),
        ),
        (
            "/apis/rbac.authorization.k8s.io/v1/clusterroles",
            named("rbac.authorization.k8s.io/v1", "ClusterRole"),
        ),
    ] {
        assert_eq!(ask(Method::POST, path, body).await, 403, "{path}");
    }
    assert_eq!(
        ask(
            Method::GET,
            "/api/v1/namespaces/dmp-evidence/configmaps",
            Value::Null
        )
        .await,
        200
    );
}
