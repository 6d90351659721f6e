//! The API server goes and comes back.

use std::time::{Duration, Instant};

use dmp_faults::cluster::{Cluster, until};
use dmp_faults::recovery::BAR;
use dmp_faults::scene::{Fault, Happened, on_scene};
use serde_json::json;

/// From a change of a group until its status is about it.
async fn a_change_is_seen(cluster: &Cluster) -> Duration {
    let groups = cluster.api("dmp.ma/v1alpha1", "HealthGroup", None);
    let name = "casablanca-settat";
    let quota = groups.get(name).await.unwrap().data["spec"]["quotas"]["storageGib"]
        .as_i64()
        .unwrap_or(50);
    cluster
        .patch(
            &groups,
            name,
            json!({ "spec": { "quotas": { "storageGib": quota + 1 } } }),
        )
        .await;
    until("the operator sees a change", BAR, async || {
        let now = groups.get(name).await.unwrap();
        now.data["status"]["observedGeneration"].as_i64() == now.metadata.generation
    })
    .await
}

#[test]
fn c1_api_server_restarted() {
    on_scene(async |scene| {
        let fault = Fault {
            id: "api-server",
            order: 40,
            title: "API server: SIGKILL, then started again".to_owned(),
            must: "records are served while facts are fresh; after 10 s the door closes until it is back; then the operator sees \
                   changes again within 60 s",
        };
        scene
            .perform(fault, async |_| {
                let cluster = &scene.cluster;
                let begin = Instant::now();
                cluster.kill_api_server();
                cluster.repair().await;
                let (away, back) = (begin.elapsed(), Instant::now());
                let seen = a_change_is_seen(cluster).await;
                Happened::ended(
                    back,
                    format!(
                        "{:.1} s until `dmpctl appliance up` had it back; a change of a group made then was reconciled after {:.1} s",
                        away.as_secs_f64(),
                        seen.as_secs_f64()
                    ),
                )
            })
            .await;
    });
}
