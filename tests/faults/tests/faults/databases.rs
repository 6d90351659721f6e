//! The primary of a database under writes: with one instance, with two (synchronous), with three.

use std::time::{Duration, Instant};

use dmp_faults::cluster::{Cluster, NATIONAL, TANGER, until};
use dmp_faults::scene::{Fault, Happened, on_scene, passes_meanwhile};
use kube::ResourceExt as _;
use serde_json::json;

const GROUP: &str = "tanger-tetouan-al-hoceima";
const READY: Duration = Duration::from_secs(180);

/// Asks for so many instances of the group's databases and waits for them, and for the group itself.
async fn instances(cluster: &Cluster, count: i64) {
    let groups = cluster.api("dmp.ma/v1alpha1", "HealthGroup", None);
    cluster
        .patch(&groups, GROUP, json!({ "spec": { "databaseInstances": count } }))
        .await;
    let clusters = cluster.api("postgresql.cnpg.io/v1", "Cluster", Some(TANGER));
    until("the instances", READY, async || {
        if !cluster.group_is_ready(GROUP).await {
            return false;
        }
        for database in ["records", "keystore"] {
            let live = clusters.get(database).await.unwrap();
            let is = |pointer: &str| live.data.pointer(pointer) == Some(&json!(count));
            if !is("/status/readyInstances") || !is("/status/instances") {
                return false;
            }
        }
        true
    })
    .await;
}

#[test]
fn d1_one_instance() {
    on_scene(async |scene| {
        let fault = Fault {
            id: "database-one",
            order: 20,
            title: "PostgreSQL of `records`, one instance: SIGKILL, then the pod deleted, under writes"
                .to_owned(),
            must: "writes stop; nothing acknowledged is lost",
        };
        scene
            .perform(fault, async |traffic| {
                let cluster = &scene.cluster;
                let begin = Instant::now();
                cluster.kill(&[cluster.primary(TANGER, "records").await]);
                let earlier = passes_meanwhile(traffic, begin).await;
                let since = Instant::now();
                cluster.delete(&[cluster.primary(TANGER, "records").await]).await;
                Happened {
                    earlier,
                    ..Happened::at(since, "crash recovery on the same volume, twice")
                }
            })
            .await;
    });
}

#[test]
fn d2_every_primary() {
    on_scene(async |scene| {
        let fault = Fault {
            id: "database-all",
            order: 21,
            title: "every PostgreSQL primary at once: SIGKILL under writes".to_owned(),
            must: "everything stops; nothing acknowledged is lost",
        };
        scene
            .perform(fault, async |_| {
                let cluster = &scene.cluster;
                let mut primaries = Vec::new();
                for (namespace, database) in [
                    (NATIONAL, "registry"),
                    (NATIONAL, "consent"),
                    (NATIONAL, "audit"),
                    (TANGER, "records"),
                    (TANGER, "keystore"),
                ] {
                    primaries.push(cluster.primary(namespace, database).await);
                }
                let since = Instant::now();
                cluster.kill(&primaries);
                Happened::at(since, format!("{} databases", primaries.len()))
            })
            .await;
    });
}

#[test]
fn d3_two_instances() {
    replicated(2, 22, "database-two");
}

#[test]
fn d4_three_instances() {
    replicated(3, 23, "database-three");
    // One again: the other faults and the machine have room.
    on_scene(async |scene| instances(&scene.cluster, 1).await);
}

/// The primary goes with its processes at once; a replica takes over. Acknowledged means: it had the write already.
fn replicated(count: i64, order: u32, id: &'static str) {
    on_scene(async |scene| {
        let cluster = &scene.cluster;
        instances(cluster, count).await;
        let fault = Fault {
            id,
            order,
            title: format!(
                "PostgreSQL of `records`, {count} instances, synchronous: primary killed and deleted under writes"
            ),
            must: "writes pause, a replica takes over with every acknowledged write",
        };
        scene
            .perform(fault, async |_| {
                let old = cluster.primary(TANGER, "records").await;
                let since = Instant::now();
                cluster.kill(std::slice::from_ref(&old));
                cluster.delete(std::slice::from_ref(&old)).await;
                let promoted = until("another primary", Duration::from_secs(60), async || {
                    let selector = "cnpg.io/cluster=records,cnpg.io/instanceRole=primary";
                    let now = cluster.pods(TANGER, selector).await;
                    now.iter().any(|pod| pod.name_any() != old.name_any())
                })
                .await;
                Happened::at(
                    since,
                    format!("another primary after {:.1} s", promoted.as_secs_f64()),
                )
            })
            .await;
    });
}

#[test]
fn d5_the_only_standby() {
    on_scene(async |scene| {
        let cluster = &scene.cluster;
        instances(cluster, 2).await;
        let fault = Fault {
            id: "database-standby",
            order: 24,
            title: "PostgreSQL of `records`, two instances: the standby deleted under writes".to_owned(),
            must: "writes wait for it rather than be on one instance alone; nothing acknowledged is lost",
        };
        scene
            .perform(fault, async |_| {
                let selector = "cnpg.io/cluster=records,cnpg.io/instanceRole=replica";
                let standby = cluster.pods(TANGER, selector).await;
                assert_eq!(standby.len(), 1);
                let since = Instant::now();
                cluster.delete(&standby).await;
                Happened::at(since, "writes go on when it is back")
            })
            .await;
        instances(cluster, 1).await;
    });
}
