//! NetworkPolicies: everything is denied, then each declared flow is opened on both sides.
//!
//! Flows are those of `docs/interfaces.md` ("Who calls what"). A network without enforcement ignores them: the
//! platform says so in its condition `NetworkPolicyEnforced`, from a probe of it.

use dmp_api::names::{NATIONAL_NAMESPACE, SYSTEM_NAMESPACE};
use dmp_api::platform::Telemetry;
use serde_json::{Value, json};

use super::{Object, ObjectKind, labels};
use crate::network_probe::{LISTENER, PORTS, PROBE};

/// CNPG's operator, as its manifests label it.
const CNPG_NAMESPACE: &str = "cnpg-system";

/// Who opens connections to see what is offered, and has neither certificate nor password for them ([`crate::tls_probe`]).
const TLS_PROBE: Peer = Peer::Service(SYSTEM_NAMESPACE, "dmp-operator");

/// Some pods: of a namespace, with a label.
#[derive(Clone, Debug)]
pub enum Peer {
    /// A service of ours, by namespace and `app.kubernetes.io/name`.
    Service(&'static str, &'static str),
    /// A service in the policy's own namespace.
    Own(&'static str),
    /// `records` of every group.
    EveryRecords,
    /// A database of the policy's own namespace.
    Database(&'static str),
    /// CNPG's operator.
    CnpgOperator,
    /// Addresses outside of the pods' network: the API server, issuers of log-ins. Not nodes, to every network.
    Anywhere,
}

impl Peer {
    fn selector(&self) -> Value {
        let namespace = |name: &str| json!({ "matchLabels": { "kubernetes.io/metadata.name": name } });
        let pods = |name: &str| json!({ "matchLabels": { "app.kubernetes.io/name": name } });
        match self {
            Self::Service(in_namespace, name) => {
                json!({ "namespaceSelector": namespace(in_namespace), "podSelector": pods(name) })
            }
            Self::Own(name) => json!({ "podSelector": pods(name) }),
            Self::EveryRecords => json!({
                "namespaceSelector": { "matchExpressions": [
                    { "key": dmp_api::names::GROUP_LABEL, "operator": "Exists" },
                ] },
                "podSelector": pods("records"),
            }),
            Self::Database(name) => json!({ "podSelector": { "matchLabels": { "cnpg.io/cluster": name } } }),
            Self::CnpgOperator => json!({
                "namespaceSelector": namespace(CNPG_NAMESPACE),
                "podSelector": pods("cloudnative-pg"),
            }),
            Self::Anywhere => json!({ "ipBlock": { "cidr": "0.0.0.0/0" } }),
        }
    }
}

/// From or to some pods, on ports; without peers, from or to everybody.
#[derive(Clone, Debug)]
pub struct Flow {
    pub peers: Vec<Peer>,
    pub ports: Vec<u16>,
}

/// A flow.
pub fn flow(peers: impl Into<Vec<Peer>>, ports: impl Into<Vec<u16>>) -> Flow {
    Flow {
        peers: peers.into(),
        ports: ports.into(),
    }
}

/// Nothing passes, in or out.
pub fn default_deny(namespace: &str, group: Option<&str>) -> Object {
    policy(
        namespace,
        "default-deny",
        group,
        json!({ "podSelector": {}, "policyTypes": ["Ingress", "Egress"] }),
    )
}

/// What every plane has: nothing passes, except names being looked up, the kubelet's and Prometheus' port 9090, 9187 of
/// the databases; and what the probe of the network's enforcement needs ([`crate::network_probe`]).
pub fn defaults(namespace: &str, group: Option<&str>) -> Vec<Object> {
    let dns = json!({
        "to": [{ "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": "kube-system" } } }],
        "ports": [{ "protocol": "UDP", "port": 53 }, { "protocol": "TCP", "port": 53 }],
    });
    vec![
        default_deny(namespace, group),
        policy(
            namespace,
            "dns",
            group,
            json!({
                "podSelector": {}, "policyTypes": ["Egress"], "egress": [dns],
            }),
        ),
        policy(
            namespace,
            "health",
            group,
            json!({
                "podSelector": { "matchLabels": { "app.kubernetes.io/managed-by": "dmp-operator" } },
                "policyTypes": ["Ingress"],
                "ingress": [{ "ports": [{ "protocol": "TCP", "port": 9090 }] }],
            }),
        ),
        policy(
            namespace,
            "database-metrics",
            group,
            json!({
                "podSelector": { "matchExpressions": [{ "key": "dmp.ma/database", "operator": "Exists" }] },
                "policyTypes": ["Ingress"],
                "ingress": [{ "ports": [{ "protocol": "TCP", "port": 9187 }] }],
            }),
        ),
        probe(
            namespace,
            PROBE,
            group,
            "Egress",
            "egress",
            ("to", LISTENER),
            [PORTS.open, PORTS.no_entry],
        ),
        probe(
            namespace,
            LISTENER,
            group,
            "Ingress",
            "ingress",
            ("from", PROBE),
            [PORTS.open, PORTS.no_exit],
        ),
    ]
}

