//! What is wrong with pods and bindings that came before the admission policies, or past them.

use dmp_evaluator::publish::Publisher;
use dmp_evaluator::run::once;
use dmp_policies::openreports::Answer;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::world::{World, result};

/// Verdict and message of a check after a pass.
async fn said(world: &World, control: &str, check: &str) -> (Answer, String) {
    let mut publisher = Publisher::default();
    once(
        &world.evaluator,
        &world.catalogue,
        &mut publisher,
        Timestamp::now(),
    )
    .await
    .unwrap();
    let report = world.report().await;
    let result = result(&report, control, check);
    (result.result, result.message.clone())
}

/// A pod without a token.
fn pod(place: &str, account: &str, mut container: Value) -> Value {
    let (namespace, name) = place.split_once('/').unwrap();
    container["name"] = json!("c");
    container["image"] = json!("dmp");
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "namespace": namespace },
        "spec": { "serviceAccountName": account, "automountServiceAccountToken": false, "containers": [container] },
    })
}

fn bind(name: &str, role: &str, user: &str) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": { "name": name },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role },
        "subjects": [{ "apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user }],
    })
}

#[tokio::test]
async fn a_secret_in_the_text_of_a_pod_is_found_and_not_repeated() {
    let Some(world) = World::start().await else {
        return;
    };
    world.namespace("dmp-national", "privileged").await;
    let secrets = async || said(&world, "DMP-WRK-06", "pods").await;
    assert_eq!(secrets().await.0, Answer::Fail, "no pod was asked about");
    let plain = json!({ "env": [{ "name": "DMP_LOG", "value": "info" }], "command": ["dmp", "audit"] });
    world.apply(&pod("dmp-national/audit-1", "audit", plain)).await;
    let written = json!({ "env": [{ "name": "DB_PASSWORD", "value": "letmein" }] });
    world
        .apply(&pod("default/theirs", "default", written.clone()))
        .await;
    let (answer, message) = secrets().await;
    assert_eq!(answer, Answer::Pass, "{message}");

    let tool = pod("dmp-national/tool", "tool", written);
    world.apply(&tool).await;
    let (answer, message) = secrets().await;
    assert_eq!(answer, Answer::Fail);
    assert!(message.contains("(dmp-national/tool)"), "{message}");
    let kept = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "dmp-wrk-06.pods", "namespace": "dmp-evidence" },
    });
    let kept = world.get(&kept).await.unwrap().to_string();
    assert!(
        kept.contains("it is read from the vault") && !kept.contains("letmein"),
        "{kept}"
    );
    world.delete(&tool).await;
    let (answer, message) = secrets().await;
    assert_eq!(answer, Answer::Pass, "{message}");
}

#[tokio::test]
async fn a_token_of_the_default_account_and_a_role_of_nobody_are_found() {
    let Some(world) = World::start().await else {
        return;
    };
    world.namespace("dmp-national", "privileged").await;
    let tokens = async || said(&world, "DMP-IAM-04", "tokens").await;
    assert_eq!(tokens().await.0, Answer::Fail, "no pod was asked about");
    world
        .apply(&pod("dmp-national/probe-1", "default", json!({})))
        .await;
    let (answer, message) = tokens().await;
    assert_eq!(answer, Answer::Pass, "{message}");
    let mut tool = pod("dmp-national/tool", "default", json!({}));
    tool["spec"]["automountServiceAccountToken"] = json!(true);
    world.apply(&tool).await;
    let (answer, message) = tokens().await;
    assert_eq!(answer, Answer::Fail);
    assert!(message.contains("(dmp-national/tool)"), "{message}");

    let subjects = async || said(&world, "DMP-IAM-04", "subjects").await;
    world.apply(&bind("host", "dmp-host", "amina@host.example")).await;
    world.apply(&bind("theirs", "view", "admin")).await;
    let (answer, message) = subjects().await;
    assert_eq!(answer, Answer::Pass, "{message}");
    let shared = bind("everybodys", "dmp-host", "admin@host.example");
    world.apply(&shared).await;
    let (answer, message) = subjects().await;
    assert_eq!(answer, Answer::Fail);
    assert!(message.contains("(everybodys)"), "{message}");
    let report = serde_json::to_string(&world.report().await).unwrap();
    assert!(!report.contains("@host.example"));
    world.delete(&shared).await;
    assert_eq!(subjects().await.0, Answer::Pass);
}

#[tokio::test]
async fn two_incompatible_roles_of_one_subject_are_found() {
    let Some(world) = World::start().await else {
        return;
    };
    let pairs = async || said(&world, "DMP-IAM-03", "pairs").await;
    world.apply(&bind("one", "dmp-host", "amina@host.example")).await;
    world
        .apply(&bind("other", "dmp-security", "brahim@security.example"))
        .await;
    let mut own = bind("own", "dmp-group-admin", "amina@host.example");
    own["kind"] = json!("RoleBinding");
    own["metadata"]["namespace"] = json!("default");
    world.apply(&own).await;
    let (answer, message) = pairs().await;
    assert_eq!(answer, Answer::Pass, "{message}");

    let second = bind("second", "dmp-security", "amina@host.example");
    world.apply(&second).await;
    let (answer, message) = pairs().await;
    assert_eq!(answer, Answer::Fail);
    assert!(message.contains("(person by "), "{message}");
    assert!(!message.contains("amina"), "{message}");
    world.delete(&second).await;
    assert_eq!(pairs().await.0, Answer::Pass);
}
