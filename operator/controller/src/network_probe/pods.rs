//! The two pods of a namespace's probe, and what is tried. Pure.
//!
//! Their ServiceAccount has no right and no token; they hold nothing and end by themselves.

use dmp_api::names::{GROUP_DATABASES, NATIONAL_DATABASES, NATIONAL_NAMESPACE, SYSTEM_NAMESPACE};
use serde_json::{Value, json};

use super::schedule::Wanted;
use crate::plane::{Object, ObjectKind, labels, service};

/// Name of the pod that connects, of its label, and of both pods' ServiceAccount.
pub const PROBE: &str = "network-probe";
/// Name of the pod that is connected to.
pub const LISTENER: &str = "network-probe-listener";

/// The listener's ports, by what the policies say about them.
pub struct Ports {
    /// May be left and entered.
    pub open: u16,
    /// May be left, not entered.
    pub no_entry: u16,
    /// May be entered, not left.
    pub no_exit: u16,
}

pub const PORTS: Ports = Ports {
    open: 7001,
    no_entry: 7002,
    no_exit: 7003,
};

/// Seconds after which the kubelet ends a pod of ours, whatever became of the operator.
const DEADLINE: i64 = 120;

/// Whom the probe must not reach, as `(name, host:port)`. `other`: the namespace of some other group.
fn forbidden(namespace: &str, wanted: &Wanted, other: Option<&str>) -> Vec<(String, String)> {
    let target = |service: &str, namespace: &str, port: u16| {
        (
            format!("{service}.{namespace}"),
            format!("{service}.{namespace}.svc:{port}"),
        )
    };
    let mut targets: Vec<_> = ["registry", "consent", "audit", "portal"]
        .iter()
        .map(|name| target(name, NATIONAL_NAMESPACE, 8443))
        .collect();
    let databases: &[&str] = match wanted.group {
        Some(_) => &GROUP_DATABASES,
        None => &NATIONAL_DATABASES,
    };
    targets.extend(
        databases
            .iter()
            .map(|cluster| target(&format!("{cluster}-rw"), namespace, 5432)),
    );
    if wanted.group.is_some() {
        targets.push(target("records", namespace, 8443));
    }
    targets.extend(other.map(|other| target("records", other, 8443)));
    targets.push(target("openbao", SYSTEM_NAMESPACE, 8200));
    targets.push(target("kubernetes", "default", 443));
    targets
}

/// The pod that listens.
pub fn listener(namespace: &str, wanted: &Wanted) -> Object {
    let mut command = vec!["dmp".to_owned(), "probe".to_owned(), "listen".to_owned()];
    for port in [PORTS.open, PORTS.no_entry, PORTS.no_exit] {
        command.push(format!("--port={port}"));
    }
    pod(namespace, LISTENER, wanted, &command)
}

/// The pod that connects; `address` is the listener's.
pub fn probe(namespace: &str, wanted: &Wanted, address: &str, other: Option<&str>) -> Object {
    let host = if address.contains(':') {
        format!("[{address}]")
    } else {
        address.to_owned()
    };
    let mut command = vec![
        "dmp".to_owned(),
        "probe".to_owned(),
        "connect".to_owned(),
        format!("--allow=allowed={host}:{}", PORTS.open),
        format!("--deny=ingress={host}:{}", PORTS.no_entry),
        format!("--deny=egress={host}:{}", PORTS.no_exit),
    ];
    for (name, address) in forbidden(namespace, wanted, other) {
        command.push(format!("--deny={name}={address}"));
    }
    pod(namespace, PROBE, wanted, &command)
}

fn pod(namespace: &str, name: &str, wanted: &Wanted, command: &[String]) -> Object {
    Object::new(
        ObjectKind::Pod,
        Some(namespace),
        name,
        json!({
            "metadata": { "labels": labels(name, wanted.group.as_deref()) },
            "spec": {
                "serviceAccountName": PROBE,
                "automountServiceAccountToken": false,
                "enableServiceLinks": false,
                "restartPolicy": "Never",
                "activeDeadlineSeconds": DEADLINE,
                "terminationGracePeriodSeconds": 1,
                "securityContext": service::pod_security(),
                "containers": [{
                    "name": "probe",
                    "image": wanted.image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": command,
                    "securityContext": service::container_security(),
                    "resources": {
                        "requests": { "cpu": "10m", "memory": "16Mi" },
                        "limits": { "memory": "64Mi" },
                    },
                }],
            },
        }),
    )
}

/// Address of a pod whose containers run.
pub fn running(pod: &Object) -> Option<String> {
    (pod.text("/status/phase") == Some("Running"))
        .then(|| pod.text("/status/podIP"))
        .flatten()
        .map(ToOwned::to_owned)
}

/// What a pod that has ended left behind; `None` while it has not.
pub fn ended(pod: &Object) -> Option<String> {
    let phase = pod.text("/status/phase")?;
    if phase != "Succeeded" && phase != "Failed" {
        return None;
    }
    let message = pod.text("/status/containerStatuses/0/state/terminated/message");
    Some(message.unwrap_or_default().to_owned())
}

/// Why a pod does not run yet, as the kubelet or the scheduler has it.
pub fn obstacle(pod: Option<&Object>) -> String {
    let Some(pod) = pod else {
        return "it is not there".to_owned();
    };
    if let Some(reason) = pod.text("/status/containerStatuses/0/state/waiting/reason") {
        return reason.to_owned();
    }
    let conditions = pod.body.pointer("/status/conditions").and_then(Value::as_array);
    conditions
        .into_iter()
        .flatten()
        .find(|condition| condition["status"] == "False")
        .and_then(|condition| condition["reason"].as_str())
        .or_else(|| pod.text("/status/phase"))
        .unwrap_or("no node has taken it")
        .to_owned()
}
