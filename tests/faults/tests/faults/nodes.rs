//! A whole node of three is lost: every process on it killed at once, its cable cut.
//!
//! An appliance of its own (`flt3`), every database with three instances. The node lost is one with a primary and without
//! OpenBao, which has one instance (residual: its node's loss stops log-ins and new keys until it is back).

use std::time::{Duration, Instant};

use dmp_e2e::stage::on_runtime;
use dmp_faults::cluster::{Cluster, NATIONAL, SYSTEM, TANGER, until};
use dmp_faults::scene::{Fault, Happened, Scene, options};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::json;

const INSTANCES: i64 = 3;
const READY: Duration = Duration::from_secs(900);
/// Fourteen new instances and their pods' network programs are made on one machine: that is over before the fault.
const SETTLE: Duration = Duration::from_secs(90);
/// A replica is primary within this time (issue 4).
const PROMOTION: Duration = Duration::from_secs(30);

#[test]
fn z1_a_node_of_three() {
    on_runtime(async {
        let scene = Scene::set_with(options("flt3", 3)).await;
        let cluster = &scene.cluster;
        three_instances(cluster).await;
        let victim = victim(cluster).await;
        move_primary(cluster, &victim).await;
        tokio::time::sleep(SETTLE).await;

        let fault = Fault {
            id: "node",
            order: 80,
            title: "SIGKILL of a whole node of three, with the primary of `records` on it".to_owned(),
            must: "a replica is primary within 30 s with every acknowledged write; its services run elsewhere",
        };
        scene
            .perform(fault, async |_| {
                let lost = pods_on(cluster, &victim).await;
                let since = Instant::now();
                dmp_appliance::kill_node(&cluster.options, &victim).await.unwrap();
                let promoted = until("another primary", Duration::from_secs(120), async || {
                    node_of_primary(cluster).await.is_some_and(|node| node != victim)
                })
                .await;
                assert!(promoted <= PROMOTION, "promoted after {promoted:?}");
                Happened::at(
                    since,
                    format!(
                        "{} pods lost, another primary of `records` after {:.1} s",
                        lost,
                        promoted.as_secs_f64()
                    ),
                )
            })
            .await;

        let back = Instant::now();
        cluster.repair().await;
        until("every instance again", READY, async || all_ready(cluster).await).await;
        eprintln!(
            "the node is back, every instance ready after {:.1} s",
            back.elapsed().as_secs_f64()
        );
    });
}

/// One plane after the other: fourteen new instances at once take two cores for so long that CloudNativePG's operator loses its
/// lease, starts anew and begins again.
async fn three_instances(cluster: &Cluster) {
    let more = json!({ "spec": { "databaseInstances": INSTANCES } });
    let platforms = cluster.api("dmp.ma/v1alpha1", "Platform", None);
    cluster.patch(&platforms, "national", more.clone()).await;
    grown(cluster, NATIONAL).await;
    let groups = cluster.api("dmp.ma/v1alpha1", "HealthGroup", None);
    for group in groups.list(&ListParams::default()).await.unwrap().items {
        cluster.patch(&groups, &group.name_any(), more.clone()).await;
        grown(cluster, &format!("dmp-{}", group.name_any())).await;
    }
}

async fn grown(cluster: &Cluster, namespace: &str) {
    until(
        &format!("three instances of each database of {namespace}"),
        READY,
        async || are_ready(cluster, Some(namespace)).await,
    )
    .await;
}

async fn all_ready(cluster: &Cluster) -> bool {
    are_ready(cluster, None).await
}

async fn are_ready(cluster: &Cluster, namespace: Option<&str>) -> bool {
    let clusters = cluster.api("postgresql.cnpg.io/v1", "Cluster", namespace);
    let Ok(list) = clusters.list(&ListParams::default()).await else {
        return false;
    };
    list.items
        .iter()
        .all(|database| database.data.pointer("/status/readyInstances") == Some(&json!(INSTANCES)))
}

fn node(pod: &Pod) -> Option<String> {
    pod.spec.as_ref()?.node_name.clone()
}

/// A node without the gateway's address (the first) and without OpenBao.
async fn victim(cluster: &Cluster) -> String {
    let openbao = cluster.service(SYSTEM, "openbao").await;
    let openbao = openbao.first().and_then(node);
    ["node-3", "node-2"]
        .into_iter()
        .find(|name| openbao.as_deref() != Some(*name))
        .map(str::to_owned)
        .unwrap()
}

async fn pods_on(cluster: &Cluster, victim: &str) -> usize {
    let mut count = 0;
    for namespace in [NATIONAL, SYSTEM, TANGER, "dmp-casablanca-settat"] {
        let pods = cluster.pods(namespace, "").await;
        count += pods
            .iter()
            .filter(|pod| node(pod).as_deref() == Some(victim))
            .count();
    }
    count
}

/// Node of the pod that is labelled primary, the lost one's excepted once another is.
async fn node_of_primary(cluster: &Cluster) -> Option<String> {
    let databases = cluster.api("postgresql.cnpg.io/v1", "Cluster", Some(TANGER));
    let live = databases.get("records").await.ok()?;
    let primary = live.data.pointer("/status/currentPrimary")?.as_str()?.to_owned();
    let pods = cluster.pods(TANGER, "cnpg.io/cluster=records").await;
    pods.iter().find(|pod| pod.name_any() == primary).and_then(node)
}

/// A planned switchover of `records` to its instance on the victim.
async fn move_primary(cluster: &Cluster, victim: &str) {
    let pods = cluster.pods(TANGER, "cnpg.io/cluster=records").await;
    let there = pods.iter().find(|pod| node(pod).as_deref() == Some(victim));
    let there = there.expect("an instance on each node").name_any();
    if node_of_primary(cluster).await.as_deref() == Some(victim) {
        return;
    }
    let databases = cluster.api("postgresql.cnpg.io/v1", "Cluster", Some(TANGER));
    let order = json!({ "status": {
        "targetPrimary": there,
        "targetPrimaryTimestamp": jiff::Timestamp::now().to_string(),
        "phase": "Switchover in progress",
        "phaseReason": "the fault suite wants it there",
    } });
    databases
        .patch_status("records", &PatchParams::default(), &Patch::Merge(order))
        .await
        .unwrap();
    until("the switchover", Duration::from_secs(120), async || {
        node_of_primary(cluster).await.as_deref() == Some(victim) && all_ready(cluster).await
    })
    .await;
}
