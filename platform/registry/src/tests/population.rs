//! The invented people of a sandbox, as the portal brings them.

use dmp_client::audit::EventKind;
use dmp_client::registry::{PopulationAnswer, SearchAnswer};
use serde_json::{Value, json};

use super::world::{Answer, DOCTOR, World, answer, identifier, patient};

const HOSPITAL: &str = "900000001";

fn population(realm: &str, cities: &[&str]) -> Value {
    let patients: Vec<Value> = cities
        .iter()
        .enumerate()
        .map(|(n, city)| {
            let cnie = identifier(dmp_fhir::systems::CNIE, &format!("XT{n}"));
            json!({ "identifier": cnie, "patient": patient(&[&cnie], city) })
        })
        .collect();
    json!({
        "realm": realm,
        "establishment": { "inpe": HOSPITAL, "name": "Hôpital d'essai" },
        "professionals": [
            { "inpe": DOCTOR, "family": "ESSAI", "given": "Amina", "profession": "physician" },
            { "inpe": "100000002", "family": "ESSAI", "given": "Brahim", "profession": "nurse" },
        ],
        "patients": patients,
    })
}

async fn bring(world: &World, request: &Value) -> Answer {
    let portal = world.client("dmp-national", "portal");
    answer(
        portal
            .post(world.service.url("/v1/sandbox/population"))
            .json(request),
    )
    .await
}

#[tokio::test]
async fn a_population_is_there_once_and_in_its_realm_alone() {
    let world = World::new().await;
    let request = population("a-1", &["Salé", "Fès", "Rabat"]);
    let first: PopulationAnswer = bring(&world, &request).await.json();
    assert_eq!((first.patients.len(), first.created), (3, 3));
    let cnie = identifier(dmp_fhir::systems::CNIE, "XT1");
    // What a vendor's software made of a patient stays.
    let moved = world
        .feed(&world.doctor_in(Some("a-1")), &cnie, &patient(&[&cnie], "Oujda"))
        .await;
    assert_eq!(moved.status, 200);
    let again: PopulationAnswer = bring(&world, &request).await.json();
    assert!(again.patients == first.patients && again.created == 0);
    let found: SearchAnswer = world.search(&world.doctor_in(Some("a-1")), &cnie).await.json();
    assert_eq!(found.patients[0]["address"][0]["city"], "Oujda");
    assert_eq!(found.patients[0]["id"], first.patients[1].as_uuid().to_string());

    let next: PopulationAnswer = bring(&world, &population("a-2", &["Salé"])).await.json();
    assert_eq!(next.created, 1, "another name is another population");
    assert!(world.by_identifier(&cnie).await.is_none());
    let doctor = world.confirm_in(Some("a-1"), DOCTOR, HOSPITAL).await;
    assert_eq!(
        (doctor.profession.as_deref(), doctor.display.as_deref()),
        (Some("physician"), Some("Amina ESSAI"))
    );
    assert!(!world.confirm(DOCTOR, HOSPITAL).await.active);
    let events = world.events().await;
    let of = |kind| {
        events
            .iter()
            .filter(|event| event.kind == kind && event.who == "portal")
            .count()
    };
    assert_eq!((of(EventKind::Feed), of(EventKind::Write)), (4, 3));
}

#[tokio::test]
async fn nothing_of_a_bad_population_is_written() {
    let world = World::new().await;
    let good = population("a-1", &["Salé", "Fès"]);
    let with = |pointer: &str, value: Value| {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = value;
        bad
    };
    let shared = patient(
        &[
            &identifier(dmp_fhir::systems::CNIE, "XT0"),
            &identifier(dmp_fhir::systems::CNIE, "XT1"),
        ],
        "Salé",
    );
    for (bad, status, code) in [
        (with("/realm", json!("")), 400, "realm-invalid"),
        (with("/realm", json!("a 1")), 400, "realm-invalid"),
        (with("/establishment/inpe", json!("")), 422, "value-invalid"),
        (with("/professionals/1/inpe", json!("1 2")), 422, "inpe-missing"),
        (
            with("/professionals/1/inpe", json!(DOCTOR)),
            422,
            "directory-entry-repeated",
        ),
        (
            with("/patients/1/identifier/value", json!("XT9")),
            422,
            "identifier-not-in-patient",
        ),
        (
            with("/patients/1/patient/birthDate", json!("01/01/1951")),
            422,
            "value-invalid",
        ),
    ] {
        assert_eq!(bring(&world, &bad).await.problem(), (status, code.to_owned()));
    }
    for table in ["patient", "patient_identifier", "organization", "practitioner"] {
        assert_eq!(world.count(table).await, 0, "{table}");
    }
    assert_eq!(bring(&world, &good).await.status, 200);
    let of_two = with("/patients/1/patient", shared);
    assert_eq!(
        bring(&world, &of_two).await.problem(),
        (409, "identifier-belongs-to-another-patient".to_owned())
    );
}

#[tokio::test]
async fn nobody_but_the_portal_brings_people() {
    let world = World::new().await;
    for (namespace, account) in [
        ("dmp-national", "gateway"),
        ("dmp-a", "portal"),
        ("dmp-system", "dmp-operator"),
    ] {
        let client = world.client(namespace, account);
        let request = client
            .post(world.service.url("/v1/sandbox/population"))
            .json(&population("a-1", &[]));
        let refused = answer(request).await.problem();
        assert_eq!((refused.0, refused.1.as_str()), (403, "peer-not-allowed"));
    }
}
