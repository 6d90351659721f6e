//! What runs in the platform's namespaces, and as whom: what passes and what does not.

use serde_json::{Value, json};

use crate::admission::Ask;

const OPERATOR: &str = "system:serviceaccount:dmp-system:dmp-operator";
const CNPG: &str = "system:serviceaccount:cnpg-system:cnpg-manager";
const REPLICA_SETS: &str = "system:serviceaccount:kube-system:replicaset-controller";
const STATEFUL_SETS: &str = "system:serviceaccount:kube-system:statefulset-controller";
const JOBS: &str = "system:serviceaccount:kube-system:job-controller";

/// A pod as the operator's Deployment makes it.
fn pod(account: &str) -> Value {
    json!({
        "metadata": {
            "name": format!("{account}-7c9-x"),
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": format!("{account}-7c9"), "controller": true,
            }],
        },
        "spec": {
            "serviceAccountName": account,
            "containers": [{ "name": account, "image": "r/dmp:1", "command": ["dmp", account] }],
            "volumes": [{ "name": "tmp", "emptyDir": {} }],
        },
    })
}

fn create(namespace: &str, pod: Value, by: &str) -> Vec<String> {
    Ask::new("CREATE", "pods", &format!("{namespace}/"))
        .object(pod)
        .by(by)
        .installer()
        .denied()
}

/// `pod` with one thing changed.
fn changed(mut pod: Value, pointer: &str, to: Value) -> Value {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    let parent = pod.pointer_mut(parent).unwrap();
    match parent.as_array_mut() {
        Some(list) => list[field.parse::<usize>().unwrap()] = to,
        None => parent[field] = to,
    }
    pod
}

#[test]
fn a_service_runs_as_itself() {
    assert_eq!(create("dmp-tanger", pod("records"), REPLICA_SETS), [""; 0]);
    for account in ["registry", "consent", "audit", "portal", "gateway"] {
        assert_eq!(create("dmp-national", pod(account), REPLICA_SETS), [""; 0]);
    }
}

#[test]
fn a_pod_with_an_identity_is_not_made_by_people() {
    for user in [
        "person",
        OPERATOR,
        CNPG,
        "system:serviceaccount:kube-system:other",
    ] {
        assert_eq!(
            create("dmp-tanger", pod("records"), user),
            ["dmp-pod-makers"],
            "{user}"
        );
    }
    let lone = changed(pod("records"), "/metadata/ownerReferences", json!([]));
    assert_eq!(create("dmp-tanger", lone, REPLICA_SETS), ["dmp-pod-makers"]);
    let other_name = changed(pod("records"), "/metadata/name", json!("mine-7c9-x"));
    assert_eq!(create("dmp-tanger", other_name, REPLICA_SETS), ["dmp-pod-makers"]);
}

#[test]
fn a_pod_with_an_identity_shares_nothing_with_its_node() {
    for field in ["hostNetwork", "hostPID", "hostIPC"] {
        let shared = changed(pod("records"), &format!("/spec/{field}"), json!(true));
        assert_eq!(create("dmp-tanger", shared, REPLICA_SETS), ["dmp-pod-makers"]);
    }
    let path = json!([{ "name": "h", "hostPath": { "path": "/" } }]);
    let mounted = changed(pod("records"), "/spec/volumes", path);
    assert_eq!(create("dmp-tanger", mounted, REPLICA_SETS), ["dmp-pod-makers"]);
}

#[test]
fn a_data_reading_identity_runs_the_platforms_program() {
    let cases = [
        ("/spec/containers/0/image", json!("r/dmp:2")),
        ("/spec/containers/0/command", json!(["dmp", "gateway"])),
        ("/spec/containers/0/command", json!(["sh", "-c", "dmp records"])),
        ("/spec/containers/0/command", json!(["dmp"])),
        (
            "/spec/containers/0/lifecycle",
            json!({ "postStart": { "exec": { "command": ["sh"] } } }),
        ),
        (
            "/spec/initContainers",
            json!([{ "name": "i", "image": "r/dmp:1", "command": ["dmp", "records"] }]),
        ),
    ];
    for (field, value) in cases {
        let other = changed(pod("records"), field, value.clone());
        assert_eq!(
            create("dmp-tanger", other, REPLICA_SETS),
            ["dmp-pod-images"],
            "{field} {value}"
        );
    }
    let sidecar = json!([
        { "name": "records", "image": "r/dmp:1", "command": ["dmp", "records"] },
        { "name": "other", "image": "r/tools:1", "command": ["dmp", "records"] },
    ]);
    let joined = changed(pod("records"), "/spec/containers", sidecar);
    assert_eq!(create("dmp-tanger", joined, REPLICA_SETS), ["dmp-pod-images"]);
    let nobodys = Ask::new("CREATE", "pods", "dmp-tanger/")
        .object(pod("records"))
        .by(REPLICA_SETS);
    assert_eq!(
        nobodys.platform(None).denied(),
        ["dmp-pod-images"],
        "no platform says what it runs"
    );
}

