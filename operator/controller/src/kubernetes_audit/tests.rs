//! Audit events as an API server sends them, and what they come to.

#![allow(clippy::unwrap_used)]

use dmp_api::last_uses::{group, person};
use jiff::{SignedDuration, Timestamp};
use k8s_controller::conditions::ConditionStatus;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::event::{Event, EventList};
use super::heard::fact_at;
use super::report::events;
use super::rules::{Finding, Rule, findings};
use super::uses::accounts;
use super::{Receiver, Seen};

const NODE: &str = "system:node:node-1";
const CNPG: &str = "system:serviceaccount:cnpg-system:cnpg-manager";
const OPERATOR: &str = "system:serviceaccount:dmp-system:dmp-operator";
const REPLICA_SETS: &str = "system:serviceaccount:kube-system:replicaset-controller";

/// `verb [group/]resource[/subresource] [namespace/]name` by somebody.
fn event(user: &str, verb: &str, resource: &str, place: &str) -> Event {
    let (namespace, name) = place.split_once('/').unwrap_or(("", place));
    let mut parts: Vec<&str> = resource.split('/').collect();
    let group = if parts[0].contains('.') {
        parts.remove(0)
    } else {
        ""
    };
    let groups: &[&str] = if user == NODE { &["system:nodes"] } else { &[] };
    serde_json::from_value(json!({
        "level": "Metadata", "auditID": format!("{user}{verb}{resource}{place}"), "stage": "ResponseComplete",
        "requestURI": "/", "verb": verb,
        "user": { "username": user, "uid": "1", "groups": groups, "extra": { "x": ["y"] } },
        "sourceIPs": ["10.0.0.1"], "userAgent": "kubectl",
        "objectRef": {
            "resource": parts[0], "subresource": parts.get(1).copied().unwrap_or_default(),
            "apiGroup": group, "apiVersion": "v1", "namespace": namespace, "name": name,
        },
        "responseStatus": { "metadata": {}, "code": 200 },
        "requestReceivedTimestamp": "2026-11-25T12:00:00.000000Z",
    }))
    .unwrap()
}

fn rules(event: &Event) -> Vec<Rule> {
    findings(event).into_iter().map(|finding| finding.rule).collect()
}

fn of(user: &str, verb: &str, resource: &str, place: &str) -> Vec<Rule> {
    rules(&event(user, verb, resource, place))
}

#[test]
fn entering_a_pod() {
    for resource in [
        "pods/exec",
        "pods/attach",
        "pods/portforward",
        "pods/proxy",
        "services/proxy",
    ] {
        assert_eq!(
            of("admin", "create", resource, "dmp-tanger/records-1"),
            [Rule::PodEntered]
        );
    }
    assert_eq!(
        of(
            "admin",
            "patch",
            "pods/ephemeralcontainers",
            "dmp-national/audit-1"
        ),
        [Rule::PodEntered]
    );
    assert_eq!(of("admin", "create", "pods/exec", "default/x"), []);
    assert_eq!(of(CNPG, "create", "pods/exec", "dmp-tanger/records-1"), []);
    assert_eq!(
        of(OPERATOR, "create", "pods/exec", "dmp-tanger/records-1"),
        [Rule::PodEntered]
    );
    // What asks everybody who they are by itself, or shows metrics only.
    assert_eq!(
        of("admin", "create", "pods/portforward", "dmp-system/openbao-0"),
        []
    );
    assert_eq!(of("admin", "get", "pods/proxy", "dmp-tanger/records-1:9090"), []);
}

#[test]
fn a_kubelets_command() {
    let mut command = event("admin", "create", "nodes/proxy", "node-1");
    command.request_uri =
        "/api/v1/nodes/node-1/proxy/exec/dmp-tanger/records-1/records?command=id".to_owned();
    assert_eq!(rules(&command), [Rule::PodEntered]);
    for harmless in [
        "exec/default/x/x",
        "metrics",
        "containerLogs/dmp-tanger/records-1/records",
    ] {
        command.request_uri = format!("/api/v1/nodes/node-1/proxy/{harmless}");
        assert_eq!(rules(&command), []);
    }
}

#[test]
fn asking_for_a_token() {
    let resource = "serviceaccounts/token";
    assert_eq!(
        of("admin", "create", resource, "dmp-tanger/records"),
        [Rule::TokenRequested]
    );
    assert_eq!(
        of(OPERATOR, "create", resource, "dmp-tanger/records"),
        [Rule::TokenRequested]
    );
    assert_eq!(of(NODE, "create", resource, "dmp-tanger/records"), []);
    assert_eq!(of("admin", "create", resource, "dmp-system/dmp-bootstrap"), []);
    assert_eq!(
        of("admin", "create", resource, "dmp-national/dmp-bootstrap"),
        [Rule::TokenRequested]
    );
    assert_eq!(of("admin", "create", resource, "default/default"), []);
}

