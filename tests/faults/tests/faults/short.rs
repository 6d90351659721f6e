//! Four faults for `make test`: a service, a database under writes, OpenBao, the network.

use std::time::{Duration, Instant};

use dmp_faults::cluster::{SYSTEM, TANGER};
use dmp_faults::scene::{Fault, Happened, on_scene};

#[test]
fn a_record_store_and_its_database_are_killed() {
    on_scene(async |scene| {
        let fault = Fault {
            id: "short-records",
            order: 900,
            title: "short: `records` and its database killed together".to_owned(),
            must: "nothing acknowledged is lost",
        };
        scene
            .perform(fault, async |_| {
                let cluster = &scene.cluster;
                let mut pods = cluster.service(TANGER, "records").await;
                pods.push(cluster.primary(TANGER, "records").await);
                let since = Instant::now();
                cluster.kill(&pods);
                Happened::at(since, "both at once")
            })
            .await;
    });
}

#[test]
fn openbao_is_killed() {
    on_scene(async |scene| {
        let fault = Fault {
            id: "short-openbao",
            order: 901,
            title: "short: OpenBao killed".to_owned(),
            must: "it unseals itself",
        };
        scene
            .perform(fault, async |_| {
                let since = Instant::now();
                scene
                    .cluster
                    .kill(&scene.cluster.service(SYSTEM, "openbao").await);
                Happened::at(since, "once")
            })
            .await;
    });
}

#[test]
fn a_group_is_cut_off() {
    crate::network::between_the_planes("short-network", Duration::from_secs(5));
}
