//! What of the platform may be published: the operator's gateway, and nothing else.

use serde_json::{Value, json};

use crate::admission::Ask;
use crate::admission_classes::health;

const OPERATOR: &str = "system:serviceaccount:dmp-system:dmp-operator";
const CNPG: &str = "system:serviceaccount:cnpg-system:cnpg-manager";

fn service(name: &str, spec: Value) -> Value {
    json!({ "metadata": { "name": name, "labels": health() }, "spec": spec })
}

fn asked(operation: &str, namespace: &str, object: &Value, by: &str) -> Vec<String> {
    let name = object["metadata"]["name"].as_str().unwrap();
    Ask::new(operation, "services", &format!("{namespace}/{name}"))
        .object(object.clone())
        .old(object.clone())
        .by(by)
        .installer()
        .denied()
}

#[test]
fn the_gateway_is_published_by_the_operator_and_by_nobody_else() {
    for operation in ["CREATE", "UPDATE"] {
        for kind in ["NodePort", "LoadBalancer"] {
            let gateway = service("gateway", json!({ "type": kind }));
            assert_eq!(asked(operation, "dmp-national", &gateway, OPERATOR), [""; 0]);
            for (namespace, by) in [
                ("dmp-national", "person"),
                ("dmp-tanger", OPERATOR),
                ("dmp-national", CNPG),
            ] {
                assert_eq!(
                    asked(operation, namespace, &gateway, by),
                    ["dmp-services"],
                    "{namespace} {by}"
                );
            }
            let registry = service("registry", json!({ "type": kind }));
            assert_eq!(
                asked(operation, "dmp-national", &registry, OPERATOR),
                ["dmp-services"]
            );
        }
    }
}

#[test]
fn a_service_inside_is_anybodys_who_may_write_one_and_leads_nowhere_else() {
    for (namespace, name, by) in [
        ("dmp-tanger", "records-rw", CNPG),
        ("dmp-national", "registry", OPERATOR),
        ("dmp-system", "openbao", "installer"),
    ] {
        for spec in [
            json!({ "type": "ClusterIP" }),
            json!({}),
            json!({ "externalIPs": [] }),
        ] {
            assert_eq!(
                asked("CREATE", namespace, &service(name, spec), by),
                [""; 0],
                "{name}"
            );
        }
        let outside = service(name, json!({ "type": "ClusterIP", "externalIPs": ["192.0.2.1"] }));
        assert_eq!(asked("UPDATE", namespace, &outside, by), ["dmp-services"]);
        let elsewhere = service(
            name,
            json!({ "type": "ExternalName", "externalName": "records.example" }),
        );
        assert_eq!(asked("CREATE", namespace, &elsewhere, by), ["dmp-services"]);
    }
    let other = service("shop", json!({ "type": "LoadBalancer" }));
    assert_eq!(
        asked("CREATE", "somebody", &other, "person"),
        [""; 0],
        "no namespace of ours"
    );
}

#[test]
fn no_ingress_and_no_route_ends_in_a_plane() {
    for resource in [
        "networking.k8s.io:ingresses",
        "gateway.networking.k8s.io:httproutes",
        "gateway.networking.k8s.io:tlsroutes",
    ] {
        let ask = |namespace: &str| {
            Ask::new("CREATE", resource, &format!("{namespace}/in"))
                .by(OPERATOR)
                .denied()
        };
        assert_eq!(ask("dmp-national"), ["dmp-ingresses"], "{resource}");
        assert_eq!(ask("somebody"), [""; 0], "{resource}");
    }
}
