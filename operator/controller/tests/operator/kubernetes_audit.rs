//! The receiver of audit events behind a real API server: certificates, batches, findings.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, State};
use axum::routing::post;
use axum::{Json, Router};
use dmp_api::last_uses::{CONFIG_MAP, KEY, Observation, person};
use dmp_api::names::{AUDIT_LACKING, AUDIT_LEASE, EVIDENCE_NAMESPACE};
use dmp_operator::kubernetes_audit::event::{Event, EventList};
use dmp_operator::kubernetes_audit::heard::Heard;
use dmp_operator::kubernetes_audit::rules::{Finding, Rule};
use dmp_operator::kubernetes_audit::uses::Uses;
use dmp_operator::kubernetes_audit::{Config, Receiver, listener, router};
use dmp_testkit::process::free_port;
use jiff::Timestamp;
use jiff::civil::date;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::admission_server::Server;
use crate::control_plane::World;

const PATIENCE: Duration = Duration::from_secs(20);

/// Both ends' certificates in a folder, and the API server's configuration.
fn certificates(folder: &std::path::Path, address: SocketAddr) {
    let (key, mut parameters) = (KeyPair::generate().unwrap(), CertificateParams::default());
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    std::fs::write(folder.join("ca.crt"), parameters.self_signed(&key).unwrap().pem()).unwrap();
    let issuer = Issuer::new(parameters, key);
    for (file, usage) in [
        ("tls", ExtendedKeyUsagePurpose::ServerAuth),
        ("client", ExtendedKeyUsagePurpose::ClientAuth),
    ] {
        let key = KeyPair::generate().unwrap();
        let mut parameters = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        parameters.extended_key_usages = vec![usage];
        let certificate = parameters.signed_by(&key, &issuer).unwrap();
        std::fs::write(folder.join(format!("{file}.crt")), certificate.pem()).unwrap();
        std::fs::write(folder.join(format!("{file}.key")), key.serialize_pem()).unwrap();
    }
    let file = |name: &str| folder.join(name).display().to_string();
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{ "name": "c", "cluster": {
            "server": format!("https://{address}/v1/kubernetes-audit"), "certificate-authority": file("ca.crt"),
        } }],
        "users": [{ "name": "c", "user": { "client-certificate": file("client.crt"), "client-key": file("client.key") } }],
        "contexts": [{ "name": "c", "context": { "cluster": "c", "user": "c" } }],
    });
    std::fs::write(folder.join("webhook.json"), config.to_string()).unwrap();
}

/// Waits for a finding of a rule; what else comes is let go.
async fn next(queue: &mut mpsc::Receiver<Vec<Finding>>, rule: Rule, name: &str) -> Finding {
    let wanted = async {
        loop {
            let findings = queue.recv().await.unwrap();
            if let Some(found) = findings
                .into_iter()
                .find(|finding| finding.rule == rule && finding.name == name)
            {
                return found;
            }
        }
    };
    tokio::time::timeout(PATIENCE, wanted)
        .await
        .unwrap_or_else(|_| panic!("no finding {} {name}", rule.as_str()))
}