#[test]
fn what_runs_is_what_was_signed() {
    let digest = "a".repeat(64);
    let signed = json!({ &digest: "r.ma/sante/tools" });
    let probe = |image: &str| {
        json!({
            "metadata": { "name": "p" },
            "spec": { "automountServiceAccountToken": false, "containers": [{ "name": "p", "image": image }] },
        })
    };
    let ask = |operation: &str, object: Value| {
        Ask::new(operation, "pods", "dmp-tanger/p")
            .object(object)
            .by("system:serviceaccount:dmp-system:dmp-operator")
    };
    let create = |image: &str| ask("CREATE", probe(image)).images(signed.clone()).denied();
    let good = format!("r.ma/sante/tools@sha256:{digest}");
    assert_eq!(create(&good), [""; 0]);
    assert_eq!(
        create(&good.replace('@', ":1.2-abc@")),
        [""; 0],
        "a tag is for people"
    );
    for foreign in [
        "r.ma/sante/tools:1.2-abc".to_owned(),
        format!("r.ma/sante/tools@sha256:{}", "b".repeat(64)),
        format!("r.ma/sante/tools-too@sha256:{digest}"),
        format!("elsewhere.fr/sante/tools@sha256:{digest}"),
        format!("r.ma/sante/tools@sha256:{}", &digest[1..]),
        format!("{digest}@sha256:"),
        String::new(),
    ] {
        assert_eq!(create(&foreign), ["dmp-pod-signed-images"], "{foreign}");
    }
    let beside = changed(
        probe(&good),
        "/spec/initContainers",
        json!([{ "name": "i", "image": "r/x:1" }]),
    );
    assert_eq!(
        ask("CREATE", beside.clone()).images(signed.clone()).denied(),
        ["dmp-pod-signed-images"]
    );
    // Nobody has signed a list yet; a list of nothing lets nothing in.
    assert_eq!(ask("CREATE", probe("r/x:1")).denied(), [""; 0]);
    assert_eq!(
        ask("CREATE", probe(&good)).images(json!({})).denied(),
        ["dmp-pod-signed-images"]
    );
    // What is there keeps its image, and gets no other one.
    let update = |old: &str, new: &str| {
        let update = ask("UPDATE", probe(new)).old(probe(old));
        let denied = update.images(signed.clone()).denied();
        denied.contains(&"dmp-pod-signed-images".to_owned())
    };
    assert!(!update("r/x:1", "r/x:1"));
    assert!(!update("r/x:1", &good));
    assert!(update(&good, "r/x:1"));
    let debug = changed(
        probe(&good),
        "/spec/ephemeralContainers",
        json!([{ "name": "e", "image": "r/x:1" }]),
    );
    let debug = Ask::new("UPDATE", "pods/ephemeralcontainers", "dmp-tanger/p")
        .object(debug)
        .old(probe(&good))
        .images(signed);
    assert!(debug.denied().contains(&"dmp-pod-signed-images".to_owned()));
}

#[test]
fn the_list_of_images_is_the_operators() {
    let ask = |operation: &str, user: &str| {
        Ask::new(operation, "configmaps", "dmp-system/admitted-images").by(user)
    };
    let operator = "system:serviceaccount:dmp-system:dmp-operator";
    let others = ["person", "system:serviceaccount:dmp-system:dmp-evaluator"];
    for operation in ["CREATE", "UPDATE", "DELETE"] {
        assert_eq!(ask(operation, operator).denied(), [""; 0], "{operation}");
        for other in others {
            assert_eq!(
                ask(operation, other).denied(),
                ["dmp-image-list"],
                "{operation} {other}"
            );
        }
    }
    // Whoever installs may take it away (all its signers are lost), and writes none.
    assert_eq!(ask("DELETE", "person").installer().denied(), [""; 0]);
    assert_eq!(ask("UPDATE", "person").installer().denied(), ["dmp-image-list"]);
    let elsewhere = Ask::new("UPDATE", "configmaps", "dmp-tanger/admitted-images");
    assert_eq!(elsewhere.denied(), [""; 0]);
}

