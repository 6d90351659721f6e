//! Who may reach whom, as it is rendered.

#![allow(clippy::unwrap_used)]

use super::*;

fn egress(endpoint: &str) -> Value {
    let collector = Telemetry {
        otlp_endpoint: endpoint.to_owned(),
        sample_percent: 10,
    };
    let policy = telemetry("dmp-a", Some("a"), Some(&collector)).unwrap();
    policy.body.pointer("/spec/egress").cloned().unwrap()
}

#[test]
fn solutions_come_from_everywhere_other_nodes_included() {
    let policies = national();
    let gateway = policies.iter().find(|policy| policy.name == "gateway").unwrap();
    let ingress = gateway.body.pointer("/spec/ingress").unwrap();
    assert_eq!(
        ingress,
        &json!([{ "ports": [{ "protocol": "TCP", "port": 9443 }, { "protocol": "TCP", "port": 9444 }] }])
    );
}

#[test]
fn what_is_done_reaches_the_log_and_nobody_else_does() {
    let policies = national();
    let of = |name: &str, field: &str| {
        let policy = policies.iter().find(|policy| policy.name == name).unwrap();
        policy.body.pointer(field).cloned().unwrap()
    };
    let peers = |names: &[(Option<&str>, &str)]| {
        let peer = |(namespace, name): &(Option<&str>, &str)| {
            let pods = json!({ "matchLabels": { "app.kubernetes.io/name": name } });
            match namespace {
                None => json!({ "podSelector": pods }),
                Some(namespace) => json!({
                    "namespaceSelector": { "matchLabels": { "kubernetes.io/metadata.name": namespace } },
                    "podSelector": pods,
                }),
            }
        };
        Value::Array(names.iter().map(peer).collect())
    };
    assert_eq!(
        of("audit", "/spec/ingress/0/from"),
        peers(&[
            (None, "gateway"),
            (None, "portal"),
            (Some("dmp-system"), "dmp-operator")
        ])
    );
    assert_eq!(of("audit", "/spec/ingress").as_array().unwrap().len(), 1);
    assert_eq!(
        of("portal", "/spec/egress/1/to"),
        peers(&[(None, "registry"), (None, "audit")])
    );
}

#[test]
fn traces_may_leave_to_their_collector_alone() {
    assert!(telemetry("dmp-a", Some("a"), None).is_none());
    let inside = egress("http://collector.monitoring.svc.cluster.local:4318/v1/traces");
    assert_eq!(inside.pointer("/0/ports/0/port").unwrap(), 4318);
    let namespace = inside.pointer("/0/to/0/namespaceSelector/matchLabels").unwrap();
    assert_eq!(namespace, &json!({ "kubernetes.io/metadata.name": "monitoring" }));
    let outside = egress("https://traces.example/v1/traces");
    assert_eq!(outside.pointer("/0/ports/0/port").unwrap(), 443);
    assert!(outside.pointer("/0/to/0/ipBlock").is_some());
}
