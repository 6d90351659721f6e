//! The platform against the people who run it: everybody tries to get at a record, and what comes of it is written down.
//!
//! For no role of the product anything may succeed; what a cluster administrator succeeds in, and every attempt that was
//! refused, must have left a finding. The table becomes `docs/security/residual-risk.md`
//! (`DMP_WRITE_DOCS=1` writes it; otherwise the test fails when it is stale and leaves the new one in `artifacts/e2e`).

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use dmp_api::names::SYSTEM_NAMESPACE;
use dmp_testkit::kubernetes::{self, Answer, client_as};
use dmpctl::demo::{CASABLANCA, TANGER};
use dmpctl::install::openbao::SERVER_NAME;
use dmpctl::kubernetes::endpoint::{Dial, Endpoint};
use http::Method;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use k8s_openapi::api::events::v1::Event;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt as _};
use serde_json::{Value, json};

use crate::administrators_attempts::{
    AS_A_KUBELET, Attempt, Call, OPENBAO_DECRYPT, OPENBAO_POLICY, Target, attempts,
};
use crate::administrators_page::{ACTORS, Outcome, Row, page};
use crate::stage::{Stage, on_stage};

const OPERATOR: &str = "system:serviceaccount:dmp-system:dmp-operator";
const ADMINISTRATOR: &str = "dmp:admin";
const PATIENCE: Duration = Duration::from_secs(90);

/// Somebody with an own connection.
struct Actor {
    name: &'static str,
    /// User name; the administrator's own for itself, otherwise put on by impersonation.
    user: String,
    client: Client,
}

/// In the order of [`ACTORS`]; people are bound as docs/security says.
async fn actors(stage: &Stage, namespace: &str) -> Vec<Actor> {
    let mut actors = Vec::new();
    for name in ACTORS {
        let user = match name {
            "operator" => OPERATOR.to_owned(),
            "cluster-admin" => ADMINISTRATOR.to_owned(),
            role => format!("e2e:{role}"),
        };
        if user.starts_with("e2e:") {
            bind(stage, name, &user, namespace).await;
        }
        let groups: &[&str] = match name {
            "operator" => &[
                "system:serviceaccounts",
                "system:serviceaccounts:dmp-system",
                "system:authenticated",
            ],
            _ => &["system:authenticated"],
        };
        let client = match name {
            "cluster-admin" => stage.client.clone(),
            _ => client_as(&stage.running.kubeconfig, &user, groups).await,
        };
        actors.push(Actor { name, user, client });
    }
    actors
}

async fn bind(stage: &Stage, role: &str, user: &str, namespace: &str) {
    let everywhere = role != "group-admin";
    let kind = if everywhere {
        "ClusterRoleBinding"
    } else {
        "RoleBinding"
    };
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": { "name": format!("e2e-{role}") },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": format!("dmp-{role}") },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user }],
    });
    let path = if everywhere {
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings".to_owned()
    } else {
        format!("/apis/rbac.authorization.k8s.io/v1/namespaces/{namespace}/rolebindings")
    };
    let answer = send(&stage.client, Method::POST, &path, &binding).await;
    assert!(answer.code < 300 || answer.code == 409, "{answer:?}");
}

async fn send(client: &Client, method: Method, path: &str, body: &Value) -> Answer {
    // A container of several is named in the patch.
    let kind = match (
        method == Method::PATCH,
        path.contains("/pods/") || path.contains("/deployments/"),
    ) {
        (true, true) => "application/strategic-merge-patch+json",
        (true, false) => "application/merge-patch+json",
        (false, _) => "application/json",
    };
    kubernetes::send(client, method, path, kind, body).await
}

/// A policy says its name (and 403, or 422 without its parameter), RBAC 403; whatever else comes after both have let it pass.
fn outcome(answer: &Answer) -> Outcome {
    if answer.message.contains("ValidatingAdmissionPolicy '") {
        return Outcome::Policy;
    }
    if answer.code == 403 {
        Outcome::NoRight
    } else {
        Outcome::Succeeds
    }
}

/// What the finding about somebody's request begins with, after its outcome.
fn marker(actor: &Actor, trace: &str) -> String {
    if actor.name == "cluster-admin" {
        format!(": {ADMINISTRATOR} {trace}")
    } else {
        format!(": {ADMINISTRATOR} (as {}) {trace}", actor.user)
    }
}

/// Findings that must come: reason, and what the note contains.
type Expected = BTreeSet<(String, String)>;

