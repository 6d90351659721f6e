//! From what the patient says to what decisions rest on.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::world::{DOCTOR, World, opposition, relation};

#[tokio::test]
async fn a_relation_opens_an_opposition_closes_and_lifting_opens_again() {
    let world = World::new().await;
    let patient = world.patient();
    let nothing = world.facts(patient, Some(DOCTOR)).await;
    assert!(!nothing.opposed && nothing.care_relation_until.is_none() && nothing.version == 0);

    let stored = world.recorded(patient, &relation(patient, DOCTOR)).await;
    let related = world.facts(patient, Some(DOCTOR)).await;
    let until = related.care_relation_until.unwrap();
    let ninety_days = Timestamp::now() + SignedDuration::from_hours(90 * 24);
    assert!(!related.opposed && until <= ninety_days && until > ninety_days - SignedDuration::from_mins(1));
    assert_eq!(stored["provision"]["period"]["end"], format!("{until:.3}"));
    assert!(related.version > nothing.version);
    assert!(
        world
            .facts(patient, Some("100000002"))
            .await
            .care_relation_until
            .is_none(),
        "another professional"
    );
    assert!(world.facts(patient, None).await.care_relation_until.is_none());
    assert!(
        world
            .facts(world.patient(), Some(DOCTOR))
            .await
            .care_relation_until
            .is_none(),
        "another patient"
    );

    let opposition = world.recorded(patient, &opposition(patient)).await;
    let opposed = world.facts(patient, Some(DOCTOR)).await;
    assert!(opposed.opposed && opposed.version > related.version);
    assert!(world.facts(patient, None).await.opposed);

    let lifted = world.set_status(patient, &opposition, "inactive").await;
    assert_eq!(lifted["meta"]["versionId"], "2");
    let after = world.facts(patient, Some(DOCTOR)).await;
    assert!(!after.opposed && after.care_relation_until == Some(until) && after.version > opposed.version);

    world.set_status(patient, &stored, "inactive").await;
    assert!(
        world
            .facts(patient, Some(DOCTOR))
            .await
            .care_relation_until
            .is_none()
    );
    world.set_status(patient, &stored, "active").await;
    assert!(
        world
            .facts(patient, Some(DOCTOR))
            .await
            .care_relation_until
            .is_some()
    );
}

#[tokio::test]
async fn of_two_oppositions_one_is_enough() {
    let world = World::new().await;
    let patient = world.patient();
    let first = world.recorded(patient, &opposition(patient)).await;
    let second = world.recorded(patient, &opposition(patient)).await;
    world.set_status(patient, &first, "inactive").await;
    assert!(world.facts(patient, None).await.opposed);
    world.set_status(patient, &second, "entered-in-error").await;
    assert!(!world.facts(patient, None).await.opposed);
}

#[tokio::test]
async fn periods_begin_and_end_by_the_databases_clock() {
    let world = World::new().await;
    let patient = world.patient();
    let at = |seconds: i64| (Timestamp::now() + SignedDuration::from_secs(seconds)).to_string();
    let mut short = relation(patient, DOCTOR);
    short["provision"]["period"] = json!({ "end": at(2) });
    world.recorded(patient, &short).await;
    let mut later = opposition(patient);
    later["provision"]["period"] = json!({ "start": at(2) });
    world.recorded(patient, &later).await;
    let now = world.facts(patient, Some(DOCTOR)).await;
    assert!(now.care_relation_until.is_some() && !now.opposed);
    tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
    let then = world.facts(patient, Some(DOCTOR)).await;
    assert!(then.care_relation_until.is_none() && then.opposed);
}

/// The rule of the whole service: every decision that begins after the acknowledgement sees the opposition, whichever
/// connection it uses and whatever else is going on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_decision_after_an_acknowledged_opposition_misses_it() {
    let world = std::sync::Arc::new(World::new().await);
    let patient = world.patient();
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let noise: Vec<_> = (0..4)
        .map(|_| {
            let (world, stop) = (world.clone(), stop.clone());
            tokio::spawn(async move {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    world.facts(patient, Some(DOCTOR)).await;
                }
            })
        })
        .collect();
    let mut consent = world.recorded(patient, &opposition(patient)).await;
    let mut acknowledged = 0;
    for _ in 0..40 {
        assert!(world.facts(patient, Some(DOCTOR)).await.opposed);
        consent = world.set_status(patient, &consent, "inactive").await;
        let lifted = world.facts(patient, Some(DOCTOR)).await;
        assert!(!lifted.opposed && lifted.version > acknowledged);
        acknowledged = lifted.version;
        consent = world.set_status(patient, &consent, "active").await;
        let answers = futures::future::join_all((0..4).map(|_| world.facts(patient, Some(DOCTOR)))).await;
        assert!(
            answers
                .iter()
                .all(|answer| answer.opposed && answer.version > acknowledged)
        );
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    futures::future::join_all(noise).await;
}

#[tokio::test]
async fn concurrent_changes_of_one_patient_all_count() {
    let world = World::new().await;
    let patient = world.patient();
    let one = relation(patient, DOCTOR);
    let token = world.token(patient);
    let answers = futures::future::join_all((0..20).map(|_| world.record(&token, patient, &one))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(world.facts(patient, Some(DOCTOR)).await.version, 20);
    assert_eq!(world.all(patient).await.len(), 20);
}

#[tokio::test]
async fn every_version_is_kept_and_search_gives_the_newest() {
    let world = World::new().await;
    let patient = world.patient();
    let mut consent = relation(patient, DOCTOR);
    // A literal of Rust would lose the last digit before it is sent.
    consent["extension"] =
        serde_json::from_str(r#"[{ "url": "https://example.org/x", "valueDecimal": 1.50 }]"#).unwrap();
    let stored = world.recorded(patient, &consent).await;
    let other = world.recorded(patient, &opposition(patient)).await;
    let inactive = world.set_status(patient, &stored, "inactive").await;
    assert_eq!(world.all(patient).await, [inactive.clone(), other]);
    assert_eq!(
        inactive["extension"], consent["extension"],
        "what is not understood stays"
    );
    let versions: i64 = sqlx::query_scalar("SELECT count(*) FROM consent_version")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(versions, 3);
    assert!(world.all(world.patient()).await.is_empty());
}
