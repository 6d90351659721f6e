//! The operator's leader killed between the steps of a group's creation: no orphan, no duplicate.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use dmp_faults::cluster::{Cluster, SYSTEM, until};
use dmp_faults::scene::{Fault, Happened, on_scene};
use kube::ResourceExt as _;
use kube::api::ListParams;
use serde_json::{Value, json};

/// What the operator writes into a group's namespace.
const KINDS: [(&str, &str); 10] = [
    ("v1", "ResourceQuota"),
    ("v1", "LimitRange"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("v1", "ServiceAccount"),
    ("v1", "ConfigMap"),
    ("postgresql.cnpg.io/v1", "Cluster"),
    ("v1", "Service"),
    ("policy/v1", "PodDisruptionBudget"),
    ("apps/v1", "Deployment"),
    ("v1", "PersistentVolumeClaim"),
];
/// A creation without faults is ready within a minute; each kill costs a change of the leader.
const READY: Duration = Duration::from_secs(300);

fn group(name: &str) -> Value {
    json!({
        "apiVersion": "dmp.ma/v1alpha1", "kind": "HealthGroup", "metadata": { "name": name },
        "spec": {
            "kind": "gst", "region": "MA-08", "site": "appliance", "mode": "sandbox",
            "controller": { "name": "Groupement de la suite de fautes" }, "deletionProtection": false,
        },
    })
}

/// `<kind> <name>` of everything in a group's namespace.
async fn objects(cluster: &Cluster, group: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (version, kind) in KINDS {
        let api = cluster.api(version, kind, Some(&format!("dmp-{group}")));
        if let Ok(list) = api.list(&ListParams::default()).await {
            found.extend(
                list.items
                    .iter()
                    .map(|object| format!("{kind} {}", object.name_any())),
            );
        }
    }
    found
}

async fn create(cluster: &Cluster, name: &str) {
    let api = cluster.api("dmp.ma/v1alpha1", "HealthGroup", None);
    let object = serde_json::from_value(group(name)).unwrap();
    api.create(&Default::default(), &object).await.unwrap();
}

async fn retire(cluster: &Cluster, name: &str) {
    let api = cluster.api("dmp.ma/v1alpha1", "HealthGroup", None);
    api.delete(name, &Default::default()).await.unwrap();
    until("retired", Duration::from_secs(60), async || {
        api.get_opt(name).await.unwrap().is_none()
    })
    .await;
}

/// Kills the pod that leads; whether there was one.
async fn kill_leader(cluster: &Cluster) -> bool {
    let Some(leader) = cluster.leader().await else {
        return false;
    };
    let pods = cluster.service(SYSTEM, "dmp-operator").await;
    let Some(pod) = pods.into_iter().find(|pod| pod.name_any() == leader) else {
        return false;
    };
    let running = pod.status.as_ref().and_then(|status| {
        status
            .container_statuses
            .as_ref()?
            .first()?
            .state
            .as_ref()?
            .running
            .clone()
    });
    if running.is_none() {
        return false;
    }
    // SIGKILL first, so that it cannot give the lease back; a new pod, because a restarted one would wait longer each time.
    cluster.kill(std::slice::from_ref(&pod));
    cluster.delete(&[pod]).await;
    true
}

#[test]
fn c2_the_leader_killed_between_any_two_steps() {
    on_scene(async |scene| {
        let fault = Fault {
            id: "creation",
            order: 41,
            title: "operator's leader killed at every step of a `HealthGroup`'s creation".to_owned(),
            must: "the group becomes ready, with the objects of an undisturbed creation: no orphan, no duplicate",
        };
        scene.perform(fault, async |_| storm(&scene.cluster).await).await;
    });
}

async fn storm(cluster: &Cluster) -> Happened {
    let run = &uuid::Uuid::new_v4().simple().to_string()[..6];
    let (calm, stormy) = (format!("calme-{run}"), format!("orage-{run}"));

    create(cluster, &calm).await;
    let start = Instant::now();
    until("ready without faults", READY, async || {
        cluster.group_is_ready(&calm).await
    })
    .await;
    let undisturbed = start.elapsed();
    let expected = objects(cluster, &calm).await;
    retire(cluster, &calm).await;

    create(cluster, &stormy).await;
    let (start, mut seen, mut kills, mut last) =
        (Instant::now(), BTreeSet::new(), Vec::new(), Instant::now());
    while !cluster.group_is_ready(&stormy).await {
        assert!(start.elapsed() < READY, "not ready; there are {seen:?}");
        let now = objects(cluster, &stormy).await;
        // At every look that shows a kind for the first time, whoever leads is killed.
        let kinds = |set: &BTreeSet<String>| -> BTreeSet<String> {
            set.iter()
                .filter_map(|name| Some(name.split_once(' ')?.0.to_owned()))
                .collect()
        };
        let fresh: Vec<String> = kinds(&now).difference(&kinds(&seen)).cloned().collect();
        if !fresh.is_empty() && kill_leader(cluster).await {
            last = Instant::now();
            kills.push(fresh.join("+"));
            seen = now;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let disturbed = start.elapsed();
    assert_eq!(
        objects(cluster, &stormy).await,
        expected,
        "no orphan, no duplicate"
    );
    retire(cluster, &stormy).await;
    assert!(kills.len() >= 3, "the leader was killed after {kills:?}");
    Happened::at(
        last,
        format!(
            "{} kills (after {}): ready in {:.1} s, undisturbed in {:.1} s; {} objects in both",
            kills.len(),
            kills.join(", "),
            disturbed.as_secs_f64(),
            undisturbed.as_secs_f64(),
            expected.len()
        ),
    )
}