async fn at_the_api_server(
    actors: &[Actor],
    attempt: Attempt,
    own_right: &BTreeSet<&str>,
    expected: &mut Expected,
) -> Row {
    let mut row = Row {
        title: attempt.title,
        limits: attempt.limits,
        outcomes: Default::default(),
        traces: BTreeSet::new(),
    };
    for (actor, outcomes) in actors.iter().zip(&mut row.outcomes) {
        for Call {
            method,
            path,
            body,
            reason,
            trace,
        } in &attempt.calls
        {
            let answer = send(&actor.client, method.clone(), path, body).await;
            let by_right = actor.name == "operator" && own_right.contains(trace);
            let outcome = match outcome(&answer) {
                Outcome::Succeeds if by_right => Outcome::ByRight,
                outcome => outcome,
            };
            assert!(
                outcome != Outcome::Succeeds || actor.name == "cluster-admin",
                "{} by {}: {answer:?}",
                attempt.title,
                actor.name
            );
            let _ = outcomes.insert(outcome);
            let _ = expected.insert(((*reason).to_owned(), marker(actor, trace)));
            let _ = row.traces.insert((*reason).to_owned());
        }
    }
    row
}

async fn pods(client: &Client, namespace: &str, app: &str) -> Vec<Pod> {
    let parameters = ListParams::default().labels(&format!("app.kubernetes.io/name={app}"));
    let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
    let running = |pod: &Pod| {
        pod.status
            .as_ref()
            .is_some_and(|status| status.phase.as_deref() == Some("Running"))
            && pod.metadata.deletion_timestamp.is_none()
    };
    api.list(&parameters)
        .await
        .unwrap()
        .items
        .into_iter()
        .filter(running)
        .collect()
}

/// A pod's token for OpenBao, as its kubelet gets it: the administrator acts as the node.
async fn token_as_kubelet(stage: &Stage, namespace: &str, app: &str) -> String {
    let pod = pods(&stage.client, namespace, app).await.remove(0);
    let node = format!(
        "system:node:{}",
        pod.spec.as_ref().unwrap().node_name.as_ref().unwrap()
    );
    let kubelet = client_as(
        &stage.running.kubeconfig,
        &node,
        &["system:nodes", "system:authenticated"],
    )
    .await;
    let request = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
        "spec": {
            "audiences": ["openbao"], "expirationSeconds": 600,
            "boundObjectRef": {
                "apiVersion": "v1", "kind": "Pod", "name": pod.name_any(), "uid": pod.uid().unwrap(),
            },
        },
    });
    let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{app}/token");
    let answer = send(&kubelet, Method::POST, &path, &request).await;
    assert_eq!(answer.code, 200, "{answer:?}");
    let answer: Value = serde_json::from_str(&answer.message).unwrap();
    answer["status"]["token"].as_str().unwrap().to_owned()
}

async fn openbao(stage: &Stage) -> Endpoint {
    let maps: Api<ConfigMap> = Api::namespaced(stage.client.clone(), SYSTEM_NAMESPACE);
    let map = maps.get("openbao-ca").await.unwrap();
    let dial = Dial::PortForward {
        pods: Box::new(Api::namespaced(stage.client.clone(), SYSTEM_NAMESPACE)),
        pod: "openbao-0".to_owned(),
        port: 8200,
    };
    Endpoint::new(dial, SERVER_NAME, &map.data.unwrap()["ca.crt"]).unwrap()
}

/// Somebody who has logged in.
struct Session<'a> {
    endpoint: &'a Endpoint,
    token: String,
}

impl<'a> Session<'a> {
    async fn open(endpoint: &'a Endpoint, namespace: Option<&str>, role: &str, jwt: &str) -> Self {
        let mut session = Self {
            endpoint,
            token: String::new(),
        };
        let body = json!({ "role": role, "jwt": jwt });
        let answer = session.call(namespace, "auth/kubernetes/login", &body).await;
        assert_eq!(answer.0, 200, "{}", answer.1);
        session.token = answer.1["auth"]["client_token"].as_str().unwrap().to_owned();
        session
    }

    async fn call(&self, namespace: Option<&str>, path: &str, body: &Value) -> (u16, Value) {
        let mut headers = vec![("x-vault-request", "true")];
        headers.extend(namespace.map(|namespace| ("x-vault-namespace", namespace)));
        if !self.token.is_empty() {
            headers.push(("x-vault-token", &self.token));
        }
        let path = format!("/v1/{path}");
        let answer = self
            .endpoint
            .call(Method::POST, &path, &headers, Some(body))
            .await
            .unwrap();
        (answer.status.as_u16(), answer.body)
    }

