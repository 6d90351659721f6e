//! What is broken, and who should answer. A breach more is an entry more.

use std::collections::BTreeMap;

use dmp_api::{Asset, Mode};
use serde_json::{Value, json};

/// One thing that somebody does.
#[derive(Clone, Debug)]
pub struct Breach {
    /// Stable, kebab case.
    pub id: &'static str,
    /// In French, for the table.
    pub title: &'static str,
    pub control: &'static str,
    pub act: Act,
}

/// What is done. Objects are whole, or kind and name where they exist.
#[derive(Clone, Debug)]
pub enum Act {
    /// Made in a dry run: refused.
    Make(Value),
    /// Deleted in a dry run: refused.
    Delete(Value),
    /// Deleted: it comes back by itself.
    TakeAway(Value),
    /// Changed by a merge patch: changed back by itself.
    Change { object: Value, patch: Value },
    /// Made and left there: the evaluator sees it.
    Leave { made: Vec<Value>, seen: Seen },
    /// Changed by a merge patch: the evaluator sees it.
    Soften { object: Value, patch: Value, seen: Seen },
}

/// What the evidence of a check has in it while it is broken.
#[derive(Clone, Debug)]
pub struct Seen {
    pub check: &'static str,
    /// Part of an item of a list in the check's inputs.
    pub item: Value,
}

/// All of them, on the namespace of this group; what is made is named after the run.
pub fn breaches(group: &str, run: &str) -> Vec<Breach> {
    let plane = format!("dmp-{group}");
    let mut all = Vec::from(refused(group, &plane, run));
    all.extend(put_back(&plane));
    all.extend(reported(run));
    all
}

fn breach(id: &'static str, control: &'static str, title: &'static str, act: Act) -> Breach {
    Breach {
        id,
        title,
        control,
        act,
    }
}

fn refused(group: &str, plane: &str, run: &str) -> [Breach; 6] {
    let name = format!("drill-{run}");
    // Nothing is refused for want of these.
    let labels = Asset::of_group(group, Mode::Production).labels();
    let labels: BTreeMap<_, _> = labels.into();
    let make = |api: &str, kind: &str, spec: Value| {
        Act::Make(json!({
            "apiVersion": api, "kind": kind, "metadata": { "name": name, "namespace": plane, "labels": labels },
            "spec": spec,
        }))
    };
    let node_port = json!({ "type": "NodePort", "selector": { "app.kubernetes.io/name": "records" }, "ports": [{ "port": 8443 }] });
    let ingress = json!({ "rules": [{ "host": "records.example.ma", "http": { "paths": [{
        "path": "/", "pathType": "Prefix", "backend": { "service": { "name": "records", "port": { "number": 8443 } } },
    }] } }] });
    let mut on_node = pod(
        "default",
        "registry.example.ma/tool@sha256:0000000000000000000000000000000000000000000000000000000000000000",
    );
    on_node["hostNetwork"] = json!(true);
    let foreign = pod("records", "registry.example.ma/records-patched:latest");
    let copy = json!({
        "instances": 1, "storage": { "size": "1Gi" },
        "bootstrap": { "pg_basebackup": { "source": "records" } },
        "externalClusters": [{ "name": "records", "connectionParameters": { "host": "records-rw", "user": "streaming_replica" } }],
    });
    [
        breach(
            "port-open",
            "DMP-NET-02",
            "un port ouvert sur les nœuds",
            make("v1", "Service", node_port),
        ),
        breach(
            "ingress",
            "DMP-NET-02",
            "une entrée à côté de la passerelle",
            make("networking.k8s.io/v1", "Ingress", ingress),
        ),
        breach(
            "host-network",
            "DMP-WRK-01",
            "un pod sur le réseau du nœud",
            make("v1", "Pod", on_node),
        ),
        breach(
            "foreign-image",
            "DMP-WRK-02",
            "une autre image sous l'identité de records",
            make("v1", "Pod", foreign),
        ),
        breach(
            "volume-copied",
            "DMP-RES-02",
            "une copie de la base, ailleurs",
            make("postgresql.cnpg.io/v1", "Cluster", copy),
        ),
        breach(
            "namespace-deleted",
            "DMP-PRI-07",
            "l'espace du groupe effacé",
            Act::Delete(json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": plane } })),
        ),
    ]
}

/// As Pod Security wants it.
fn pod(account: &str, image: &str) -> Value {
    json!({
        "serviceAccountName": account,
        "automountServiceAccountToken": false,
        "securityContext": { "runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": { "type": "RuntimeDefault" } },
        "containers": [{
            "name": "drill", "image": image, "command": ["dmp", "records"],
            "securityContext": { "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } },
            "resources": { "requests": { "cpu": "1m", "memory": "1Mi" }, "limits": { "cpu": "1m", "memory": "1Mi" } },
        }],
    })
}

fn put_back(plane: &str) -> [Breach; 5] {
    let policy = |name: &str| {
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": { "name": name, "namespace": plane },
        })
    };
    let change = |object: Value, patch: Value| Act::Change { object, patch };
    [
        breach(
            "policy-removed",
            "DMP-NET-01",
            "le refus par défaut retiré",
            Act::TakeAway(policy("default-deny")),
        ),
        breach(
            "flow-widened",
            "DMP-NET-03",
            "records ouvert à tout le réseau",
            change(policy("records"), json!({ "spec": { "ingress": [{}] } })),
        ),
        breach(
            "isolation-weakened",
            "DMP-WRK-01",
            "l'isolation des pods affaiblie",
            change(
                json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": plane } }),
                json!({ "metadata": { "labels": { "pod-security.kubernetes.io/enforce": "privileged" } } }),
            ),
        ),
        breach(
            "token-by-default",
            "DMP-IAM-04",
            "un jeton du cluster donné à records",
            change(
                json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "records", "namespace": plane } }),
                json!({ "automountServiceAccountToken": true }),
            ),
        ),
        breach(
            "report-forged",
            "DMP-GOV-04",
            "le rapport embelli à la main",
            change(
                json!({ "apiVersion": "openreports.io/v1alpha1", "kind": "ClusterReport", "metadata": { "name": "dmp-controls" } }),
                json!({ "summary": { "pass": 5900 } }),
            ),
        ),
    ]
}

