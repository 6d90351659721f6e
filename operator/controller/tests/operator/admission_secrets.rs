//! Secrets in the text of what is made: what passes and what does not, in process and ([`on_a_server`]) by an API server.

use serde_json::{Value, json};

use crate::admission::Ask;
use crate::admission_server::{Server, pod};

const KEY: &str = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----\n";
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

/// Addresses with a password, and what only looks like it.
const WITH_PASSWORD: [&str; 6] = [
    "postgres://app:letmein@records-rw:5432/app",
    "redis://:letmein@cache:6379",
    "redis://:let$me$in@cache:6379",
    "postgres://app:${PASSWORD:-letmein}@records-rw/app",
    "--url=https://amina:p%40ss@forge.example/x",
    "one https://plain.example and amqp://a:b@queue two",
];
const WITHOUT: [&str; 7] = [
    "https://records.dmp-tanger.svc:8443/fhir",
    "postgres://app@records-rw:5432/app?sslmode=verify-full",
    "postgres://app:$(PASSWORD)@records-rw/app",
    "postgres://app:${PASSWORD}@records-rw/app",
    "https://gateway.example:9443/x?mail=amina@host.example",
    "https://gateway.example:9443?mail=amina@host.example",
    r#"["https://a.example:8443","amina@host.example"]"#,
];

/// A pod of nobody, whose container has `what` in `field`.
fn with(list: &str, field: &str, what: Value) -> Value {
    let mut probe = json!({ "metadata": { "name": "p" }, "spec": {
        "serviceAccountName": "network-probe",
        "automountServiceAccountToken": false,
        "containers": [{ "name": "c", "image": "r/dmp:1" }],
        "initContainers": [{ "name": "i", "image": "r/dmp:1" }],
    } });
    probe["spec"][list][0][field] = what;
    probe
}

fn said(namespace: &str, pod: Value) -> Vec<String> {
    Ask::new("CREATE", "pods", &format!("{namespace}/p"))
        .object(pod)
        .denied()
}

fn variable(name: &str, value: &str) -> Value {
    json!([{ "name": "DMP_LOG", "value": "info" }, { "name": name, "value": value }])
}

#[test]
fn a_variable_that_is_called_a_secret_has_no_text() {
    let secrets = [
        "DB_PASSWORD",
        "pgpasswd",
        "VAULT_TOKEN",
        "CLIENT_SECRET",
        "SEAL_KEY",
        "APIKEY",
        "KEY_PASSPHRASE",
        "PRIVATE_KEY",
        "aws.credentials",
    ];
    for list in ["containers", "initContainers"] {
        for name in secrets {
            let spied = with(list, "env", variable(name, "x"));
            assert_eq!(
                said("dmp-tanger", spied.clone()),
                ["dmp-pod-secrets"],
                "{list} {name}"
            );
            assert_eq!(said("vendor-atlas", spied.clone()), ["dmp-pod-secrets"], "{name}");
            assert_eq!(said("default", spied), [""; 0], "{name}");
        }
    }
    let plain = [
        "DB_PASSWORD_FILE",
        "TOKEN_PATH",
        "SECRET_URL",
        "KEYBOARD",
        "SIGNING_PUBLIC_KEY",
        "TOKENS_PER_SECOND",
    ];
    for name in plain {
        assert_eq!(
            said("dmp-tanger", with("containers", "env", variable(name, "x"))),
            [""; 0],
            "{name}"
        );
    }
    // Nothing, another variable's, and a key of a Secret are no text.
    for value in ["", "$(OTHER)"] {
        let probe = with("containers", "env", variable("DB_PASSWORD", value));
        assert_eq!(said("dmp-tanger", probe), [""; 0], "{value:?}");
    }
    let by_key =
        json!([{ "name": "DB_PASSWORD", "valueFrom": { "secretKeyRef": { "name": "s", "key": "k" } } }]);
    assert_eq!(
        said("dmp-tanger", with("containers", "env", by_key)),
        ["dmp-pod-volumes"]
    );
}

