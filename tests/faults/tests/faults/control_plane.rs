//! The API server goes and comes back.

use std::time::Instant;

use dmp_faults::scene::{Fault, Happened, on_scene};

#[test]
fn c1_api_server_restarted() {
    on_scene(async |scene| {
        let fault = Fault {
            id: "api-server",
            order: 40,
            title: "API server: SIGKILL, then started again".to_owned(),
            must: "records are served while facts are fresh; after 10 s the door closes until it is back",
        };
        scene
            .perform(fault, async |_| {
                let cluster = &scene.cluster;
                let begin = Instant::now();
                cluster.kill_api_server();
                cluster.repair().await;
                let away = begin.elapsed();
                Happened::ended(
                    Instant::now(),
                    format!(
                        "{:.1} s until `dmpctl appliance up` had it back",
                        away.as_secs_f64()
                    ),
                )
            })
            .await;
    });
}