#[test]
fn reading_secrets() {
    for verb in ["get", "list", "watch"] {
        assert_eq!(
            of("admin", verb, "secrets", "dmp-tanger/records-app"),
            [Rule::SecretRead]
        );
        assert_eq!(
            of("admin", verb, "secrets", ""),
            [Rule::SecretRead],
            "all of the cluster"
        );
        assert_eq!(of("admin", verb, "secrets", "default/x"), []);
    }
    for exempt in [
        NODE,
        CNPG,
        REPLICA_SETS,
        "system:serviceaccount:dmp-tanger:records-database",
    ] {
        assert_eq!(of(exempt, "get", "secrets", "dmp-tanger/records-app"), []);
    }
    assert_eq!(
        of(OPERATOR, "get", "secrets", "dmp-system/openbao-seal"),
        [Rule::SecretRead]
    );
    assert_eq!(
        of("admin", "create", "secrets", "dmp-tanger/x"),
        [Rule::PlaneChanged]
    );
}

#[test]
fn changing_the_product() {
    let changed = [
        (
            "admissionregistration.k8s.io/validatingadmissionpolicies",
            "dmp-pod-entry",
        ),
        (
            "admissionregistration.k8s.io/validatingadmissionpolicybindings",
            "dmp-pod-entry",
        ),
        ("rbac.authorization.k8s.io/clusterroles", "dmp-host"),
        ("rbac.authorization.k8s.io/clusterrolebindings", "dmp-operator"),
        ("rbac.authorization.k8s.io/rolebindings", "dmp-tanger/me"),
        (
            "apiextensions.k8s.io/customresourcedefinitions",
            "healthgroups.dmp.ma",
        ),
        ("namespaces", "dmp-tanger"),
    ];
    for (resource, place) in changed {
        for verb in ["create", "update", "patch", "delete"] {
            assert_eq!(
                of("admin", verb, resource, place),
                [Rule::ProductChanged],
                "{verb} {resource}"
            );
        }
        assert_eq!(of("admin", "get", resource, place), []);
    }
    assert_eq!(
        of(
            "admin",
            "patch",
            "rbac.authorization.k8s.io/clusterroles",
            "theirs"
        ),
        []
    );
    assert_eq!(of(OPERATOR, "patch", "namespaces", "dmp-tanger"), []);
    assert_eq!(
        of(
            OPERATOR,
            "patch",
            "rbac.authorization.k8s.io/clusterroles",
            "dmp-operator"
        ),
        [Rule::ProductChanged]
    );
    assert_eq!(
        of(
            CNPG,
            "create",
            "rbac.authorization.k8s.io/roles",
            "dmp-tanger/records"
        ),
        []
    );
    let collection = "admissionregistration.k8s.io/validatingadmissionpolicies";
    assert_eq!(
        of("admin", "deletecollection", collection, ""),
        [Rule::ProductChanged]
    );
}

#[test]
fn changing_the_platform() {
    assert_eq!(
        of("host", "patch", "dmp.ma/platforms", "national"),
        [Rule::PlatformChanged]
    );
    assert_eq!(of(OPERATOR, "patch", "dmp.ma/platforms/status", "national"), []);
    assert_eq!(of("host", "patch", "dmp.ma/healthgroups", "tanger"), []);
}

#[test]
fn making_pods_and_changing_a_plane() {
    assert_eq!(
        of("admin", "create", "pods", "dmp-tanger/records-x"),
        [Rule::PodCreated]
    );
    assert_eq!(of(REPLICA_SETS, "create", "pods", "dmp-tanger/"), []);
    assert_eq!(of(CNPG, "create", "pods", "dmp-tanger/records-1"), []);
    assert_eq!(of(OPERATOR, "create", "pods", "dmp-tanger/network-probe"), []);
    assert_eq!(
        of(OPERATOR, "create", "pods", "dmp-tanger/records-x"),
        [Rule::PodCreated]
    );
    // Restarting and draining are daily work.
    assert_eq!(of("host", "delete", "pods", "dmp-tanger/records-x"), []);
    assert_eq!(of("host", "create", "pods/eviction", "dmp-tanger/records-x"), []);

    for resource in [
        "configmaps",
        "apps/deployments",
        "networking.k8s.io/networkpolicies",
    ] {
        let resource = resource.replace("apps/", "apps.k8s.io/");
        assert_eq!(
            of("admin", "patch", &resource, "dmp-tanger/x"),
            [Rule::PlaneChanged]
        );
        assert_eq!(of(OPERATOR, "patch", &resource, "dmp-tanger/x"), []);
        assert_eq!(of("admin", "patch", &resource, "dmp-storage/x"), []);
    }
    assert_eq!(
        of(
            "admin",
            "create",
            "postgresql.cnpg.io/clusters",
            "dmp-tanger/copy"
        ),
        [Rule::PlaneChanged]
    );
    assert_eq!(of("admin", "get", "configmaps", "dmp-tanger/x"), []);
    // The network's own bookkeeping; what it lets pass is a policy.
    assert_eq!(
        of("cilium", "patch", "cilium.io/ciliumendpoints", "dmp-tanger/x"),
        []
    );
    assert_eq!(
        of(
            "admin",
            "create",
            "cilium.io/ciliumnetworkpolicies",
            "dmp-tanger/x"
        ),
        [Rule::PlaneChanged]
    );
}