/// One side of the probe: `name`'s ports to or from its counterpart. Each side lets a port pass that the other does not.
fn probe(
    namespace: &str,
    name: &'static str,
    group: Option<&str>,
    policy_type: &str,
    field: &str,
    (direction, other): (&str, &'static str),
    ports: [u16; 2],
) -> Object {
    policy(
        namespace,
        name,
        group,
        json!({
            "podSelector": { "matchLabels": { "app.kubernetes.io/name": name } },
            "policyTypes": [policy_type],
            field: rules(direction, &[flow([Peer::Own(other)], ports)]),
        }),
    )
}

/// A service: who may call it on 8443, whom it calls. Its databases and OpenBao are added here.
pub fn service(
    namespace: &str,
    name: &str,
    group: Option<&str>,
    ingress: &[Flow],
    egress: &[Flow],
    databases: &[&'static str],
) -> Object {
    let mut out: Vec<Flow> = vec![flow([Peer::Service(SYSTEM_NAMESPACE, "openbao")], [8200])];
    out.extend(
        databases
            .iter()
            .map(|database| flow([Peer::Database(database)], [5432])),
    );
    out.extend(egress.iter().cloned());
    policy(
        namespace,
        name,
        group,
        json!({
            "podSelector": { "matchLabels": { "app.kubernetes.io/name": name } },
            "policyTypes": ["Ingress", "Egress"],
            "ingress": rules("from", ingress),
            "egress": rules("to", &out),
        }),
    )
}

/// A database: its service, its own instances and the probe of TLS on 5432, CNPG's operator on the instance manager (8000) and 5432;
/// the instance manager talks to the API server (6443 or 443, on a node).
pub fn database(namespace: &str, name: &'static str, service: &'static str, group: Option<&str>) -> Object {
    policy(
        namespace,
        &format!("{name}-database"),
        group,
        json!({
            "podSelector": { "matchLabels": { "cnpg.io/cluster": name } },
            "policyTypes": ["Ingress", "Egress"],
            "ingress": rules("from", &[
                flow([Peer::Own(service), Peer::Database(name), TLS_PROBE], [5432]),
                flow([Peer::Database(name)], [8000]),
                flow([Peer::CnpgOperator], [5432, 8000]),
            ]),
            "egress": rules("to", &[
                flow([Peer::Database(name)], [5432, 8000]),
                flow([Peer::Anywhere], [443, 6443]),
            ]),
        }),
    )
}

/// Services may reach the collector of traces: in its Service's namespace, or anywhere on its port when it has another
/// name. None when there is no collector, or its address cannot be read.
pub fn telemetry(namespace: &str, group: Option<&str>, telemetry: Option<&Telemetry>) -> Option<Object> {
    let url: url::Url = telemetry?.otlp_endpoint.parse().ok()?;
    let port = url.port_or_known_default()?;
    let in_cluster = url.host_str()?.split_once('.').and_then(|(_, rest)| {
        let (of, rest) = rest.split_once('.')?;
        (rest == "svc" || rest.starts_with("svc.")).then(|| of.to_owned())
    });
    let peer = match in_cluster {
        Some(of) => json!({ "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": of } } }),
        None => Peer::Anywhere.selector(),
    };
    Some(policy(
        namespace,
        "telemetry",
        group,
        json!({
            "podSelector": { "matchLabels": { "app.kubernetes.io/managed-by": "dmp-operator" } },
            "policyTypes": ["Egress"],
            "egress": [{ "to": [peer], "ports": [{ "protocol": "TCP", "port": port }] }],
        }),
    ))
}

