//! The product's own rules: who changes them.

use kube::ResourceExt as _;
use serde_json::{Value, json};

use crate::admission::{Ask, manifests};

const OPERATOR: &str = "system:serviceaccount:dmp-system:dmp-operator";
const CNPG: &str = "system:serviceaccount:cnpg-system:cnpg-manager";

fn labelled(name: &str) -> Value {
    json!({ "metadata": { "name": name, "labels": {
        "app.kubernetes.io/part-of": "dmp", "app.kubernetes.io/managed-by": "dmpctl",
    } } })
}

#[test]
fn rights_are_the_installations() {
    for resource in ["clusterroles", "clusterrolebindings"] {
        let resource = format!("rbac.authorization.k8s.io:{resource}");
        for operation in ["CREATE", "UPDATE"] {
            let ask = Ask::new(operation, &resource, "dmp-host").object(labelled("dmp-host"));
            assert_eq!(ask.clone().denied(), ["dmp-product-rights"]);
            assert_eq!(ask.clone().by(OPERATOR).denied(), ["dmp-product-rights"]);
            assert_eq!(ask.installer().denied(), [""; 0]);
        }
        let delete = Ask::new("DELETE", &resource, "dmp-host")
            .object(Value::Null)
            .old(labelled("dmp-host"));
        assert_eq!(delete.denied(), ["dmp-product-rights"]);
        // Taking the label away does not help.
        let stripped = Ask::new("UPDATE", &resource, "dmp-host")
            .object(json!({ "metadata": { "name": "dmp-host" } }))
            .old(labelled("dmp-host"));
        assert_eq!(stripped.denied(), ["dmp-product-rights"]);
        assert_eq!(Ask::new("CREATE", &resource, "theirs").denied(), [""; 0]);
        // Roles of a database inherit a label from its Cluster.
        let inherited = json!({ "metadata": { "name": "records", "labels": {
            "app.kubernetes.io/part-of": "dmp", "app.kubernetes.io/managed-by": "cloudnative-pg",
        } } });
        let role = Ask::new("CREATE", "rbac.authorization.k8s.io:roles", "dmp-tanger/records");
        assert_eq!(role.object(inherited).by(CNPG).denied(), [""; 0]);
    }
}

#[test]
fn kinds_are_the_installations() {
    let resource = "apiextensions.k8s.io:customresourcedefinitions";
    for crd in dmp_api::crds() {
        let name = crd.name_any();
        let ask = Ask::new("UPDATE", resource, &name);
        assert_eq!(
            ask.clone().denied(),
            ["dmp-product-kinds"],
            "{name} is not in the policy's resourceNames"
        );
        assert_eq!(ask.installer().denied(), [""; 0]);
    }
    assert_eq!(
        Ask::new("UPDATE", resource, "theirs.example.com").denied(),
        [""; 0]
    );
}

#[test]
fn a_namespace_keeps_the_labels_that_protect_it() {
    let old = json!({ "metadata": { "name": "dmp-tanger", "labels": {
        "app.kubernetes.io/part-of": "dmp", "dmp.ma/protected": "true", "dmp.ma/group": "tanger",
        "pod-security.kubernetes.io/enforce": "restricted", "other": "x",
    } } });
    let update = |change: fn(&mut Value)| {
        let mut new = old.clone();
        change(&mut new["metadata"]["labels"]);
        Ask::new("UPDATE", "namespaces", "dmp-tanger")
            .object(new)
            .old(old.clone())
    };
    assert_eq!(update(|labels| labels["other"] = json!("y")).denied(), [""; 0]);
    let changes: [fn(&mut Value); 4] = [
        |labels| labels["dmp.ma/protected"] = json!("false"),
        |labels| labels["pod-security.kubernetes.io/enforce"] = json!("privileged"),
        |labels| {
            drop(
                labels
                    .as_object_mut()
                    .unwrap()
                    .remove("app.kubernetes.io/part-of"),
            )
        },
        |labels| *labels = json!({}),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        assert_eq!(
            update(change).denied(),
            ["dmp-product-namespaces"],
            "change {index}"
        );
        assert_eq!(update(change).by(OPERATOR).denied(), [""; 0]);
        assert_eq!(update(change).installer().denied(), [""; 0]);
    }
}

#[test]
fn in_a_namespace_people_are_group_admins() {
    let bind = |role: &str| {
        let object =
            json!({ "metadata": { "name": "b" }, "roleRef": { "kind": "ClusterRole", "name": role } });
        Ask::new("CREATE", "rbac.authorization.k8s.io:rolebindings", "dmp-tanger/b").object(object)
    };
    assert_eq!(bind("dmp-group-admin").denied(), [""; 0]);
    for role in ["admin", "cluster-admin", "dmp-host"] {
        assert_eq!(bind(role).denied(), ["dmp-rights-in-namespaces"], "{role}");
        assert_eq!(bind(role).by(CNPG).denied(), [""; 0]);
    }
    let role = Ask::new("CREATE", "rbac.authorization.k8s.io:roles", "dmp-tanger/r");
    assert_eq!(role.clone().denied(), ["dmp-roles-in-namespaces"]);
    assert_eq!(role.by(CNPG).denied(), [""; 0]);
}

#[test]
fn what_runs_and_who_is_believed_is_not_the_hosts() {
    let platform = || {
        json!({ "metadata": { "name": "national" }, "spec": {
            "images": { "dmp": "r/dmp:1", "postgres": "r/pg:1" }, "sizing": "small",
            "openbao": { "address": "https://openbao", "managed": true },
        } })
    };
    let update = |change: fn(&mut Value)| {
        let mut new = platform();
        change(&mut new["spec"]);
        Ask::new("UPDATE", "dmp.ma:platforms", "national")
            .object(new)
            .old(platform())
    };
    assert_eq!(update(|spec| spec["sizing"] = json!("large")).denied(), [""; 0]);
    assert_eq!(
        update(|spec| spec["demonstration"] = json!(false)).denied(),
        [""; 0]
    );
    let changes: [fn(&mut Value); 5] = [
        |spec| spec["images"]["dmp"] = json!("r/mine:1"),
        |spec| spec["issuers"] = json!([{ "url": "https://mine", "audience": "dmp" }]),
        |spec| spec["openbao"]["address"] = json!("https://mine"),
        |spec| drop(spec.as_object_mut().unwrap().remove("openbao")),
        |spec| spec["demonstration"] = json!(true),
    ];
    for change in changes {
        assert_eq!(update(change).denied(), ["dmp-platform-trust"]);
        assert_eq!(update(change).installer().denied(), [""; 0]);
    }
    let create = Ask::new("CREATE", "dmp.ma:platforms", "national").object(platform());
    assert_eq!(create.clone().denied(), ["dmp-platform-trust"]);
    assert_eq!(create.installer().denied(), [""; 0]);
}

/// The policies know the operator, CloudNativePG and the product's names; these are what the manifests say.
#[test]
fn the_names_in_the_policies_are_the_products() {
    let account = manifests("serviceaccount.yaml").remove(0);
    assert_eq!(
        OPERATOR,
        format!(
            "system:serviceaccount:{}:{}",
            account["metadata"]["namespace"].as_str().unwrap(),
            account["metadata"]["name"].as_str().unwrap()
        )
    );
    for file in ["rbac.yaml", "roles.yaml"] {
        for object in manifests(file) {
            let labels = &object["metadata"]["labels"];
            assert_eq!(
                labels["app.kubernetes.io/part-of"], "dmp",
                "{}",
                object["metadata"]["name"]
            );
        }
    }
}
