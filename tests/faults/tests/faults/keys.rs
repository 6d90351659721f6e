//! OpenBao: killed, and away for longer than an opened key lives.

use std::time::{Duration, Instant};

use dmp_faults::cluster::{SYSTEM, TANGER};
use dmp_faults::openbao;
use dmp_faults::scene::{Fault, Happened, on_scene, passes, passes_meanwhile};
use dmp_faults::steps::Step;
use dmpctl::demo::steps::search;
use dmpctl::scan::{Needle, Scanner};

/// How long an opened key stays in memory (`docs/services/records.md`).
const KEY_AGE: Duration = Duration::from_secs(300);
/// A reader is refused after the five seconds that OpenBao is given; tokens end two seconds later.
const REFUSED_WITHIN: Duration = Duration::from_secs(8);

#[test]
fn k1_killed() {
    on_scene(async |scene| {
        let fault = Fault {
            id: "openbao",
            order: 30,
            title: "OpenBao: SIGKILL, then the pod deleted".to_owned(),
            must: "it unseals itself; log-ins and new keys come back",
        };
        scene
            .perform(fault, async |traffic| {
                let cluster = &scene.cluster;
                let begin = Instant::now();
                cluster.kill(&cluster.service(SYSTEM, "openbao").await);
                let earlier = passes_meanwhile(traffic, begin).await;
                let since = Instant::now();
                cluster.delete(&cluster.service(SYSTEM, "openbao").await).await;
                Happened {
                    earlier,
                    ..Happened::at(since, "twice")
                }
            })
            .await;
    });
}

/// Keys are opened anew, tokens renewed right after, then OpenBao goes: so the keys end first, and what is answered then is
/// not a token's end.
#[test]
fn k2_away_for_longer_than_a_key_lives() {
    on_scene(async |scene| {
        let fault = Fault {
            id: "openbao-away",
            order: 31,
            title: "OpenBao away for longer than an opened key lives (300 s)".to_owned(),
            must: "readers with an opened key go on until its age limit, then 503; never plaintext",
        };
        scene
            .perform(fault, async |traffic| {
                let (cluster, play) = (&scene.cluster, &scene.play);
                cluster.delete(&cluster.service(TANGER, "records").await).await;
                let opened = Instant::now();
                passes_meanwhile(traffic, opened).await;
                let latest = Instant::now();
                tokio::time::sleep(Duration::from_secs(10)).await;
                play.cast
                    .refresh()
                    .await
                    .unwrap_or_else(|e| panic!("{}", e.for_people()));
                openbao::stop(cluster).await;
                drop(play.forget_answers());

                // Well before the limit every reader is served, and nobody can log in.
                let away = Instant::now();
                tokio::time::sleep(Duration::from_secs(60)).await;
                let open: Vec<_> = [Step::List, Step::Retrieve, Step::Find, Step::Publish]
                    .map(|step| (step.title(), traffic.failures(step, away)))
                    .into();
                let logged_in = passes(traffic, Step::LogIn, away);

                // Every key was opened between `opened` and `latest`; from then on, 503.
                let over = latest + KEY_AGE;
                tokio::time::sleep_until(over.into()).await;
                drop(play.forget_answers());
                let start = Instant::now();
                tokio::time::sleep(REFUSED_WITHIN).await;
                let (refused, last) = traffic.failures(Step::Retrieve, start);
                let read = play.forget_answers();

                // It comes back whatever was seen: the scenes after this one need it.
                let since = Instant::now();
                openbao::start(cluster).await;
                for (step, (count, last)) in open {
                    assert_eq!(count, 0, "{step} while keys are open: {last:?}");
                }
                assert!(!logged_in, "nobody logs in without OpenBao");
                assert!(refused > 0, "a key older than its limit was used");
                assert_eq!(last.as_deref(), Some("503 part-unavailable"));
                Happened::ended(
                    since,
                    format!(
                        "read, listed and written from memory for {:.0} s after it went, then 503 ({read:?})",
                        over.duration_since(away).as_secs_f64()
                    ),
                )
            })
            .await;

        let needles = scene
            .play
            .cast
            .secrets()
            .into_iter()
            .map(|text| Needle::new("text of a record", text));
        let scanner = Scanner::new(needles.collect()).unwrap();
        let databases = search::databases(&scene.cluster.client, &scanner).await.unwrap();
        let logs = search::logs(&scene.cluster.client, &scanner).await.unwrap();
        for report in [databases, logs] {
            assert!(
                report.places > 0 && report.unread.is_empty(),
                "{:?}",
                report.unread
            );
            assert!(report.hits.is_empty(), "readable: {:?}", report.hits);
        }
    });
}