#[tokio::test]
async fn what_an_administrator_does_is_found() {
    dmp_core::install_crypto_provider();
    let folder = tempfile::tempdir().unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    certificates(folder.path(), address);
    let (sender, mut queue) = mpsc::channel(4096);
    let config = Config {
        listen: address,
        files: folder.path().to_owned(),
        namespace: "dmp-system".to_owned(),
    };
    tokio::spawn(async move { listener::serve(&config, router(Receiver::new(sender, None, None))).await });

    let policy = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../appliance/files/audit-policy.yaml"
    );
    let file = folder.path().join("webhook.json");
    let arguments = [
        format!("--audit-policy-file={policy}"),
        format!("--audit-webhook-config-file={}", file.display()),
        "--audit-webhook-batch-max-wait=1s".to_owned(),
    ];
    let Some(server) = Server::start_with(&arguments).await else {
        return;
    };
    let administrator = server.administrator().await;

    // Refused by a policy.
    let exec = "/api/v1/namespaces/dmp-tanger/pods/records-x/exec?command=sh&container=records&stdout=true";
    assert_eq!(administrator.post(exec, &Value::Null).await.code, 403);
    let found = next(&mut queue, Rule::PodEntered, "records-x").await;
    assert!(found.refused);
    assert_eq!(
        (found.who.as_str(), found.resource.as_str()),
        ("admin", "pods/exec")
    );

    // Done: a cluster administrator can, and cannot do it unseen.
    let secrets = "/api/v1/namespaces/dmp-tanger/secrets";
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "s" }, "stringData": { "k": "SENTINEL" },
    });
    assert_eq!(administrator.post(secrets, &secret).await.code, 200);
    assert!(!next(&mut queue, Rule::PlaneChanged, "s").await.refused);
    assert_eq!(administrator.get(&format!("{secrets}/s")).await.code, 200);
    let found = next(&mut queue, Rule::SecretRead, "s").await;
    assert!(!found.refused);
    assert!(!format!("{found:?}").contains("SENTINEL"));

    let path = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/dmp-pod-entry";
    let warn = json!({ "spec": { "validationActions": ["Warn"] } });
    assert_eq!(administrator.patch(path, &warn).await.code, 200);
    assert!(
        !next(&mut queue, Rule::ProductChanged, "dmp-pod-entry")
            .await
            .refused
    );

    // As a kubelet: the policy lets it pass, the finding names both.
    let node = server
        .act_as("system:node:node-1", &["system:nodes", "system:masters"])
        .await;
    let token = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": { "audiences": ["openbao"] },
    });
    let tokens = "/api/v1/namespaces/dmp-system/serviceaccounts/dmp-operator/token";
    assert_eq!(node.post(tokens, &token).await.code, 200);
    let found = next(&mut queue, Rule::TokenRequested, "dmp-operator").await;
    assert_eq!(
        (found.who.as_str(), found.acting_as.as_deref()),
        ("admin", Some("system:node:node-1"))
    );
    assert!(!found.refused);

    // RBAC's refusals are findings as well.
    let nobody = server.act_as("nobody", &["system:authenticated"]).await;
    assert_eq!(nobody.get(&format!("{secrets}/s")).await.code, 403);
    let found = next(&mut queue, Rule::SecretRead, "s").await;
    assert!(found.refused && found.acting_as.as_deref() == Some("nobody"));
}

