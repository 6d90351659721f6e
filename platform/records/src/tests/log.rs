//! What the log says of permitted acts.

use dmp_client::audit::EventKind;

use super::fixtures::{Letter, bundle, unique_id};
use super::world::{DOCTOR, World};

#[tokio::test]
async fn write_search_and_read_are_in_the_log_with_who_and_why() {
    let world = World::new().await;
    let patient = world.patient_in_care();
    let doctor = world.doctor();
    let locations = world
        .stored(&doctor, patient, &bundle(&unique_id(), &Letter::new(b"letter")))
        .await;
    world.found(&doctor, patient, &[]).await;
    let binary = locations[2].strip_prefix("Binary/").unwrap();
    assert_eq!(world.retrieve(&doctor, binary).await.status, 200);
    let events = world.events().await;
    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::Write, EventKind::Search, EventKind::Read]);
    for event in &events {
        assert!(event.patient == world.known(patient).audit);
        assert_eq!(
            (event.who.as_str(), event.purpose.as_str(), event.outcome.as_str()),
            (DOCTOR, "TREAT", "permitted")
        );
        assert_eq!(event.software, "vendor-test/hospital 1.0");
        assert_eq!(event.establishment.as_deref(), Some("000000001"));
    }
    assert_eq!(
        events[0].resource_id.as_deref(),
        locations[1].strip_prefix("DocumentReference/")
    );
    assert_eq!(events[1].resource_id, None);
    assert_eq!(events[2].resource_id.as_deref(), Some(binary));
    assert_eq!(
        world.national.located.lock().unwrap().len(),
        1,
        "the locator knows"
    );
}