#[test]
fn databases_are_made_by_cloudnative_pg() {
    let owner = |kind: &str, version: &str| json!([{ "apiVersion": version, "kind": kind, "name": "x", "controller": true }]);
    let instance = changed(
        changed(
            pod("records-database"),
            "/spec/containers/0/image",
            json!("r/pg:15"),
        ),
        "/metadata/ownerReferences",
        owner("Cluster", "postgresql.cnpg.io/v1"),
    );
    assert_eq!(create("dmp-tanger", instance.clone(), CNPG), [""; 0]);
    assert_eq!(
        create("dmp-tanger", instance.clone(), "person"),
        ["dmp-pod-makers"]
    );
    let job = changed(instance, "/metadata/ownerReferences", owner("Job", "batch/v1"));
    assert_eq!(create("dmp-tanger", job, JOBS), [""; 0]);
}

#[test]
fn in_dmp_system_too() {
    let operator = changed(
        pod("dmp-operator"),
        "/spec/containers/0/command",
        json!(["dmp-operator", "run"]),
    );
    assert_eq!(create("dmp-system", operator.clone(), REPLICA_SETS), [""; 0]);
    assert_eq!(
        create("dmp-system", operator.clone(), "person"),
        ["dmp-pod-makers"]
    );
    // Before there is a Platform.
    let first = Ask::new("CREATE", "pods", "dmp-system/")
        .object(operator)
        .by(REPLICA_SETS);
    assert_eq!(first.platform(None).denied(), [""; 0]);
    let openbao = changed(
        changed(pod("openbao"), "/metadata/name", json!("openbao-0")),
        "/metadata/ownerReferences",
        json!([{ "apiVersion": "apps/v1", "kind": "StatefulSet", "name": "openbao", "controller": true }]),
    );
    assert_eq!(create("dmp-system", openbao, STATEFUL_SETS), [""; 0]);
    for account in ["dmp-bootstrap", "dmp-demo"] {
        assert_eq!(
            create("dmp-system", pod(account), REPLICA_SETS),
            ["dmp-pod-makers"]
        );
    }
}

#[test]
fn other_pods_get_no_secret_and_no_volume() {
    let probe = changed(pod("network-probe"), "/metadata/ownerReferences", json!([]));
    assert_eq!(create("dmp-tanger", probe.clone(), OPERATOR), [""; 0]);
    let volumes = [
        json!({ "secret": { "secretName": "records-app" } }),
        json!({ "persistentVolumeClaim": { "claimName": "records-1" } }),
        json!({ "hostPath": { "path": "/" } }),
        json!({ "projected": { "sources": [{ "secret": { "name": "records-app" } }] } }),
        json!({ "csi": { "driver": "secrets" } }),
    ];
    for volume in volumes {
        let spied = changed(probe.clone(), "/spec/volumes", json!([volume]));
        assert_eq!(
            create("dmp-tanger", spied.clone(), "person"),
            ["dmp-pod-volumes"],
            "{volume}"
        );
        assert_eq!(create("default", spied, "person"), [""; 0]);
    }
    let token = json!([{ "projected": { "sources": [{ "serviceAccountToken": { "path": "t" } }, { "configMap": {} }] } }]);
    assert_eq!(
        create(
            "dmp-tanger",
            changed(probe.clone(), "/spec/volumes", token),
            "person"
        ),
        [""; 0]
    );
    let env = json!([{ "name": "P", "valueFrom": { "secretKeyRef": { "name": "records-app", "key": "password" } } }]);
    let spied = changed(probe.clone(), "/spec/containers/0/env", env);
    assert_eq!(create("dmp-tanger", spied, "person"), ["dmp-pod-volumes"]);
    let from = json!([{ "secretRef": { "name": "records-app" } }]);
    let spied = changed(probe.clone(), "/spec/containers/0/envFrom", from);
    assert_eq!(create("dmp-tanger", spied, "person"), ["dmp-pod-volumes"]);
    let plain = json!([{ "name": "P", "value": "v" }, { "name": "N", "valueFrom": { "fieldRef": { "fieldPath": "x" } } }]);
    assert_eq!(
        create(
            "dmp-tanger",
            changed(probe, "/spec/containers/0/env", plain),
            "person"
        ),
        [""; 0]
    );
}

#[test]
fn the_image_of_a_running_pod_stays() {
    let update = |new: Value| {
        Ask::new("UPDATE", "pods", "dmp-tanger/records-7c9-x")
            .object(new)
            .old(pod("records"))
            .denied()
    };
    assert_eq!(
        update(changed(pod("records"), "/metadata/labels", json!({ "a": "b" }))),
        [""; 0]
    );
    assert_eq!(
        update(changed(
            pod("records"),
            "/spec/containers/0/image",
            json!("r/other:1")
        )),
        ["dmp-pod-changes"]
    );
}