/// API groups that the Lease names after a role was made, on an API server with this audit policy; `None` without a server.
async fn noted_as_lacking(policy: &str) -> Option<Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    certificates(folder.path(), address);
    let (webhook, rules) = (
        folder.path().join("webhook.json"),
        folder.path().join("policy.yaml"),
    );
    std::fs::write(&rules, policy).unwrap();
    let server = Server::start_with(&[
        format!("--audit-policy-file={}", rules.display()),
        format!("--audit-webhook-config-file={}", webhook.display()),
        "--audit-webhook-batch-max-wait=1s".to_owned(),
    ])
    .await?;
    let administrator = server.administrator().await;
    let (sender, _queue) = mpsc::channel(4096);
    let config = Config {
        listen: address,
        files: folder.path().to_owned(),
        namespace: "dmp-system".to_owned(),
    };
    let heard = Heard::new(administrator.0.clone(), "dmp-system");
    let receiver = router(Receiver::new(sender, Some(heard), None));
    tokio::spawn(async move { listener::serve(&config, receiver).await });
    let roles = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    let role = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": { "name": "of-a-test" }, "rules": [],
    });
    assert_eq!(administrator.post(roles, &role).await.code, 200);
    let leases = Api::<Lease>::namespaced(administrator.0.clone(), "dmp-system");
    let begun = std::time::Instant::now();
    loop {
        let lease = leases.get_opt(AUDIT_LEASE).await.unwrap();
        let annotations = lease.map(|lease| lease.metadata.annotations.unwrap_or_default());
        let names: Option<Vec<String>> = annotations.map(|all| all.into_keys().collect());
        // What lacks something is noted at once; that nothing lacks it is told by time alone.
        if names.as_ref().is_some_and(|names| !names.is_empty()) || begun.elapsed() > Duration::from_secs(12)
        {
            return Some(names.expect("events came"));
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

#[tokio::test]
async fn a_change_without_its_request_is_noted() {
    dmp_core::install_crypto_provider();
    let by_name = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{ level: Metadata }]\n";
    let Some(lacking) = noted_as_lacking(by_name).await else {
        return;
    };
    assert!(
        lacking.contains(&format!("{AUDIT_LACKING}rbac.authorization.k8s.io")),
        "{lacking:?}"
    );
    let ours = include_str!("../../../appliance/files/audit-policy.yaml");
    assert_eq!(noted_as_lacking(ours).await, Some(Vec::new()));
}

#[tokio::test]
async fn without_a_certificate_of_the_api_server_nobody_tells_stories() {
    dmp_core::install_crypto_provider();
    let folder = tempfile::tempdir().unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    certificates(folder.path(), address);
    let (sender, mut queue) = mpsc::channel(16);
    let config = Config {
        listen: address,
        files: folder.path().to_owned(),
        namespace: "dmp-system".to_owned(),
    };
    tokio::spawn(async move { listener::serve(&config, router(Receiver::new(sender, None, None))).await });
    let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    let ca = reqwest::Certificate::from_pem(&read("ca.crt")).unwrap();
    let story = json!({ "items": [{
        "auditID": "1", "stage": "ResponseComplete", "verb": "get", "user": { "username": "admin" },
        "objectRef": { "resource": "secrets", "namespace": "dmp-tanger", "name": "x" },
        "responseStatus": { "code": 200 },
    }] });
    let tell = |client: reqwest::Client, body: String| async move {
        let url = format!("https://{address}/v1/kubernetes-audit");
        client
            .post(url)
            .body(body)
            .send()
            .await
            .map(|answer| answer.status().as_u16())
    };
    let client = || reqwest::Client::builder().add_root_certificate(ca.clone());
    let identity = [read("client.crt"), read("client.key")].concat();
    let known = client()
        .identity(reqwest::Identity::from_pem(&identity).unwrap())
        .build()
        .unwrap();
    let mut answer = tell(known.clone(), story.to_string()).await;
    for _ in 0..50 {
        if answer.is_ok() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        answer = tell(known.clone(), story.to_string()).await;
    }
    assert_eq!(answer.unwrap(), 200);
    assert_eq!(queue.recv().await.unwrap().len(), 1);
    assert!(tell(client().build().unwrap(), story.to_string()).await.is_err());
    assert_eq!(tell(known, "no batch".to_owned()).await.unwrap(), 400);
    assert!(queue.try_recv().is_err());
}

/// What is kept of who came.
async fn kept(objects: &Api<ConfigMap>) -> (Observation, String) {
    let object = objects.get(CONFIG_MAP).await.unwrap();
    let observation = serde_json::from_str(&object.data.unwrap()[KEY]).unwrap();
    (observation, object.metadata.resource_version.unwrap())
}

#[tokio::test]
async fn who_came_is_kept_for_a_day_whichever_replica_heard_it() {
    let Some(world) = World::start().await else {
        return;
    };
    let operator = world.as_operator().await;
    let namespace =
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": EVIDENCE_NAMESPACE } });
    world.apply(&namespace).await;
    let objects = Api::<ConfigMap>::namespaced(operator.clone(), EVIDENCE_NAMESPACE);
    let came = |user: &str| -> Vec<Event> {
        let event = json!({
            "stage": "ResponseComplete", "level": "Metadata", "verb": "get", "user": { "username": user, "groups": [] },
            "objectRef": { "resource": "platforms", "apiGroup": "dmp.ma", "name": "national" },
            "responseStatus": { "code": 200 },
        });
        vec![serde_json::from_value(event).unwrap()]
    };
    let first: Timestamp = "2026-11-29T10:00:00Z".parse().unwrap();
    let (one, two) = (Uses::new(operator.clone()), Uses::new(operator.clone()));
    one.write(first).await.unwrap();
    assert!(
        objects.get_opt(CONFIG_MAP).await.unwrap().is_none(),
        "nobody came"
    );

    // Both heard somebody, and of the same too.
    for (uses, users) in [
        (&one, ["leila@example.ma", "omar@example.ma"]),
        (&two, ["sara@example.ma", "omar@example.ma"]),
    ] {
        for user in users {
            uses.note(&came(user), first);
        }
        uses.write(first).await.unwrap();
    }
    let (seen, version) = kept(&objects).await;
    assert_eq!(seen.since, date(2026, 11, 29));
    assert_eq!(
        seen.days,
        people_of().map(|name| (name, date(2026, 11, 29))).into()
    );
    let text = serde_json::to_string(&objects.get(CONFIG_MAP).await.unwrap()).unwrap();
    assert!(!text.contains("leila") && !text.contains("example.ma"), "{text}");

    // The same day again, a replica that has just started, and one that heard what the other wrote: nothing is written.
    let later: Timestamp = "2026-11-29T23:00:00Z".parse().unwrap();
    let third = Uses::new(operator.clone());
    for (uses, user) in [
        (&one, "omar@example.ma"),
        (&two, "leila@example.ma"),
        (&third, "sara@example.ma"),
    ] {
        uses.note(&came(user), later);
        uses.write(later).await.unwrap();
    }
    assert_eq!(kept(&objects).await.1, version);

    // The next day, to the minute; both at once: nobody's is lost.
    let next: Timestamp = "2026-11-30T00:00:00Z".parse().unwrap();
    one.note(&came("leila@example.ma"), next);
    two.note(&came("sara@example.ma"), next);
    let (first_try, second_try) = tokio::join!(one.write(next), two.write(next));
    first_try.unwrap();
    second_try.unwrap();
    // Who was slower tries again.
    one.write(next).await.unwrap();
    two.write(next).await.unwrap();
    let (seen, _) = kept(&objects).await;
    let (old, new) = (date(2026, 11, 29), date(2026, 11, 30));
    let [leila, omar, sara] = people_of();
    assert_eq!(seen.days, [(leila, new), (omar, old), (sara, new)].into());
    assert_eq!(seen.since, old);

    // What somebody wrote over it begins anew.
    let garbage = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": CONFIG_MAP, "namespace": EVIDENCE_NAMESPACE },
        "data": { KEY: "{}" },
    });
    world.apply(&garbage).await;
    one.note(&came("omar@example.ma"), next);
    one.write(next).await.unwrap();
    let (seen, _) = kept(&objects).await;
    assert_eq!((seen.since, seen.days.len()), (new, 1));
}

