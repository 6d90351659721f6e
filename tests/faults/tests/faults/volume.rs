//! A full volume under the database of a record store.

use std::time::{Duration, Instant};

use dmp_faults::scene::{Fault, Happened, on_scene};
use dmp_faults::steps::Step;
use dmp_faults::volume::SmallVolume;

#[test]
fn v1_full_volume_of_records() {
    on_scene(async |scene| {
        let small = SmallVolume::make(&scene.cluster, "tanger-tetouan-al-hoceima", "records").await;
        let fault = Fault {
            id: "volume",
            order: 60,
            title: "volume of the database of `records` full".to_owned(),
            must: "no write is acknowledged that is not kept; with room again it goes on by itself",
        };
        scene
            .perform(fault, async |traffic| {
                let begin = Instant::now();
                let ballast = small.fill();
                tokio::time::sleep(Duration::from_secs(30)).await;
                let (count, last) = traffic.failures(Step::Publish, begin);
                let (written, _) = traffic.failures(Step::Retrieve, begin);
                small.relieve();
                Happened::ended(
                    Instant::now(),
                    format!(
                        "{} MiB of ballast; in 30 s {count} writes of the step failed ({}), {written} reads",
                        ballast / 1024 / 1024,
                        last.unwrap_or_else(|| "none".to_owned())
                    ),
                )
            })
            .await;
        small.undo().await;
    });
}
