//! What is wrong with pods that came before the admission policies, or past them.

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

fn pod(place: &str, account: &str, container: Value) -> Value {
    let (namespace, name) = place.split_once('/').unwrap();
    let mut container = container;
    container["name"] = json!("c");
    container["image"] = json!("dmp");
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name, "namespace": namespace },
        "spec": { "serviceAccountName": account, "automountServiceAccountToken": false, "containers": [container] },
    })
}

#[tokio::test]
async fn a_secret_in_the_text_of_a_pod_is_found_and_not_repeated() {
    let Some(world) = World::start().await else {
        return;
    };
    world.namespace("dmp-national", "restricted").await;
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
