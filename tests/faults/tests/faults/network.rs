//! The network between the national plane and one group.

use std::time::{Duration, Instant};

use dmp_faults::cluster::TANGER;
use dmp_faults::network::Cut;
use dmp_faults::scene::{Fault, Happened, on_scene, passes};
use dmp_faults::steps::Step;

#[test]
fn n1_between_the_planes() {
    between_the_planes("network", Duration::from_secs(30));
}

/// Cuts the group in Tanger off for a while.
pub fn between_the_planes(id: &'static str, lasts: Duration) {
    on_scene(async |scene| {
        let fault = Fault {
            id,
            order: 50,
            title: "network between the national plane and one group cut (packets dropped)".to_owned(),
            must: "answers name the part they lack; the other group goes on",
        };
        scene
            .perform(fault, async |traffic| {
                let play = &scene.play;
                let cut = Cut::between_planes(&scene.cluster, TANGER).await;
                // What hung over the cut has ended by then.
                tokio::time::sleep(Duration::from_secs(12)).await;
                let begin = Instant::now();
                drop(play.forget_answers());
                tokio::time::sleep(lasts).await;

                let (documents, missing) = play.list(1).await.unwrap();
                assert_eq!(missing, ["part-unavailable"], "the list names what it lacks");
                assert!(!documents.is_empty(), "and has what Casablanca holds");
                assert!(!passes(traffic, Step::Retrieve, begin));
                let (_, last) = traffic.failures(Step::List, begin);
                assert_eq!(last.as_deref(), Some("incomplete: part-unavailable"));
                for step in [Step::PublishElsewhere, Step::Find, Step::Register] {
                    let (count, last) = traffic.failures(step, begin);
                    assert_eq!(count, 0, "{} does not need Tanger: {last:?}", step.title());
                }
                let answers = play.forget_answers();
                assert!(
                    answers.keys().all(|answer| answer.starts_with("403") || *answer == "503 part-unavailable"),
                    "{answers:?}"
                );
                assert!(answers.contains_key("503 part-unavailable"), "{answers:?}");
                cut.heal();
                Happened::ended(
                    Instant::now(),
                    "lists named the missing part and had Casablanca's documents; reads of Tanger's: 503 `part-unavailable`",
                )
            })
            .await;
    });
}
