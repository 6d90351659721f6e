//! The clocks of nodes measured on a real API server: kubelets are played, each by its own time.

use std::time::Duration;

use dmp_api::node_clocks::{CONFIG_MAP, KEY, Observation};
use dmp_operator::node_clocks;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::control_plane::World;
use crate::lifecycle::named;

/// A node that is there, and ready or not.
async fn node(world: &World, name: &str, ready: &str) {
    let node = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": name } });
    world.apply(&node).await;
    let status = json!({ "status": { "conditions": [{ "type": "Ready", "status": ready }] } });
    Api::<Node>::all(world.client.clone())
        .patch_status(name, &PatchParams::default(), &Patch::Merge(status))
        .await
        .unwrap();
}

/// Writes heartbeats by a clock that is `ahead`, for ever.
async fn kubelet(leases: Api<Lease>, name: &str, ahead: SignedDuration) {
    loop {
        let lease = json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": { "name": name },
            "spec": { "renewTime": format!("{:.6}", Timestamp::now() + ahead) },
        });
        let parameters = PatchParams::apply("kubelet").force();
        leases
            .patch(name, &parameters, &Patch::Apply(lease))
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

#[tokio::test]
async fn a_node_whose_clock_is_off_and_one_that_is_silent_are_found() {
    let Some(world) = World::start().await else {
        return;
    };
    let operator = world.as_operator().await;
    for (name, ready) in [
        ("good", "True"),
        ("late", "True"),
        ("silent", "True"),
        ("down", "False"),
    ] {
        node(&world, name, ready).await;
    }
    let leases = Api::<Lease>::namespaced(world.client.clone(), "kube-node-lease");
    let late = SignedDuration::from_millis(-3_000);
    let measured = tokio::select! {
        () = kubelet(leases.clone(), "good", SignedDuration::ZERO) => unreachable!(),
        () = kubelet(leases.clone(), "late", late) => unreachable!(),
        () = kubelet(leases, "a-node-that-is-none", late) => unreachable!(),
        measured = node_clocks::measure(&operator, Duration::from_secs(16)) => measured.unwrap(),
    };
    let of = |name: &str| measured.clocks.iter().find(|clock| clock.node == name).unwrap();
    assert_eq!(measured.clocks.len(), 3, "{measured:?}");
    assert!(measured.within <= 250, "{measured:?}");
    let (good, late) = (of("good"), of("late"));
    assert!(good.heard > 3 && late.heard > 3, "{measured:?}");
    // The same machine: nothing but the way and what is not known of the API server's clock.
    assert!(good.skew_milliseconds.abs() < 700, "{measured:?}");
    assert!((-3_700..-2_300).contains(&late.skew_milliseconds), "{measured:?}");
    assert_eq!(of("silent").heard, 0);

    // Where the evaluator looks, with the operator's own rights.
    let evidence = dmp_api::names::EVIDENCE_NAMESPACE;
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": evidence } });
    world.apply(&namespace).await;
    node_clocks::leave(&operator, &measured).await.unwrap();
    let left = world
        .get(&named("ConfigMap", "v1", Some(evidence), CONFIG_MAP))
        .await
        .unwrap();
    let text = left["data"][KEY].as_str().unwrap();
    assert_eq!(serde_json::from_str::<Observation>(text).unwrap(), measured);
}

#[tokio::test]
async fn who_may_not_listen_measures_nothing() {
    let Some(world) = World::start().await else {
        return;
    };
    // Nothing to listen to is not every clock on time.
    let operator = world.as_operator().await;
    let outcome = node_clocks::measure(&operator, Duration::from_secs(1)).await;
    assert!(matches!(&outcome, Err(node_clocks::Error::NoNode)), "{outcome:?}");
    let portal = world.as_portal().await;
    let outcome = node_clocks::measure(&portal, Duration::from_secs(1)).await;
    assert!(
        matches!(&outcome, Err(node_clocks::Error::Kubernetes(kube::Error::Api(status))) if status.code == 403),
        "{outcome:?}"
    );
}
