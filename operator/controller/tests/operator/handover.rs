//! Two replicas on a real API server: the one that leads is killed, the other goes on where it was.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use serde_json::json;

use crate::control_plane::World;
use crate::kubelet::{enforces, play};
use crate::lifecycle::{NAMESPACE, named, ready, versions};

async fn leader(world: &World) -> Option<String> {
    let leases = Api::<Lease>::namespaced(world.client.clone(), "dmp-system");
    leases.get_opt("dmp-operator").await.ok()??.spec?.holder_identity
}

#[tokio::test]
async fn the_other_replica_goes_on_and_writes_nothing_twice() {
    let Some(mut world) = World::start().await else {
        return;
    };
    world.operator("one");
    let leads = |name: &'static str| {
        let world = &world;
        move || async move { leader(world).await.as_deref() == Some(name) }
    };
    world.wait("the first leads", leads("one")).await;
    let (platform, group) = ready(&world).await;
    for namespace in ["dmp-national", NAMESPACE] {
        play(&world, namespace, enforces).await;
    }
    world
        .until(&platform, "NetworkPolicyEnforced", "True", "Probed")
        .await;
    let (_, health) = world.operator("two");
    let url = format!("http://127.0.0.1:{health}/readyz");
    let waits = || async {
        reqwest::get(&url)
            .await
            .is_ok_and(|answer| answer.status().is_success())
    };
    world.wait("the second runs", waits).await;
    assert_eq!(leader(&world).await.as_deref(), Some("one"));
    let before = versions(&world).await;

    let killed = Instant::now();
    world.kill("one");
    let leads = || async { leader(&world).await.as_deref() == Some("two") };
    world.wait("the second leads", leads).await;
    let took = killed.elapsed();
    // The new leader has looked at everything (its probes are its own, and the last thing it does).
    for namespace in ["dmp-national", NAMESPACE] {
        play(&world, namespace, enforces).await;
    }
    assert_eq!(before, versions(&world).await, "a second hand wrote");

    // It reconciles: a drift is put right, a change is taken up.
    let policy = named(
        "NetworkPolicy",
        "networking.k8s.io/v1",
        Some(NAMESPACE),
        "default-deny",
    );
    world.delete(&policy).await.unwrap();
    let back = || async { world.get(&policy).await.is_some() };
    world.wait("the policy is back", back).await;
    let mut changed = group.clone();
    changed["spec"]["quotas"] = json!({ "storageGib": 640 });
    world.apply(&changed).await;
    let quota = named("ResourceQuota", "v1", Some(NAMESPACE), "group");
    let taken_up = || async {
        let live = world.get(&quota).await.unwrap();
        live["spec"]["hard"]["requests.storage"] == "640Gi"
    };
    world.wait("the change is taken up", taken_up).await;
    eprintln!("from the leader's death to the other's lease: {took:?}");
    assert!(
        took > Duration::from_secs(5),
        "the lease was not the first one's: {took:?}"
    );
}