/// What CloudNativePG 1.30 gives its pods (`pkg/specs/pods.go`, `jobs.go`), and the appliance's own manifests.
#[test]
fn pods_of_databases_and_of_the_installation_have_none() {
    let variables = [
        ("PGDATA", "/var/lib/postgresql/data/pgdata"),
        ("POD_NAME", "records-1"),
        ("NAMESPACE", "dmp-tanger"),
        ("CLUSTER_NAME", "records"),
        ("PSQL_HISTORY", "/controller/tmp/.psql_history"),
        ("PGPORT", "5432"),
        ("PGHOST", "/controller/run"),
        ("TMPDIR", "/controller/tmp"),
        ("CNPG_STANDBY_TCP_USER_TIMEOUT", "5000"),
        ("HOME", "/tmp"),
        ("SKIP_CHOWN", "true"),
        ("DMP_LOG", "info"),
    ];
    for (name, value) in variables {
        assert_eq!(
            said("dmp-tanger", with("containers", "env", variable(name, value))),
            [""; 0],
            "{name}"
        );
    }
    let command = json!([
        "/controller/manager",
        "instance",
        "init",
        "--initdb-flags",
        "--encoding=UTF8 --data-checksums",
        "--app-db-name",
        "app",
        "--app-user",
        "app",
        "--log-level=info",
    ]);
    assert_eq!(
        said("dmp-tanger", with("containers", "command", command)),
        [""; 0]
    );
}

#[test]
fn no_key_and_no_password_in_variables_commands_and_arguments() {
    let placed = |text: &str| {
        [
            with("containers", "env", variable("CONFIGURATION", text)),
            with("initContainers", "env", variable("CONFIGURATION", text)),
            with("containers", "command", json!(["sh", "-c", text])),
            with("containers", "args", json!([text])),
            with("initContainers", "args", json!(["-x", text])),
        ]
    };
    for text in WITH_PASSWORD.into_iter().chain([KEY]) {
        for pod in placed(text) {
            assert_eq!(said("dmp-tanger", pod.clone()), ["dmp-pod-secrets"], "{pod}");
        }
    }
    for text in WITHOUT.into_iter().chain([CERTIFICATE, ""]) {
        for pod in placed(text) {
            assert_eq!(said("dmp-tanger", pod.clone()), [""; 0], "{pod}");
        }
    }
}

#[test]
fn no_key_and_no_password_in_a_configmap() {
    let write = |operation: &str, place: &str, text: &str| {
        let map = json!({ "metadata": { "name": "m" }, "data": { "plain": "a: b", "tool.yaml": format!("x: 1\ny: {text}\n") } });
        Ask::new(operation, "configmaps", place).object(map).denied()
    };
    for operation in ["CREATE", "UPDATE"] {
        for text in WITH_PASSWORD.into_iter().chain([KEY]) {
            assert_eq!(
                write(operation, "dmp-tanger/m", text),
                ["dmp-configmap-secrets"],
                "{text}"
            );
            assert_eq!(write(operation, "default/m", text), [""; 0], "{text}");
        }
        for text in WITHOUT.into_iter().chain([CERTIFICATE, ""]) {
            assert_eq!(write(operation, "dmp-tanger/m", text), [""; 0], "{text}");
        }
    }
    let empty = Ask::new("CREATE", "configmaps", "dmp-tanger/m");
    assert_eq!(empty.denied(), [""; 0], "without data");
}