fn reported(run: &str) -> [Breach; 3] {
    let name = format!("dmp-drill-{run}");
    // An account in a namespace that is not there: nobody can be it.
    let account = json!([{ "kind": "ServiceAccount", "name": "drill", "namespace": name }]);
    let subject = json!({ "subject": format!("{name}/drill") });
    let rbac = "rbac.authorization.k8s.io/v1";
    let bound = |suffix: &str, role: &str| {
        json!({
            "apiVersion": rbac, "kind": "ClusterRoleBinding", "metadata": { "name": format!("{name}{suffix}") },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role }, "subjects": account,
        })
    };
    // Every verb, on a resource that does not exist.
    let role = json!({
        "apiVersion": rbac, "kind": "ClusterRole", "metadata": { "name": name },
        "rules": [{ "apiGroups": ["drill.dmp.ma"], "resources": ["drills"], "verbs": ["*"] }],
    });
    [
        breach(
            "rights-widened",
            "DMP-IAM-01",
            "tous les droits donnés à un automate",
            Act::Leave {
                made: vec![role, bound("", &name)],
                seen: Seen {
                    check: "grants",
                    item: subject,
                },
            },
        ),
        breach(
            "incompatible-roles",
            "DMP-IAM-03",
            "hébergeur et sécurité en une main",
            Act::Leave {
                made: vec![bound("-host", "dmp-host"), bound("-security", "dmp-security")],
                seen: Seen {
                    check: "pairs",
                    item: json!({ "subject": format!("{name}/drill"), "roles": "dmp-host+dmp-security" }),
                },
            },
        ),
        breach(
            "rule-softened",
            "DMP-WRK-05",
            "une règle d'admission qui n'avertit plus que",
            Act::Soften {
                object: json!({
                    "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding",
                    "metadata": { "name": "dmp-ingresses" },
                }),
                patch: json!({ "spec": { "validationActions": ["Warn"] } }),
                seen: Seen {
                    check: "policies",
                    item: json!({ "name": "dmp-ingresses", "bound": false }),
                },
            },
        ),
    ]
}
