//! Each service: SIGKILL of its processes, then its pods deleted.

use std::time::Instant;

use dmp_faults::cluster::{NATIONAL, SYSTEM, TANGER};
use dmp_faults::scene::{Fault, Happened, on_scene, passes_meanwhile};

fn killed(order: u32, id: &'static str, namespace: &'static str, name: &'static str) {
    on_scene(async |scene| {
        let fault = Fault {
            id,
            order,
            title: format!("`{name}`: SIGKILL of every process, then every pod deleted"),
            must: "kubelet and Deployment bring it back",
        };
        scene
            .perform(fault, async |traffic| {
                let cluster = &scene.cluster;
                let pods = cluster.service(namespace, name).await;
                let count = pods.len();
                let begin = Instant::now();
                cluster.kill(&pods);
                let earlier = passes_meanwhile(traffic, begin).await;
                let since = Instant::now();
                cluster.delete(&cluster.service(namespace, name).await).await;
                Happened {
                    earlier,
                    ..Happened::at(since, format!("{count} of {count}, twice"))
                }
            })
            .await;
    });
}

#[test]
fn s1_registry() {
    killed(10, "registry", NATIONAL, "registry");
}

#[test]
fn s2_consent() {
    killed(11, "consent", NATIONAL, "consent");
}

#[test]
fn s3_audit() {
    killed(12, "audit", NATIONAL, "audit");
}

#[test]
fn s4_gateway() {
    killed(13, "gateway", NATIONAL, "gateway");
}

#[test]
fn s5_records() {
    killed(14, "records", TANGER, "records");
}

#[test]
fn s6_operator() {
    killed(15, "operator", SYSTEM, "dmp-operator");
}
