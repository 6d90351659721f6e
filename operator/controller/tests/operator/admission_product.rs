//! The product's own rules: who changes them.

use kube::ResourceExt as _;
use serde_json::{Value, json};

use crate::admission::{Ask, manifests};
use crate::admission_server::Server;

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

/// Subjects of a binding of the product's role, and whether they are somebody.
const SUBJECTS: [(&str, &str, bool); 17] = [
    ("User", "karim@chu.example", true),
    ("User", "administration.karim", true),
    ("User", "https://issuer.example#karim", true),
    ("Group", "cloud-operations", true),
    ("ServiceAccount", "dmp-operator", true),
    ("User", "admin", false),
    ("User", "Admin@chu.example", false),
    ("User", "oidc:root", false),
    ("User", "https://issuer.example#shared", false),
    ("User", "test", false),
    ("User", "guest", false),
    ("User", "system:anonymous", false),
    ("Group", "system:authenticated", false),
    ("Group", "system:unauthenticated", false),
    ("Group", "system:masters", false),
    ("Group", "system:serviceaccounts:dmp-tanger", false),
    ("ServiceAccount", "default", false),
];

fn bound(kind: &str, role: &str, subjects: &[(&str, &str)]) -> Value {
    let subject = |(kind, name): &(&str, &str)| match *kind {
        "ServiceAccount" => json!({ "kind": kind, "name": name, "namespace": "dmp-system" }),
        kind => json!({ "apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name }),
    };
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": { "name": "b" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role },
        "subjects": subjects.iter().map(subject).collect::<Vec<_>>(),
    })
}

#[test]
fn a_role_of_the_product_is_somebodys() {
    let ask = |operation: &str, place: &str, binding: Value| {
        let resource = if place.contains('/') {
            "rolebindings"
        } else {
            "clusterrolebindings"
        };
        let resource = format!("rbac.authorization.k8s.io:{resource}");
        let ask = Ask::new(operation, &resource, place).object(binding);
        let mut denied = ask.installer().denied();
        // Everybody is in system:authenticated, and gives it to themselves.
        denied.retain(|policy| policy != "dmp-product-givers");
        denied
    };
    for (kind, name, somebody) in SUBJECTS {
        let expected: &[&str] = if somebody { &[] } else { &["dmp-product-subjects"] };
        for operation in ["CREATE", "UPDATE"] {
            let everywhere = bound("ClusterRoleBinding", "dmp-host", &[(kind, name)]);
            assert_eq!(ask(operation, "b", everywhere), expected, "{kind} {name}");
            let beside = bound(
                "RoleBinding",
                "dmp-group-admin",
                &[("User", "karim"), (kind, name)],
            );
            assert_eq!(ask(operation, "dmp-tanger/b", beside), expected, "{kind} {name}");
        }
        // Not ours to judge.
        let other = bound("ClusterRoleBinding", "view", &[(kind, name)]);
        assert_eq!(ask("CREATE", "b", other), [""; 0], "{kind} {name}");
    }
    assert_eq!(
        ask("CREATE", "b", bound("ClusterRoleBinding", "dmp-host", &[])),
        [""; 0]
    );
}

#[test]
fn who_gives_a_role_is_not_who_gets_it() {
    let give = |role: &str, subjects: &[(&str, &str)]| {
        let binding = bound("ClusterRoleBinding", role, subjects);
        let resource = "rbac.authorization.k8s.io:clusterrolebindings";
        let ask = Ask::new("CREATE", resource, "b").object(binding).installer();
        ask.by("karim").of_group("cloud-operations").denied()
    };
    assert_eq!(
        give("dmp-host", &[("User", "samira"), ("Group", "security")]),
        [""; 0]
    );
    // An account that is called like a person is none.
    assert_eq!(give("dmp-host", &[("ServiceAccount", "karim")]), [""; 0]);
    for own in [("User", "karim"), ("Group", "cloud-operations")] {
        assert_eq!(
            give("dmp-security", &[("User", "samira"), own]),
            ["dmp-product-givers"],
            "{own:?}"
        );
        assert_eq!(give("view", &[own]), [""; 0], "{own:?}");
    }
}

/// The same by an API server.
pub async fn subjects_on_a_server(server: &Server) {
    let administrator = server.administrator().await;
    let path = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings?dryRun=All";
    let karim = server
        .act_as("karim", &["cloud-operations", "system:masters"])
        .await;
    for own in [("User", "karim"), ("Group", "cloud-operations")] {
        let binding = bound("ClusterRoleBinding", "dmp-host", &[own]);
        karim.post(path, &binding).await.denied_by("somebody else does");
        administrator.post(path, &binding).await.passes();
    }
    for (kind, name, somebody) in SUBJECTS {
        let answer = administrator
            .post(path, &bound("ClusterRoleBinding", "dmp-host", &[(kind, name)]))
            .await;
        if somebody {
            answer.passes();
        } else {
            // Everybody is in system:authenticated: of two policies the API server says what one says.
            answer.denied_by("dmp-product-");
        }
        let other = bound("ClusterRoleBinding", "view", &[(kind, name)]);
        administrator.post(path, &other).await.passes();
    }
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