#[test]
fn a_pod_without_an_account_of_its_own_has_no_token() {
    let run = |namespace: &str, account: Value, mount: Value, volumes: Value| {
        let mut spec = json!({ "containers": [{ "name": "c", "image": "r/dmp:1" }] });
        for (field, value) in [
            ("serviceAccountName", account),
            ("automountServiceAccountToken", mount),
            ("volumes", volumes),
        ] {
            if !value.is_null() {
                spec[field] = value;
            }
        }
        said(namespace, json!({ "metadata": { "name": "p" }, "spec": spec }))
    };
    let projected = |source: Value| json!([{ "name": "v", "projected": { "sources": [source] } }]);
    let token = projected(json!({ "serviceAccountToken": { "path": "token" } }));
    let map = projected(json!({ "configMap": { "name": "m" } }));
    for account in [json!(null), json!(""), json!("default")] {
        let here = |mount, volumes| run("dmp-tanger", account.clone(), mount, volumes);
        assert_eq!(here(json!(false), json!(null)), [""; 0], "{account}");
        assert_eq!(here(json!(false), map.clone()), [""; 0], "{account}");
        assert_eq!(here(json!(null), json!(null)), ["dmp-pod-tokens"], "{account}");
        assert_eq!(here(json!(true), json!(null)), ["dmp-pod-tokens"], "{account}");
        assert_eq!(here(json!(false), token.clone()), ["dmp-pod-tokens"], "{account}");
        assert_eq!(
            run("default", account.clone(), json!(null), json!(null)),
            [""; 0],
            "{account}"
        );
    }
    // An account of its own asks for what it needs.
    assert_eq!(
        run("dmp-tanger", json!("network-probe"), json!(null), token),
        [""; 0]
    );
}

/// The same by an API server, with its own regular expressions and within its own budget.
pub async fn on_a_server(server: &Server) {
    let administrator = server.administrator().await;
    let pods = "/api/v1/namespaces/dmp-tanger/pods?dryRun=All";
    let with = |field: &str, what: Value| {
        let mut probe = pod("network-probe", "r/tools:1");
        probe["spec"]["automountServiceAccountToken"] = json!(false);
        probe["spec"]["containers"][0][field] = what;
        probe
    };
    let refused = async |body: Value, sentence: &str| {
        let answer = administrator.post(pods, &body).await;
        answer.denied_by("dmp-pod-secrets");
        assert!(answer.message.contains(sentence), "{sentence}: {answer:?}");
    };
    let named = with("env", variable("DB_PASSWORD", "letmein"));
    refused(
        named,
        "it is read from the vault, or from a file whose place the variable names",
    )
    .await;
    refused(
        with("args", json!([KEY])),
        "no private key in a pod's variables or command",
    )
    .await;
    for text in WITH_PASSWORD {
        refused(
            with("command", json!(["dmp", text])),
            "scheme://user:password@host",
        )
        .await;
    }
    let mut of_nobody = pod("default", "r/tools:1");
    administrator
        .post(pods, &of_nobody)
        .await
        .denied_by("a pod without an account of its own has no token here");
    of_nobody["spec"]["automountServiceAccountToken"] = json!(false);
    administrator.post(pods, &of_nobody).await.passes();
    let by_file = with("env", variable("DB_PASSWORD_FILE", "/run/password"));
    administrator.post(pods, &by_file).await.passes();
    for text in WITHOUT.into_iter().chain([CERTIFICATE]) {
        administrator
            .post(pods, &with("args", json!([text])))
            .await
            .passes();
    }

    let maps = "/api/v1/namespaces/dmp-tanger/configmaps?dryRun=All";
    let map = |text: &str| json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "m" }, "data": { "t": text } });
    for text in WITH_PASSWORD.into_iter().chain([KEY]) {
        administrator
            .post(maps, &map(text))
            .await
            .denied_by("dmp-configmap-secrets");
    }
    for text in WITHOUT.into_iter().chain([CERTIFICATE]) {
        administrator.post(maps, &map(text)).await.passes();
    }
    // The largest that an API server takes, with a password at its end and without.
    let largest = format!(
        "{CERTIFICATE}https://records.dmp-tanger.svc:8443 {}",
        "x".repeat(1_000_000)
    );
    administrator.post(maps, &map(&largest)).await.passes();
    administrator
        .post(maps, &map(&format!("{largest} redis://:letmein@cache")))
        .await
        .denied_by("no password in an address of a ConfigMap");
}