    /// Whether OpenBao lets it: what it then makes of the request does not matter.
    async fn may(&self, namespace: &str, path: &str, body: &Value) -> bool {
        self.call(Some(namespace), path, body).await.0 != 403
    }

    async fn may_change_rules(&self, namespace: &str) -> bool {
        let policy = json!({ "policy": "path \"*\" { capabilities = [\"read\"] }" });
        let role = json!({
            "bound_service_account_names": "default", "bound_service_account_namespaces": "default",
            "audience": "openbao", "token_policies": "records",
        });
        self.may(namespace, "sys/policies/acl/records", &policy).await
            || self.may(namespace, "auth/kubernetes/role/records", &role).await
    }

    async fn may_decrypt(&self, namespace: &str) -> bool {
        let body = json!({ "ciphertext": "vault:v1:AAAA", "context": "AAAA" });
        self.may(namespace, "transit/decrypt/kek", &body).await
            || self
                .may(
                    namespace,
                    "transit/datakey/plaintext/kek",
                    &json!({ "context": "AAAA" }),
                )
                .await
    }
}

/// Whether RBAC lets somebody act as others.
async fn may_impersonate(stage: &Stage, user: &str) -> bool {
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
        "spec": {
            "user": user, "groups": ["system:authenticated"],
            "resourceAttributes": { "verb": "impersonate", "resource": "users", "name": "system:node:node-1" },
        },
    });
    let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    let answer = send(&stage.client, Method::POST, path, &review).await;
    let answer: Value = serde_json::from_str(&answer.message).unwrap();
    answer["status"]["allowed"] == true
}

fn refused(
    outcomes: [Outcome; 5],
    (title, limits): (&'static str, &'static str),
    trace: Option<&str>,
) -> Row {
    Row {
        title,
        limits,
        outcomes: outcomes.map(|outcome| BTreeSet::from([outcome])),
        traces: trace.into_iter().map(str::to_owned).collect(),
    }
}

/// The rows about tokens as a kubelet gets them, and about OpenBao.
async fn beyond_the_api_server(
    stage: &Stage,
    actors: &[Actor],
    namespace: &str,
    expected: &mut Expected,
) -> Vec<Row> {
    let mut kubelet = [const { Outcome::NoRight }; 5];
    for (actor, outcome) in actors.iter().zip(&mut kubelet) {
        let may = actor.name == "cluster-admin" || may_impersonate(stage, &actor.user).await;
        if may {
            *outcome = Outcome::Succeeds;
        }
    }
    let records_token = token_as_kubelet(stage, namespace, "records").await;
    let operator_token = token_as_kubelet(stage, SYSTEM_NAMESPACE, "dmp-operator").await;
    let node = "(as system:node:node-1) create serviceaccounts/token".to_owned();
    let _ = expected.insert(("TokenRequested".to_owned(), node.clone()));
    let _ = expected.insert(("Impersonated".to_owned(), node));

    let endpoint = openbao(stage).await;
    let group = format!("group-{TANGER}");
    let operator = Session::open(&endpoint, None, "dmp-system.dmp-operator", &operator_token).await;
    let records = Session::open(&endpoint, Some(&group), "records", &records_token).await;
    // Who has no token of the platform does not even reach it: a port-forward.
    let forward = "/api/v1/namespaces/dmp-system/pods/openbao-0/portforward?ports=8200";
    let mut outside = Vec::new();
    for actor in actors {
        let answer = send(&actor.client, Method::POST, forward, &Value::Null).await;
        outside.push(outcome(&answer));
    }
    let verdict = |may: bool| if may { Outcome::Succeeds } else { Outcome::OpenBao };
    let row = |operator: bool, administrator: bool| {
        let [_, host, group_admin, security, _] = [0, 1, 2, 3, 4].map(|index| outside[index].clone());
        [
            verdict(operator),
            host,
            group_admin,
            security,
            verdict(administrator),
        ]
    };
    let rules = (
        operator.may_change_rules(&group).await,
        records.may_change_rules(&group).await,
    );
    let decrypts = (
        operator.may_decrypt(&group).await,
        records.may_decrypt(&group).await,
    );
    assert!(
        decrypts.1,
        "the identity of `records` itself decrypts, or this test proves nothing"
    );
    let elsewhere = format!("group-{CASABLANCA}");
    assert!(
        !records.may_decrypt(&elsewhere).await,
        "the keys of another group"
    );
    vec![
        refused(kubelet, AS_A_KUBELET, Some("TokenRequested")),
        refused(row(rules.0, rules.0 || rules.1), OPENBAO_POLICY, None),
        refused(
            row(decrypts.0, decrypts.0 || decrypts.1),
            OPENBAO_DECRYPT,
            Some("TokenRequested"),
        ),
    ]
}