#[test]
fn the_scheduler_alone_says_where_a_pod_runs() {
    assert_eq!(create("dmp-tanger", pod("records"), REPLICA_SETS), [""; 0]);
    let placed = changed(pod("records"), "/spec/nodeName", json!("lyon-1"));
    assert_eq!(create("dmp-tanger", placed, REPLICA_SETS), ["dmp-pod-placement"]);
    let bind = |resource: &str, by: &str| {
        let target = json!({ "metadata": { "name": "records-7c9-x" }, "target": { "kind": "Node", "name": "lyon-1" } });
        Ask::new("CREATE", resource, "dmp-tanger/records-7c9-x")
            .object(target)
            .by(by)
            .installer()
            .denied()
    };
    for resource in ["pods/binding", "bindings"] {
        assert_eq!(bind(resource, "system:kube-scheduler"), [""; 0]);
        assert_eq!(bind(resource, "admin@host.example"), ["dmp-pod-binding"]);
    }
}

#[test]
fn workloads_are_written_by_who_makes_them() {
    let write = |operation: &str, resource: &str, place: &str, by: &str| {
        Ask::new(operation, resource, place).by(by).denied()
    };
    let deployments = "apps:deployments";
    let deployment_controller = "system:serviceaccount:kube-system:deployment-controller";
    for operation in ["CREATE", "UPDATE"] {
        assert_eq!(
            write(operation, deployments, "dmp-tanger/records", OPERATOR),
            [""; 0]
        );
        assert_eq!(
            write(
                operation,
                deployments,
                "dmp-tanger/records",
                deployment_controller
            ),
            [""; 0]
        );
        assert_eq!(
            write(operation, deployments, "dmp-tanger/records", "person"),
            ["dmp-workloads"]
        );
        assert_eq!(
            write(operation, "batch:jobs", "dmp-tanger/x", "person"),
            ["dmp-workloads"]
        );
        assert_eq!(
            write(operation, "batch:jobs", "dmp-tanger/records-1-initdb", CNPG),
            [""; 0]
        );
        assert_eq!(
            write(operation, "apps:replicasets", "dmp-tanger/x", "person"),
            ["dmp-workloads"]
        );
        // In dmp-system the installation, not the operator: who writes there could run anything as OpenBao.
        assert_eq!(
            write(operation, deployments, "dmp-system/dmp-operator", OPERATOR),
            ["dmp-workloads"]
        );
        let installer = Ask::new(operation, deployments, "dmp-system/dmp-operator").installer();
        assert_eq!(installer.denied(), [""; 0]);
        // A cluster administrator is no operator.
        let administrator = Ask::new(operation, deployments, "dmp-tanger/records").installer();
        assert_eq!(administrator.denied(), ["dmp-workloads"]);
    }
    assert_eq!(
        write("UPDATE", "apps:deployments/scale", "dmp-tanger/records", "person"),
        [""; 0]
    );
    assert_eq!(write("CREATE", deployments, "default/x", "person"), [""; 0]);
    assert_eq!(write("CREATE", deployments, "vendor-atlas/x", "person"), [""; 0]);
}

#[test]
fn services_believe_what_the_operator_writes() {
    let write = |place: &str, by: &str| {
        Ask::new("UPDATE", "configmaps", place)
            .by(by)
            .installer()
            .denied()
    };
    for name in ["dmp-trust", "records-config"] {
        assert_eq!(write(&format!("dmp-tanger/{name}"), OPERATOR), [""; 0]);
        assert_eq!(
            write(&format!("dmp-tanger/{name}"), "person"),
            ["dmp-configuration"]
        );
    }
    assert_eq!(write("dmp-tanger/kube-root-ca.crt", "person"), [""; 0]);
    assert_eq!(write("dmp-system/openbao-config", "person"), [""; 0]);
}

#[test]
fn a_database_is_not_copied_elsewhere() {
    for resource in [
        "clusters",
        "backups",
        "scheduledbackups",
        "poolers",
        "subscriptions",
    ] {
        let resource = format!("postgresql.cnpg.io:{resource}");
        let copy = |by: &str| {
            Ask::new("CREATE", &resource, "dmp-tanger/copy")
                .by(by)
                .installer()
                .denied()
        };
        assert_eq!(copy("person"), ["dmp-databases"]);
        assert_eq!(copy(OPERATOR), [""; 0]);
    }
    assert_eq!(
        Ask::new("CREATE", "postgresql.cnpg.io:clusters", "default/theirs").denied(),
        [""; 0]
    );
}
