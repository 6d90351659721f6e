//! Every certificate of every service expires at once.
//!
//! With a root token of two recovery shares the roles' longest life becomes a minute; all pods start anew with such
//! certificates; then OpenBao is away until the last has expired.

use std::time::{Duration, Instant};

use dmp_faults::cluster::{NATIONAL, SYSTEM, TANGER};
use dmp_faults::openbao::{self, Root};
use dmp_faults::scene::{Fault, Happened, on_scene, passes, passes_meanwhile};
use dmp_faults::steps::Step;

/// Life of a certificate during the fault.
const LIFE: Duration = Duration::from_secs(60);
const SERVICES: [(&str, &str); 7] = [
    (SYSTEM, "dmp-operator"),
    (NATIONAL, "registry"),
    (NATIONAL, "consent"),
    (NATIONAL, "audit"),
    (NATIONAL, "gateway"),
    (TANGER, "records"),
    ("dmp-casablanca-settat", "records"),
];

#[test]
fn x1_all_certificates_expire() {
    on_scene(async |scene| {
        let cluster = &scene.cluster;
        let fault = Fault {
            id: "certificates",
            order: 70,
            title:
                "every certificate of every service expired at once (60 s of life, OpenBao away for longer)"
                    .to_owned(),
            must: "no connection without a live certificate; all are renewed when OpenBao is back",
        };
        scene
            .perform(fault, async |traffic| {
                let root = Root::generate(cluster, &scene.custody).await;
                root.set_certificate_life("60s").await;
                root.revoke().await;
                for (namespace, name) in SERVICES {
                    cluster.delete(&cluster.service(namespace, name).await).await;
                }
                let renewed = passes_meanwhile(traffic, Instant::now()).await;
                // A minute of renewals, so that it is the short life that everybody lives with.
                let begin = Instant::now();
                tokio::time::sleep(LIFE).await;
                let (failed, last) = traffic.failures(Step::Retrieve, begin);
                assert_eq!(failed, 0, "renewal every half minute is not noticed: {last:?}");

                openbao::stop(cluster).await;
                tokio::time::sleep(LIFE + Duration::from_secs(10)).await;
                let expired = Instant::now();
                tokio::time::sleep(Duration::from_secs(8)).await;
                for step in Step::ALL {
                    assert!(!passes(traffic, step, expired), "{} without a live certificate", step.title());
                }
                let since = Instant::now();
                openbao::start(cluster).await;
                Happened::ended(
                    since,
                    format!(
                        "with 60 s of life all passed {:.1} s after every pod was deleted; expired: nothing passed",
                        renewed.values().max().copied().unwrap_or_default().as_secs_f64()
                    ),
                )
            })
            .await;
        let root = Root::generate(cluster, &scene.custody).await;
        root.set_certificate_life("1h").await;
        root.revoke().await;
    });
}