#[test]
fn a_component_that_is_impersonated_is_no_exception() {
    for (who, resource, place, rule) in [
        (
            NODE,
            "serviceaccounts/token",
            "dmp-tanger/records",
            Rule::TokenRequested,
        ),
        (CNPG, "pods/exec", "dmp-tanger/records-1", Rule::PodEntered),
        (REPLICA_SETS, "pods", "dmp-tanger/records-x", Rule::PodCreated),
        (OPERATOR, "configmaps", "dmp-tanger/dmp-trust", Rule::PlaneChanged),
    ] {
        let mut event = event("admin", "create", resource, place);
        event.impersonated_user = Some(event_user(who));
        assert_eq!(rules(&event), [rule, Rule::Impersonated]);
        let finding = findings(&event).remove(0);
        assert_eq!(
            (finding.who.as_str(), finding.acting_as.as_deref()),
            ("admin", Some(who))
        );
    }
    let mut elsewhere = event("admin", "get", "pods", "default/x");
    elsewhere.impersonated_user = Some(event_user("somebody"));
    assert_eq!(rules(&elsewhere), []);
    elsewhere.impersonated_user = Some(event_user(OPERATOR));
    assert_eq!(
        rules(&elsewhere),
        [Rule::Impersonated],
        "an identity of the platform, anywhere"
    );
}

fn event_user(name: &str) -> super::event::User {
    event(name, "get", "pods", "x/x").user
}

#[test]
fn a_certificate_that_makes_its_holder_anybody() {
    let resource = "certificates.k8s.io/certificatesigningrequests/approval";
    assert_eq!(
        of("admin", "update", resource, "csr-1"),
        [Rule::CertificateApproved]
    );
    assert_eq!(of(REPLICA_SETS, "update", resource, "csr-1"), []);
}

#[test]
fn a_refused_attempt_is_a_finding_too() {
    let mut refused = event("host", "create", "pods/exec", "dmp-tanger/records-1");
    refused.response_status = Some(super::event::ResponseStatus { code: 403 });
    let finding = findings(&refused).remove(0);
    assert!(finding.refused);
    let (_, event) = events(&[finding]).remove(0);
    assert_eq!(
        event.note.unwrap(),
        "refused: host create pods/exec dmp-tanger/records-1"
    );
}

#[test]
fn an_event_names_five_and_counts_the_others() {
    let many: Vec<Finding> = (0..8)
        .flat_map(|n| {
            findings(&event(
                "admin",
                "patch",
                "configmaps",
                &format!("dmp-tanger/c{n}"),
            ))
        })
        .collect();
    let mut made = events(&many);
    assert_eq!(made.len(), 1);
    let (namespace, event) = made.remove(0);
    assert_eq!(
        (namespace.as_str(), event.reason.as_str()),
        ("dmp-tanger", "PlaneChanged")
    );
    let note = event.note.unwrap();
    assert!(note.ends_with("dmp-tanger/c4 and 3 more"), "{note}");
}

#[test]
fn the_body_of_an_object_is_not_even_read() {
    let mut json: Value = json!({ "items": [{
        "auditID": "1", "stage": "ResponseComplete", "verb": "create", "user": { "username": "admin" },
        "objectRef": { "resource": "secrets", "namespace": "dmp-tanger", "name": "x", "apiVersion": "v1" },
        "responseStatus": { "code": 201 },
    }] });
    json["items"][0]["requestObject"] = json!({ "data": { "k": "SENTINEL" } });
    json["items"][0]["requestURI"] = json!("/api/v1/namespaces/dmp-tanger/secrets?SENTINEL=1");
    let list: EventList = serde_json::from_value(json).unwrap();
    let found = findings(&list.items[0]);
    assert_eq!(found.len(), 1);
    assert!(!format!("{found:?}").contains("SENTINEL"));
}