/// As they are kept.
fn people_of() -> [String; 3] {
    ["leila@example.ma", "omar@example.ma", "sara@example.ma"].map(person)
}

#[tokio::test]
async fn a_person_who_only_reads_and_a_service_account_with_a_token_are_heard() {
    dmp_core::install_crypto_provider();
    let folder = tempfile::tempdir().unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
    certificates(folder.path(), address);
    let heard = Arc::new(Mutex::new(Vec::<Event>::new()));
    let keep = |State(heard): State<Arc<Mutex<Vec<Event>>>>, Json(list): Json<EventList>| async move {
        heard.lock().unwrap().extend(list.items);
    };
    let receiver = Router::new()
        .route("/v1/kubernetes-audit", post(keep))
        .layer(DefaultBodyLimit::disable())
        .with_state(heard.clone());
    let config = Config {
        listen: address,
        files: folder.path().to_owned(),
        namespace: "dmp-system".to_owned(),
    };
    tokio::spawn(async move { listener::serve(&config, receiver).await });

    let policy = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../appliance/files/audit-policy.yaml"
    );
    let Some(server) = Server::start_with(&[
        format!("--audit-policy-file={policy}"),
        format!(
            "--audit-webhook-config-file={}",
            folder.path().join("webhook.json").display()
        ),
        "--audit-webhook-batch-max-wait=1s".to_owned(),
    ])
    .await
    else {
        return;
    };
    let administrator = server.administrator().await;
    assert_eq!(administrator.get("/version").await.code, 200);
    let nobody = "/api/v1/namespaces/default/configmaps/read-by-a-person";
    assert_eq!(administrator.get(nobody).await.code, 404);
    let token = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": { "audiences": ["openbao"] },
    });
    let tokens = "/api/v1/namespaces/dmp-system/serviceaccounts/dmp-operator/token";
    let kubelet = server
        .act_as("system:node:node-1", &["system:nodes", "system:masters"])
        .await;
    assert_eq!(kubelet.post(tokens, &token).await.code, 200);
    let begun = std::time::Instant::now();
    let (read, given) = loop {
        let events = heard.lock().unwrap().clone();
        let of = |resource: &str, subresource: &str, name: &str| {
            let is = |event: &&Event| {
                let object = event.object_ref.as_ref();
                object.is_some_and(|object| {
                    (object.resource.as_str(), object.subresource.as_str()) == (resource, subresource)
                        && object.name == name
                })
            };
            events.iter().find(is).cloned()
        };
        let read = of("configmaps", "", "read-by-a-person");
        if let (Some(read), Some(given)) = (read, of("serviceaccounts", "token", "dmp-operator")) {
            break (read, given);
        }
        assert!(begun.elapsed() < PATIENCE, "{events:?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    assert_eq!(
        (read.user.username.as_str(), read.level.as_str()),
        ("admin", "Metadata")
    );
    assert_eq!((given.verb.as_str(), given.code()), ("create", 201));
    let events = heard.lock().unwrap().clone();
    assert!(events.iter().all(|event| event.request_uri != "/version"));
}
