//! A dump of the database tells nobody who said what about whom.

use dmp_testkit::plaintext::{dump, found};
use serde_json::json;

use super::world::{DOCTOR, World, opposition, relation};

#[tokio::test]
async fn a_dump_shows_no_patient_no_professional_and_no_text() {
    let world = World::new().await;
    let patient = world.patient();
    let mut consent = relation(patient, DOCTOR);
    consent["text"] =
        json!({ "status": "additional", "div": "<div>Docteur BENNANI du quartier Marchane</div>" });
    let stored = world.recorded(patient, &consent).await;
    world.set_status(patient, &stored, "inactive").await;
    world.recorded(patient, &opposition(patient)).await;
    world.search(&world.doctor(), patient).await;
    world.app.log.sequence_once().await.unwrap();

    let dump = dump(&world.pool).await;
    let pseudonyms = world.pseudonyms(patient);
    let id = patient.as_uuid();
    let audit = pseudonyms.audit.unwrap();
    let secrets = [
        DOCTOR.to_owned(),
        "Docteur BENNANI du quartier Marchane".to_owned(),
        "resourceType".to_owned(),
        id.to_string(),
        id.simple().to_string(),
        audit.as_uuid().to_string(),
        audit.as_uuid().simple().to_string(),
    ];
    for secret in secrets {
        assert!(!found(&dump, &secret), "a secret is in the dump");
    }
    assert!(
        found(&dump, &pseudonyms.own.as_uuid().to_string()),
        "the dump is one of this database"
    );
}