#[tokio::test]
async fn both_stages_of_one_request_are_one_finding() {
    let (sender, _queue) = mpsc::channel(1);
    let receiver = Receiver::new(sender, None, None);
    let mut stages = Vec::new();
    for stage in ["RequestReceived", "ResponseStarted", "ResponseComplete"] {
        let mut event = event("admin", "create", "pods/exec", "dmp-tanger/records-1");
        event.stage = stage.to_owned();
        stages.push(event);
    }
    assert_eq!(receiver.findings(&stages).len(), 1);
    assert_eq!(receiver.findings(&stages).len(), 0);
}

#[test]
fn what_has_been_seen_is_forgotten_in_order() {
    let mut seen = Seen::default();
    for n in 0..=super::REMEMBERED {
        assert!(seen.is_new(&n.to_string()));
    }
    assert!(!seen.is_new("1"), "still remembered");
    assert!(seen.is_new("0"), "the oldest is not");
}

#[test]
fn silence_is_a_condition() {
    let now = Timestamp::now();
    let at = |minutes| fact_at(Some(now - SignedDuration::from_mins(minutes)), now);
    assert_eq!((at(5).holds, at(5).reason), (ConditionStatus::True, "Delivered"));
    assert_eq!((at(30).holds, at(30).reason), (ConditionStatus::False, "Silent"));
    let never = fact_at(None, now);
    assert_eq!(never.reason, "NotConfigured");
    assert!(never.message.contains("--audit-webhook-config-file"));
}

#[test]
fn a_change_of_rights_without_its_request_is_known() {
    let lacks = |verb: &str, resource: &str, level: &str| {
        let mut event = event("person", verb, resource, "x");
        event.level = level.to_owned();
        event.lacks_request()
    };
    let roles = "rbac.authorization.k8s.io/clusterroles";
    assert_eq!(
        lacks("patch", roles, "Metadata"),
        Some("rbac.authorization.k8s.io")
    );
    let policies = "admissionregistration.k8s.io/validatingadmissionpolicies";
    assert_eq!(
        lacks("delete", policies, "Metadata"),
        Some("admissionregistration.k8s.io")
    );
    assert_eq!(lacks("create", "dmp.ma/platforms", "Metadata"), Some("dmp.ma"));
    assert_eq!(lacks("create", "dmp.ma/platforms", "Request"), None);
    assert_eq!(lacks("patch", roles, "RequestResponse"), None);
    assert_eq!(lacks("get", roles, "Metadata"), None, "reading changes nothing");
    assert_eq!(
        lacks("delete", "secrets", "Metadata"),
        None,
        "its request would be the secret"
    );
}

#[test]
fn who_came_is_who_was_answered_and_whose_token_was_given_out() {
    let by = |user: &str, groups: &[&str]| {
        let mut event = event(user, "get", "dmp.ma/platforms", "national");
        event.user.groups = groups.iter().map(|&group| group.to_owned()).collect();
        event
    };
    let leila = by("leila@example.ma", &["cloud-operations", "system:authenticated"]);
    let both = [person("leila@example.ma"), group("cloud-operations")];
    assert_eq!(accounts(&leila), both);
    // What was refused is a log-in as well; what nobody knows is none.
    let answered = |code| Event {
        response_status: Some(super::event::ResponseStatus { code }),
        ..leila.clone()
    };
    assert_eq!(accounts(&answered(403)), both);
    assert!(accounts(&answered(401)).is_empty());
    let stage = "RequestReceived".to_owned();
    assert!(
        accounts(&Event {
            stage,
            ..leila.clone()
        })
        .is_empty()
    );
    // Who acts as somebody else has come; the other has not.
    let omar = super::event::User {
        username: "omar@example.ma".to_owned(),
        groups: vec!["hosts".to_owned()],
    };
    let acting = Event {
        impersonated_user: Some(omar),
        ..leila.clone()
    };
    assert_eq!(accounts(&acting), both);

    assert_eq!(
        accounts(&by(OPERATOR, &["system:serviceaccounts"])),
        ["dmp-system/dmp-operator"]
    );
    let token = |code| Event {
        response_status: Some(super::event::ResponseStatus { code }),
        ..event(NODE, "create", "serviceaccounts/token", "dmp-tanger/records")
    };
    assert_eq!(accounts(&token(201)), ["dmp-tanger/records"]);
    assert!(accounts(&token(403)).is_empty());
    for user in [NODE, "system:kube-scheduler", "system:anonymous", ""] {
        assert!(accounts(&by(user, &["system:nodes"])).is_empty(), "{user}");
    }
    let many: Vec<_> = (0..500).map(|at| format!("group-{at}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    assert_eq!(accounts(&by("leila@example.ma", &many)).len(), 65);
}
