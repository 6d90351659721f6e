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
        ingress[0],
        json!({ "ports": [{ "protocol": "TCP", "port": 9443 }, { "protocol": "TCP", "port": 9444 }] })
    );
    // Its listener for services is asked what it offers, and called by nobody.
    let probe = json!({
        "from": [TLS_PROBE.selector()], "ports": [{ "protocol": "TCP", "port": 8443 }],
    });
    assert_eq!(ingress.as_array().unwrap()[1..], [probe]);
}

/// Ports on which the policy lets the probe of TLS in.
fn open_to_probe(policy: &Object) -> Vec<u64> {
    let rules = policy.body.pointer("/spec/ingress").and_then(Value::as_array);
    let open = rules.into_iter().flatten().filter(|rule| {
        let peers = rule["from"].as_array();
        peers.is_some_and(|peers| peers.contains(&TLS_PROBE.selector()))
    });
    open.flat_map(|rule| rule["ports"].as_array().unwrap())
        .map(|port| port["port"].as_u64().unwrap())
        .collect()
}

#[test]
fn the_probe_of_tls_reaches_every_listener_and_no_other_port() {
    let mut services = 0;
    for policy in national().iter().chain(&group("dmp-a", "a")) {
        let service =
            dmp_api::names::NATIONAL_SERVICES.contains(&policy.name.as_str()) || policy.name == "records";
        let expected = if policy.name.ends_with("-database") {
            vec![5432]
        } else if service {
            vec![8443]
        } else {
            vec![]
        };
        assert_eq!(open_to_probe(policy), expected, "{}", policy.name);
        services += usize::from(!expected.is_empty());
    }
    assert_eq!(services, 5 + 3 + 1 + 2);
}

#[test]
fn the_operators_own_policy_lets_it_out_to_them() {
    let text = include_str!("../../../../../manifests/operator/service.yaml");
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).unwrap();
    let policy = documents
        .iter()
        .find(|one| one["kind"] == "NetworkPolicy")
        .unwrap();
    let egress = policy["spec"]["egress"].as_array().unwrap();
    let ports: Vec<u64> = egress
        .iter()
        .flat_map(|rule| {
            assert!(rule["to"].is_array(), "to everybody: {rule}");
            rule["ports"].as_array().unwrap()
        })
        .map(|port| port["port"].as_u64().unwrap())
        .collect();
    for port in [8200, 8443, 9443, 9444, 5432] {
        assert!(ports.contains(&port), "{port}: {ports:?}");
    }
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
