//! The evaluator over many health groups, beside the operator that made them: its passes, idleness, a breach, memory.

use std::time::{Duration, Instant};

use dmp_testkit::requests;
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::PostParams;
use serde_json::json;
use tokio::time::sleep;

use crate::measure::{Memory, processor_time};
use crate::report::Table;
use crate::world::{Operator, World};

/// Pods of a group: its record store, two databases, what else a group has.
const PODS: usize = 6;
const AT_ONCE: usize = 16;
/// Three passes at least.
const IDLE: Duration = Duration::from_secs(70);

/// Measures into the table; the groups are those of the bench.
pub async fn evaluation(world: &World, groups: &[String], table: &mut Table) {
    futures::stream::iter(groups)
        .for_each_concurrent(AT_ONCE, |group| pods(world, group))
        .await;
    let evaluator = world.evaluator();
    let begun = Instant::now();
    let limit = Duration::from_secs(120 + groups.len() as u64);
    while success(&evaluator).await == 0.0 {
        assert!(begun.elapsed() < limit, "no pass in {limit:?}");
        sleep(Duration::from_millis(100)).await;
    }
    table.row(
        format!(
            "evaluation of {} groups of {PODS} pods: started, everything reported",
            groups.len()
        ),
        format!("{:.1} s", begun.elapsed().as_secs_f64()),
    );

    // The second pass reports on the first one's report; from then on nothing changes.
    sleep(IDLE).await;
    let (writes, busy) = (
        requests::writes(&world.metrics().await),
        processor_time(evaluator.pid()),
    );
    let before = passes(&evaluator).await;
    sleep(IDLE).await;
    let after = passes(&evaluator).await;
    let busy = processor_time(evaluator.pid()).saturating_sub(busy);
    table.row(
        "evaluation: reading and judging everything, mean of a pass",
        format!(
            "{:.2} s (n = {})",
            (after.1 - before.1) / (after.0 - before.0),
            after.0 - before.0
        ),
    );
    table.row(
        format!(
            "evaluation when nothing changes, {} s: write requests, processor time",
            IDLE.as_secs()
        ),
        format!(
            "{}, {:.2} s",
            requests::writes(&world.metrics().await) - writes,
            busy.as_secs_f64()
        ),
    );

    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": { "name": "a-pipeline" },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin" },
        "subjects": [{ "kind": "ServiceAccount", "name": "a-pipeline", "namespace": "default" }],
    });
    world.apply(&binding).await;
    let begun = Instant::now();
    while !reported(world).await {
        assert!(begun.elapsed() < limit, "the breach is not reported");
        sleep(Duration::from_millis(100)).await;
    }
    table.row(
        "a right given to a pipeline: in the report after (passes are 20 s apart)",
        format!("{:.1} s", begun.elapsed().as_secs_f64()),
    );
    let memory = Memory::of(evaluator.pid());
    table.row(
        "memory of the evaluator: now, peak",
        format!("{} MiB, {} MiB", memory.now, memory.peak),
    );
}

/// Objects that nobody starts.
async fn pods(world: &World, group: &str) {
    let api = Api::<Pod>::namespaced(world.client.clone(), &format!("dmp-{group}"));
    for number in 0..PODS {
        let pod = json!({
            "metadata": { "name": format!("bench-{number}"), "labels": { "app.kubernetes.io/name": "records" } },
            "spec": {
                "automountServiceAccountToken": false,
                "securityContext": { "runAsNonRoot": true, "seccompProfile": { "type": "RuntimeDefault" } },
                "containers": [{
                    "name": "bench", "image": "bench", "ports": [{ "containerPort": 8443 }],
                    "securityContext": { "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } },
                    "resources": { "requests": { "cpu": "1m", "memory": "1Mi" }, "limits": { "cpu": "1m", "memory": "1Mi" } },
                }],
            },
        });
        let pod = serde_json::from_value(pod).expect("a pod");
        let _made = api.create(&PostParams::default(), &pod).await.expect("a pod");
    }
}

async fn success(evaluator: &Operator) -> f64 {
    evaluator
        .sample("dmp_evaluation_last_success_timestamp_seconds")
        .await
}

/// How many, and seconds together.
async fn passes(evaluator: &Operator) -> (f64, f64) {
    (
        evaluator.sample("dmp_evaluation_seconds_count").await,
        evaluator.sample("dmp_evaluation_seconds_sum").await,
    )
}

async fn reported(world: &World) -> bool {
    let report = json!({
        "apiVersion": "openreports.io/v1alpha1", "kind": "ClusterReport", "metadata": { "name": "dmp-controls" },
    });
    let live = world.api(&report).get("dmp-controls").await.expect("the report");
    let results = live.data["results"].as_array().cloned().unwrap_or_default();
    results.iter().any(|result| {
        result["policy"] == "DMP-IAM-01" && result["message"].to_string().contains("default/a-pipeline")
    })
}
