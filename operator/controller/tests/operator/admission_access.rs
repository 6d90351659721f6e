//! Ways into a pod, to a token, to a Secret: what passes and what does not.

use serde_json::{Value, json};

use crate::admission::Ask;

const CNPG: &str = "system:serviceaccount:cnpg-system:cnpg-manager";

fn exec(place: &str, command: &[&str]) -> Ask {
    Ask::new("CONNECT", "pods/exec", place).object(json!({
        "kind": "PodExecOptions", "container": "postgres", "command": command, "stdout": true, "stderr": true,
    }))
}

fn demonstration(on: bool) -> Option<Value> {
    Some(json!({ "spec": { "demonstration": on } }))
}

const DUMP: [&str; 3] = ["pg_dumpall", "--username=postgres", "--no-role-passwords"];

#[test]
fn nobody_enters_a_pod() {
    for place in [
        "dmp-tanger/records-1",
        "dmp-national/registry-x",
        "dmp-system/openbao-0",
    ] {
        // Whoever it is.
        for user in ["person", "system:serviceaccount:dmp-system:dmp-operator", CNPG] {
            let ask = exec(place, &["sh"]).by(user).installer();
            assert_eq!(ask.denied(), ["dmp-pod-entry"], "{user} {place}");
        }
        let attach = Ask::new("CONNECT", "pods/attach", place).object(json!({ "kind": "PodAttachOptions" }));
        assert_eq!(attach.denied(), ["dmp-pod-entry"]);
        let joining = Ask::new("UPDATE", "pods/ephemeralcontainers", place);
        assert_eq!(joining.denied(), ["dmp-ephemeral-containers"]);
    }
    assert_eq!(exec("default/x", &["sh"]).denied(), [""; 0]);
}

#[test]
fn cloudnative_pg_starts_its_backup() {
    let backup = ["/controller/manager", "backup", "nightly"];
    assert_eq!(exec("dmp-tanger/records-1", &backup).by(CNPG).denied(), [""; 0]);
    assert_eq!(exec("dmp-tanger/records-1", &backup).denied(), ["dmp-pod-entry"]);
    let other = ["/controller/manager", "wal-restore", "nightly"];
    assert_eq!(
        exec("dmp-tanger/records-1", &other).by(CNPG).denied(),
        ["dmp-pod-entry"]
    );
}

#[test]
fn a_dump_is_searched_in_a_demonstration_only() {
    let ask = |platform| exec("dmp-tanger/records-1", &DUMP).platform(platform);
    assert_eq!(ask(demonstration(true)).denied(), [""; 0]);
    assert_eq!(ask(demonstration(false)).denied(), ["dmp-pod-entry"]);
    assert_eq!(ask(Some(json!({ "spec": {} }))).denied(), ["dmp-pod-entry"]);
    assert_eq!(ask(None).denied(), ["dmp-pod-entry"], "no platform yet");
    // Nothing else passes with it.
    let more = exec("dmp-tanger/records-1", &["pg_dumpall", "--username=postgres"]);
    assert_eq!(more.platform(demonstration(true)).denied(), ["dmp-pod-entry"]);
    let with_input = Ask::new("CONNECT", "pods/exec", "dmp-tanger/records-1")
        .object(json!({ "container": "postgres", "command": DUMP, "stdin": true }))
        .platform(demonstration(true));
    assert_eq!(with_input.denied(), ["dmp-pod-entry"]);
    let elsewhere = Ask::new("CONNECT", "pods/exec", "dmp-tanger/records-1")
        .object(json!({ "container": "records", "command": DUMP }))
        .platform(demonstration(true));
    assert_eq!(elsewhere.denied(), ["dmp-pod-entry"]);
}

#[test]
fn tunnels_end_at_openbao() {
    let forward = |place: &str| {
        Ask::new("CONNECT", "pods/portforward", place).object(json!({ "kind": "PodPortForwardOptions" }))
    };
    assert_eq!(forward("dmp-system/openbao-0").denied(), [""; 0]);
    for place in [
        "dmp-tanger/records-1",
        "dmp-system/dmp-operator-x",
        "dmp-national/openbao-0",
    ] {
        assert_eq!(forward(place).installer().denied(), ["dmp-pod-tunnel"]);
    }
}

#[test]
fn the_proxy_shows_metrics_only() {
    for resource in ["pods/proxy", "services/proxy"] {
        let proxy = |name: &str| Ask::new("CONNECT", resource, &format!("dmp-national/{name}"));
        assert_eq!(proxy("registry-x:9090").denied(), [""; 0]);
        assert_eq!(proxy("registry-1:9187").denied(), [""; 0]);
        for other in ["registry-x", "https:registry-x:8443", "registry-1:8000"] {
            assert_eq!(proxy(other).denied(), ["dmp-pod-proxy"], "{other}");
        }
    }
}

#[test]
fn the_kubelet_is_no_way_round() {
    let proxy = |path: &str| {
        Ask::new("CONNECT", "nodes/proxy", "node-1")
            .object(json!({ "kind": "NodeProxyOptions", "path": path }))
    };
    for path in [
        "/exec/dmp-tanger/records-1/records",
        "run/dmp-national/audit-x/audit",
        "/checkpoint/dmp-tanger/records-1/records",
    ] {
        assert_eq!(proxy(path).installer().denied(), ["dmp-kubelet-entry"], "{path}");
    }
    for path in ["/metrics", "/exec/default/x/x", "/stats/summary", ""] {
        assert_eq!(proxy(path).denied(), [""; 0], "{path}");
    }
}

#[test]
fn kubelets_ask_for_tokens_and_nobody_else() {
    let ask = |place: &str| Ask::new("CREATE", "serviceaccounts/token", place);
    for place in [
        "dmp-tanger/records",
        "dmp-national/audit",
        "dmp-system/dmp-operator",
        "dmp-system/openbao",
    ] {
        assert_eq!(
            ask(place).installer().denied(),
            ["dmp-identity-tokens"],
            "{place}"
        );
        let kubelet = ask(place).by("system:node:node-1").of_group("system:nodes");
        assert_eq!(kubelet.denied(), [""; 0]);
    }
    for account in ["dmp-bootstrap", "dmp-demo"] {
        assert_eq!(ask(&format!("dmp-system/{account}")).denied(), [""; 0]);
        assert_eq!(
            ask(&format!("dmp-tanger/{account}")).denied(),
            ["dmp-identity-tokens"]
        );
    }
    assert_eq!(ask("default/default").denied(), [""; 0]);
}

#[test]
fn no_secret_makes_a_lasting_token() {
    let secret = |kind: &str| {
        let object = json!({ "metadata": { "name": "s" }, "type": kind });
        Ask::new("CREATE", "secrets", "dmp-tanger/s").object(object)
    };
    assert_eq!(
        secret("kubernetes.io/service-account-token").installer().denied(),
        ["dmp-identity-secrets"]
    );
    assert_eq!(secret("Opaque").denied(), [""; 0]);
}
