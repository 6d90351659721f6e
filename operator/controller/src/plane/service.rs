//! One of our services in Kubernetes: Deployment, Service, disruption budget.

use dmp_api::Asset;
use serde_json::{Value, json};

use super::{Object, ObjectKind, labels, with_asset};
use crate::placement;

/// A service of the one binary `dmp`.
#[derive(Clone, Copy, Debug)]
pub struct Workload<'a> {
    pub namespace: &'a str,
    /// Also ServiceAccount, Service and subcommand of `dmp`.
    pub name: &'a str,
    pub group: Option<&'a str>,
    pub asset: &'a Asset,
    pub image: &'a str,
    pub replicas: i32,
    /// CNPG clusters whose credentials are mounted.
    pub databases: &'a [&'a str],
    /// SHA-256 of what the pods read at start.
    pub config_hash: &'a str,
    /// Ports 9443 and 9444 of the gateway, and a folder that outlives its process.
    pub public: bool,
    /// Whether it speaks to the API server.
    pub cluster: bool,
    pub memory_limit: &'a str,
    /// Where its pods may run; anywhere when absent.
    pub nodes: Option<&'a [String]>,
}

/// What a node that is gone is tainted with. A pod of ours leaves it after 20 s instead of Kubernetes' five minutes: it has no state
/// that a second one could harm. Not sooner: the databases that were primary there are taken over meanwhile, and a node that starts
/// pods has no processor for that (docs/decisions/0007).
const LOST_NODE: [&str; 2] = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];
const LOST_NODE_SECONDS: i64 = 20;

/// User and group of the image.
const USER: i64 = 65532;

/// What Pod Security `restricted` asks of a pod.
pub fn pod_security() -> Value {
    json!({
        "runAsNonRoot": true, "runAsUser": USER, "runAsGroup": USER, "fsGroup": USER,
        "seccompProfile": { "type": "RuntimeDefault" },
    })
}

/// What Pod Security `restricted` asks of a container, and a root that cannot be written.
pub fn container_security() -> Value {
    json!({
        "allowPrivilegeEscalation": false,
        "readOnlyRootFilesystem": true,
        "capabilities": { "drop": ["ALL"] },
    })
}

/// Renders the Deployment: no privilege, read-only root, nothing but memory to write on.
pub fn deployment(workload: &Workload<'_>) -> Object {
    let labels = labels(workload.name, workload.group);
    let mut ports = vec![
        json!({ "name": "https", "containerPort": 8443 }),
        json!({ "name": "health", "containerPort": 9090 }),
    ];
    if workload.public {
        ports.push(json!({ "name": "public", "containerPort": 9443 }));
        ports.push(json!({ "name": "guichet", "containerPort": 9444 }));
    }
    let probe = |path: &str| json!({ "path": path, "port": "health" });
    let mut deployment = Object::new(
        ObjectKind::Deployment,
        Some(workload.namespace),
        workload.name,
        json!({
            "metadata": { "labels": labels },
            "spec": {
                "replicas": workload.replicas,
                "revisionHistoryLimit": 3,
                "selector": { "matchLabels": { "app.kubernetes.io/name": workload.name } },
                "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxUnavailable": 0, "maxSurge": 1 } },
                "template": {
                    "metadata": {
                        "labels": labels,
                        "annotations": { dmp_api::names::CONFIG_HASH_ANNOTATION: workload.config_hash },
                    },
                    "spec": {
                        "serviceAccountName": workload.name,
                        "automountServiceAccountToken": false,
                        "enableServiceLinks": false,
                        "terminationGracePeriodSeconds": 30,
                        "tolerations": LOST_NODE.map(|key| json!({
                            "key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": LOST_NODE_SECONDS,
                        })),
                        "securityContext": pod_security(),
                        "topologySpreadConstraints": [{
                            "maxSkew": 1,
                            "topologyKey": "kubernetes.io/hostname",
                            "whenUnsatisfiable": "ScheduleAnyway",
                            "labelSelector": { "matchLabels": { "app.kubernetes.io/name": workload.name } },
                        }],
                        "containers": [{
                            "name": workload.name,
                            "image": workload.image,
                            "imagePullPolicy": "IfNotPresent",
                            "command": ["dmp", workload.name],
                            "ports": ports,
                            "startupProbe": { "httpGet": probe("/livez"), "periodSeconds": 1, "failureThreshold": 60 },
                            "livenessProbe": { "httpGet": probe("/livez"), "periodSeconds": 10, "failureThreshold": 3 },
                            "readinessProbe": {
                                "httpGet": probe("/readyz"), "periodSeconds": 2, "timeoutSeconds": 3, "failureThreshold": 2,
                            },
                            "resources": {
                                "requests": { "cpu": "20m", "memory": "64Mi" },
                                "limits": { "memory": workload.memory_limit },
                            },
                            "securityContext": container_security(),
                            "volumeMounts": mounts(workload),
                        }],
                        "volumes": volumes(workload),
                    },
                },
            },
        }),
    );
    let pod = deployment.body.pointer_mut("/spec/template/spec");
    if let (Some(nodes), Some(pod)) = (workload.nodes, pod.and_then(Value::as_object_mut)) {
        pod.insert(
            "affinity".to_owned(),
            json!({ "nodeAffinity": placement::affinity(nodes) }),
        );
    }
    deployment
}