/// The policies of the national services.
pub fn national() -> Vec<Object> {
    let here = NATIONAL_NAMESPACE;
    let every_records = || flow([Peer::EveryRecords], [8443]);
    let mut policies = defaults(here, None);
    policies.push(service(
        here,
        "registry",
        None,
        &[flow(
            [
                Peer::Own("gateway"),
                Peer::Own("consent"),
                Peer::Own("audit"),
                Peer::Own("portal"),
                Peer::EveryRecords,
                TLS_PROBE,
            ],
            [8443],
        )],
        &[],
        &["registry"],
    ));
    policies.push(service(
        here,
        "consent",
        None,
        &[flow(
            [
                Peer::Own("gateway"),
                Peer::Own("audit"),
                Peer::EveryRecords,
                TLS_PROBE,
            ],
            [8443],
        )],
        &[flow([Peer::Own("registry")], [8443])],
        &["consent"],
    ));
    policies.push(service(
        here,
        "audit",
        None,
        // The last two write into its log what they do; the last one is the probe of TLS as well.
        &[flow(
            [
                Peer::Own("gateway"),
                Peer::Own("portal"),
                Peer::Service(SYSTEM_NAMESPACE, "dmp-operator"),
            ],
            [8443],
        )],
        &[
            flow([Peer::Own("registry"), Peer::Own("consent")], [8443]),
            every_records(),
        ],
        &["audit"],
    ));
    policies.push(service(
        here,
        "portal",
        None,
        &[flow([Peer::Own("gateway"), TLS_PROBE], [8443])],
        // It writes what people ask for at the guichet: the API server, on a node.
        &[
            flow([Peer::Own("registry"), Peer::Own("audit")], [8443]),
            flow([Peer::Anywhere], [443, 6443]),
        ],
        &[],
    ));
    policies.push(service(
        here,
        "gateway",
        None,
        // Everybody. Not `Anywhere`: what comes through the port of another node has that node's address, which networks do
        // not all count among an `ipBlock` (Cilium).
        &[flow([], [9443, 9444]), flow([TLS_PROBE], [8443])],
        &[
            flow(
                [
                    Peer::Own("registry"),
                    Peer::Own("consent"),
                    Peer::Own("audit"),
                    Peer::Own("portal"),
                ],
                [8443],
            ),
            every_records(),
            flow([Peer::Service(SYSTEM_NAMESPACE, "dmp-operator")], [8443]),
            // Issuers of log-ins.
            flow([Peer::Anywhere], [443]),
        ],
        &[],
    ));
    for name in dmp_api::names::NATIONAL_DATABASES {
        policies.push(database(here, name, name, None));
    }
    policies
}

/// The policies of a group.
pub fn group(namespace: &str, group: &str) -> Vec<Object> {
    let mut policies = defaults(namespace, Some(group));
    policies.push(service(
        namespace,
        "records",
        Some(group),
        &[flow(
            [
                Peer::Service(NATIONAL_NAMESPACE, "gateway"),
                Peer::Service(NATIONAL_NAMESPACE, "audit"),
                TLS_PROBE,
            ],
            [8443],
        )],
        &[flow(
            [
                Peer::Service(NATIONAL_NAMESPACE, "registry"),
                Peer::Service(NATIONAL_NAMESPACE, "consent"),
            ],
            [8443],
        )],
        &dmp_api::names::GROUP_DATABASES,
    ));
    for name in dmp_api::names::GROUP_DATABASES {
        policies.push(database(namespace, name, "records", Some(group)));
    }
    policies
}

fn policy(namespace: &str, name: &str, group: Option<&str>, spec: Value) -> Object {
    Object::new(
        ObjectKind::NetworkPolicy,
        Some(namespace),
        name,
        json!({ "metadata": { "labels": labels(name, group) }, "spec": spec }),
    )
}

fn rules(direction: &str, flows: &[Flow]) -> Value {
    let rules = flows.iter().map(|flow| {
        let peers: Vec<Value> = flow.peers.iter().map(Peer::selector).collect();
        let ports: Vec<Value> = flow
            .ports
            .iter()
            .map(|port| json!({ "protocol": "TCP", "port": port }))
            .collect();
        if peers.is_empty() {
            json!({ "ports": ports })
        } else {
            json!({ direction: peers, "ports": ports })
        }
    });
    Value::Array(rules.collect())
}

#[cfg(test)]
mod tests;
