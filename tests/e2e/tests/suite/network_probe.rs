//! The platform says itself whether the network enforces its policies, from a probe. On one that does not: `unprotected`.

use std::time::Duration;

use dmp_api::Platform;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::ListParams;
use kube::{Api, Client};

use crate::stage::on_stage;

/// The condition, once the probes have ended.
pub async fn enforcement(client: &Client) -> Condition {
    let platforms: Api<Platform> = Api::all(client.clone());
    for _ in 0..180 {
        let platform = platforms.get("national").await.unwrap();
        let conditions = platform.status.unwrap_or_default().conditions;
        let found = conditions
            .into_iter()
            .find(|condition| condition.type_ == "NetworkPolicyEnforced");
        match found {
            Some(found) if found.status != "Unknown" => return found,
            _ => tokio::time::sleep(Duration::from_secs(1)).await,
        }
    }
    panic!("the network has not been probed after 3 min");
}

/// Waits until no pod of a probe is left.
pub async fn removed(client: &Client) {
    let pods: Api<Pod> = Api::all(client.clone());
    let ours =
        ListParams::default().labels("app.kubernetes.io/name in (network-probe, network-probe-listener)");
    for _ in 0..60 {
        if pods.list(&ours).await.unwrap().items.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    panic!("the probes' pods are still there after 1 min");
}

#[test]
fn a_network_that_enforces_is_found_by_the_probe() {
    on_stage("network-probe", async |stage| {
        let found = enforcement(&stage.client).await;
        assert_eq!((found.status.as_str(), found.reason.as_str()), ("True", "Probed"));
        removed(&stage.client).await;
    });
}