fn mounts(workload: &Workload<'_>) -> Vec<Value> {
    let read_only = |name: &str, path: &str| json!({ "name": name, "mountPath": path, "readOnly": true });
    let mut mounts = vec![
        // The folder, not a `subPath`: a changed ConfigMap must reach the process.
        read_only("config", "/etc/dmp"),
        json!({ "name": "tmp", "mountPath": "/tmp" }),
        read_only("openbao", "/var/run/dmp/openbao"),
    ];
    if workload.public {
        mounts.push(json!({ "name": "state", "mountPath": "/var/lib/dmp" }));
    }
    if workload.cluster {
        mounts.push(read_only(
            "kubernetes",
            "/var/run/secrets/kubernetes.io/serviceaccount",
        ));
    }
    mounts
}

/// `/etc/dmp` is one projected volume: `config.toml`, `trust/`, `db/<cluster>/`, `db/<cluster>-ca/`.
fn volumes(workload: &Workload<'_>) -> Vec<Value> {
    let trust = super::trust::FILES.map(|file| json!({ "key": file, "path": format!("trust/{file}") }));
    let mut sources = vec![
        json!({ "configMap": {
            "name": format!("{}-config", workload.name),
            "items": [{ "key": "config.toml", "path": "config.toml" }],
        } }),
        json!({ "configMap": { "name": "dmp-trust", "items": trust } }),
    ];
    for database in workload.databases {
        let credentials =
            ["username", "password"].map(|key| json!({ "key": key, "path": format!("db/{database}/{key}") }));
        sources.push(json!({ "secret": { "name": format!("{database}-app"), "items": credentials } }));
        // The CA's certificate alone: its private key is in the same Secret.
        sources.push(json!({ "secret": {
            "name": format!("{database}-ca"),
            "items": [{ "key": "ca.crt", "path": format!("db/{database}-ca/ca.crt") }],
        } }));
    }
    let mut volumes = vec![
        json!({ "name": "config", "projected": { "defaultMode": 0o440, "sources": sources } }),
        json!({ "name": "tmp", "emptyDir": { "medium": "Memory", "sizeLimit": "64Mi" } }),
        json!({ "name": "openbao", "projected": { "defaultMode": 0o440, "sources": [
            { "serviceAccountToken": {
                "audience": dmp_api::openbao::AUDIENCE, "expirationSeconds": 600, "path": "token",
            } },
        ] } }),
    ];
    if workload.public {
        volumes.push(json!({ "name": "state", "emptyDir": { "sizeLimit": "16Mi" } }));
    }
    if workload.cluster {
        // What Kubernetes would mount by itself, with a token that lives for ten minutes.
        volumes.push(json!({ "name": "kubernetes", "projected": { "defaultMode": 0o440, "sources": [
            { "serviceAccountToken": { "expirationSeconds": 600, "path": "token" } },
            { "configMap": { "name": "kube-root-ca.crt", "items": [{ "key": "ca.crt", "path": "ca.crt" }] } },
            { "downwardAPI": { "items": [
                { "path": "namespace", "fieldRef": { "apiVersion": "v1", "fieldPath": "metadata.namespace" } },
            ] } },
        ] } }));
    }
    volumes
}

/// Renders the Service; node ports open the public port and the guichet's on every node.
pub fn service(workload: &Workload<'_>, node_port: Option<i32>, guichet_node_port: Option<i32>) -> Object {
    let mut ports = vec![json!({ "name": "https", "port": 8443, "targetPort": "https" })];
    if workload.public {
        for (name, number, node_port) in [("public", 9443, node_port), ("guichet", 9444, guichet_node_port)] {
            let mut public = json!({ "name": name, "port": number, "targetPort": name });
            if let (Some(port), Some(map)) = (node_port, public.as_object_mut()) {
                map.insert("nodePort".to_owned(), json!(port));
            }
            ports.push(public);
        }
    }
    let kind = if workload.public && node_port.or(guichet_node_port).is_some() {
        "NodePort"
    } else {
        "ClusterIP"
    };
    Object::new(
        ObjectKind::Service,
        Some(workload.namespace),
        workload.name,
        json!({
            "metadata": { "labels": with_asset(labels(workload.name, workload.group), workload.asset) },
            "spec": {
                "type": kind,
                "selector": { "app.kubernetes.io/name": workload.name },
                "ports": ports,
            },
        }),
    )
}

/// At most one pod of the service is taken away on purpose at a time. Not under the service's own name: CloudNativePG makes
/// budgets `<database>` and `<database>-primary` from two instances on, and a database has the name of its service.
pub fn disruption_budget(workload: &Workload<'_>) -> Object {
    Object::new(
        ObjectKind::PodDisruptionBudget,
        Some(workload.namespace),
        &format!("{}-service", workload.name),
        json!({
            "metadata": { "labels": labels(workload.name, workload.group) },
            "spec": {
                "maxUnavailable": 1,
                "selector": { "matchLabels": { "app.kubernetes.io/name": workload.name } },
            },
        }),
    )
}

/// Whether some pod of a Deployment answers, be it of the version before.
pub fn serves(deployment: &Object) -> bool {
    deployment.integer("/status/availableReplicas") > 0
}

/// Whether the newest pods of a Deployment are all up.
pub fn is_ready(deployment: &Object) -> bool {
    let wanted = deployment.integer("/spec/replicas");
    deployment.integer("/status/observedGeneration") >= deployment.integer("/metadata/generation")
        && wanted > 0
        && deployment.integer("/status/updatedReplicas") >= wanted
        && deployment.integer("/status/availableReplicas") >= wanted
}