/// Notes of the findings since `begin`, by reason.
async fn findings(stage: &Stage, begin: Timestamp) -> Vec<(String, String)> {
    let events: Api<Event> = Api::namespaced(stage.client.clone(), "default");
    let since = |event: &Event| {
        let first = event.event_time.as_ref().map(|time| time.0);
        let last = event.series.as_ref().map(|series| series.last_observed_time.0);
        first.max(last).is_some_and(|time| time >= begin)
    };
    events
        .list(&ListParams::default())
        .await
        .unwrap()
        .items
        .into_iter()
        .filter(|event| event.reporting_controller.as_deref() == Some("dmp-operator/kubernetes-audit"))
        .filter(since)
        .map(|event| (event.reason.unwrap_or_default(), event.note.unwrap_or_default()))
        .collect()
}

async fn wait_for_findings(stage: &Stage, begin: Timestamp, expected: &Expected) {
    let start = Instant::now();
    loop {
        let found = findings(stage, begin).await;
        let missing: Vec<_> = expected
            .iter()
            .filter(|(reason, text)| {
                !found
                    .iter()
                    .any(|(found, note)| found == reason && note.contains(&format!("{text} ")))
            })
            .collect();
        if missing.is_empty() {
            return;
        }
        assert!(
            start.elapsed() < PATIENCE,
            "no finding of: {missing:#?}\nfound: {found:#?}"
        );
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

fn keep(page: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let file = root.join("docs/security/residual-risk.md");
    if std::env::var_os("DMP_WRITE_DOCS").is_some() {
        std::fs::write(&file, page).unwrap();
        return;
    }
    if std::fs::read_to_string(&file).ok().as_deref() != Some(page) {
        let folder = root.join("artifacts/e2e");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("residual-risk.md"), page).unwrap();
        panic!(
            "docs/security/residual-risk.md is stale: look at artifacts/e2e/residual-risk.md, and copy it if it is right"
        );
    }
}

#[test]
fn administrators() {
    on_stage("administrators", async |stage| {
        let begin = Timestamp::now();
        let namespace = format!("dmp-{TANGER}");
        let actors = actors(stage, &namespace).await;
        // The authorizer reads bindings from a cache.
        for actor in &actors {
            let path = format!("/api/v1/namespaces/{namespace}/pods");
            let start = Instant::now();
            while actor.name != "operator"
                && send(&actor.client, Method::GET, &path, &Value::Null).await.code != 200
            {
                assert!(start.elapsed() < PATIENCE, "{} sees no pods", actor.name);
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        let pod = pods(&stage.client, &namespace, "records").await.remove(0);
        let target = Target {
            namespace: namespace.clone(),
            pod: pod.name_any(),
            node: pod.spec.as_ref().unwrap().node_name.clone().unwrap(),
            image: pod.spec.as_ref().unwrap().containers[0].image.clone().unwrap(),
        };
        // Renders databases, configuration and workloads: that is what it is there for.
        let own_right = BTreeSet::from([
            "patch apps/deployments",
            "patch configmaps",
            "create postgresql.cnpg.io/clusters",
        ]);
        let mut expected = Expected::new();
        let mut rows = Vec::new();
        for attempt in attempts(&target) {
            rows.push(at_the_api_server(&actors, attempt, &own_right, &mut expected).await);
        }
        let beyond = beyond_the_api_server(stage, &actors, &namespace, &mut expected).await;
        // Beside the first row: both are about the token.
        for (index, row) in beyond.into_iter().enumerate() {
            if index == 0 {
                rows.insert(1, row)
            } else {
                rows.push(row)
            }
        }
        // An administrator who acts as somebody is seen as such, whatever he does: also the operator's daily work.
        wait_for_findings(stage, begin, &expected).await;
        keep(&page(&rows));
    });
}

/// The page in the repository has a row for every attempt; this needs no appliance.
#[test]
fn the_page_has_every_attempt() {
    let page = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/security/residual-risk.md"),
    )
    .unwrap();
    let target = Target {
        namespace: "n".to_owned(),
        pod: "p".to_owned(),
        node: "n".to_owned(),
        image: "i".to_owned(),
    };
    let titles = attempts(&target)
        .into_iter()
        .map(|attempt| (attempt.title, attempt.limits));
    for (title, limits) in titles.chain([AS_A_KUBELET, OPENBAO_POLICY, OPENBAO_DECRYPT]) {
        assert!(page.contains(&format!("| {title} |")), "{title}");
        assert!(page.contains(&format!("| {limits} |")), "{limits}");
    }
}
