//! Each admission policy with a case that it lets pass and one that it denies, in process by `kube-cel`.

use kube::core::cel::{AdmissionRequest, VapEvaluator, VapExpression};
use serde_json::{Value, json};

/// The documents of `manifests/operator/<file>`.
pub fn manifests(file: &str) -> Vec<Value> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../manifests/operator")
        .join(file);
    let text = std::fs::read_to_string(path).unwrap();
    text.split("---\n")
        .map(|document| serde_saphyr::from_str::<Value>(document).unwrap())
        .collect()
}

fn policies() -> Vec<Value> {
    manifests("admission.yaml")
        .into_iter()
        .filter(|object| object["kind"] == "ValidatingAdmissionPolicy")
        .collect()
}

/// What the policies say to a request: the messages of those that deny.
fn denied(operation: &str, resource: &str, object: &Value) -> Vec<String> {
    let evaluator = |expressions: &[VapExpression]| {
        let namespace = object["metadata"]["namespace"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let builder = VapEvaluator::builder().request(AdmissionRequest {
            operation: operation.to_owned(),
            namespace,
            ..AdmissionRequest::default()
        });
        let builder = if operation == "DELETE" {
            builder.old_object(object.clone())
        } else {
            builder.object(object.clone())
        };
        builder.build().evaluate(expressions)
    };
    let expression = |rule: &Value| VapExpression {
        expression: rule["expression"].as_str().unwrap().to_owned(),
        message: rule["message"].as_str().map(ToOwned::to_owned),
        message_expression: None,
    };
    let rules = |of: &Value| {
        of.as_array()
            .into_iter()
            .flatten()
            .map(expression)
            .collect::<Vec<_>>()
    };
    let mut messages = Vec::new();
    for policy in policies() {
        let spec = &policy["spec"];
        let constraint = &spec["matchConstraints"]["resourceRules"][0];
        let lists =
            |field: &str, wanted: &str| constraint[field].as_array().unwrap().contains(&json!(wanted));
        if !lists("operations", operation) || !lists("resources", resource) {
            continue;
        }
        if !selects(
            &spec["matchConstraints"]["objectSelector"],
            &object["metadata"]["labels"],
        ) {
            continue;
        }
        if !evaluator(&rules(&spec["matchConditions"]))
            .iter()
            .all(|result| result.passed)
        {
            continue;
        }
        messages.extend(
            evaluator(&rules(&spec["validations"]))
                .into_iter()
                .filter_map(|result| result.message),
        );
    }
    messages
}

/// A label selector, as far as these policies use it.
fn selects(selector: &Value, labels: &Value) -> bool {
    let exact = selector["matchLabels"]
        .as_object()
        .into_iter()
        .flatten()
        .all(|(key, value)| labels[key] == *value);
    let expressions = selector["matchExpressions"]
        .as_array()
        .into_iter()
        .flatten()
        .all(|expression| {
            assert_eq!(expression["operator"], "NotIn");
            let value = &labels[expression["key"].as_str().unwrap()];
            !expression["values"].as_array().unwrap().contains(value)
        });
    exact && expressions
}

#[test]
fn each_policy_is_bound_and_denies() {
    let documents = manifests("admission.yaml");
    for policy in policies() {
        assert_eq!(policy["spec"]["failurePolicy"], "Fail");
        let name = &policy["metadata"]["name"];
        let binding = documents
            .iter()
            .find(|object| {
                object["kind"] == "ValidatingAdmissionPolicyBinding" && object["spec"]["policyName"] == *name
            })
            .unwrap_or_else(|| panic!("{name} is not bound"));
        assert_eq!(binding["spec"]["validationActions"], json!(["Deny"]));
    }
}

#[test]
fn a_protected_group_is_not_deleted() {
    let group =
        |protected: bool| json!({ "metadata": { "name": "g" }, "spec": { "deletionProtection": protected } });
    assert_eq!(
        denied("DELETE", "healthgroups", &group(false)),
        Vec::<String>::new()
    );
    assert_eq!(denied("DELETE", "healthgroups", &group(true)).len(), 1);
    // Stored before the field had its default.
    assert_eq!(
        denied("DELETE", "healthgroups", &json!({ "metadata": {}, "spec": {} })).len(),
        1
    );
}

#[test]
fn a_namespace_of_health_data_is_not_deleted() {
    let namespace = |labels: Value| json!({ "metadata": { "name": "n", "labels": labels } });
    assert_eq!(
        denied(
            "DELETE",
            "namespaces",
            &namespace(json!({ "dmp.ma/protected": "true" }))
        )
        .len(),
        1
    );
    assert_eq!(
        denied("DELETE", "namespaces", &namespace(json!({ "a": "b" }))),
        Vec::<String>::new()
    );
    assert_eq!(
        denied("DELETE", "namespaces", &json!({ "metadata": { "name": "n" } })),
        Vec::<String>::new()
    );
}

#[test]
fn a_revocation_is_not_deleted() {
    assert_eq!(
        denied("DELETE", "solutionrevocations", &json!({ "metadata": {} })).len(),
        1
    );
    assert_eq!(
        denied("UPDATE", "solutionrevocations", &json!({ "metadata": {} })),
        Vec::<String>::new()
    );
}

#[test]
fn a_database_of_ours_goes_only_when_asked_twice() {
    let cluster = |managed: &str, allowed: &str| {
        let labels = json!({ "app.kubernetes.io/managed-by": managed, "dmp.ma/allow-deletion": allowed });
        json!({ "metadata": { "labels": labels } })
    };
    assert_eq!(
        denied("DELETE", "clusters", &cluster("dmp-operator", "")).len(),
        1
    );
    assert_eq!(
        denied("DELETE", "clusters", &cluster("dmp-operator", "true")),
        Vec::<String>::new()
    );
    assert_eq!(
        denied("DELETE", "clusters", &cluster("somebody", "")),
        Vec::<String>::new()
    );
}

#[test]
fn our_crds_go_only_when_asked_twice() {
    let crd = |group: &str| json!({ "metadata": { "name": "x" }, "spec": { "group": group } });
    assert_eq!(
        denied("DELETE", "customresourcedefinitions", &crd("dmp.ma")).len(),
        1
    );
    assert_eq!(
        denied("DELETE", "customresourcedefinitions", &crd("postgresql.cnpg.io")).len(),
        1
    );
    assert_eq!(
        denied("DELETE", "customresourcedefinitions", &crd("example.com")),
        Vec::<String>::new()
    );
}

#[test]
fn vendors_stay_at_home() {
    let solution = |namespace: &str, vendor: &str| json!({ "metadata": { "namespace": namespace, "name": "s" }, "spec": { "vendor": vendor } });
    assert_eq!(
        denied("CREATE", "solutions", &solution("vendor-atlas", "atlas")),
        Vec::<String>::new()
    );
    assert_eq!(
        denied("CREATE", "solutions", &solution("vendor-atlas", "other")).len(),
        1
    );
    assert_eq!(
        denied("CREATE", "solutions", &solution("default", "atlas")).len(),
        2
    );
    assert_eq!(
        denied("CREATE", "solutioncredentials", &solution("default", "atlas")).len(),
        1
    );
}
