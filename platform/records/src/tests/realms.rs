//! A patient of another realm is refused as an unknown one, and what a population that was given up had is new to the next.

use dmp_core::ids::PatientId;

use super::fixtures::{Letter, bundle, unique_id};
use super::world::World;

fn patient_of(world: &World, realm: Option<&str>) -> PatientId {
    let patient = world.patient_in_care();
    if let Some(realm) = realm {
        world
            .national
            .realms
            .lock()
            .unwrap()
            .insert(patient, realm.to_owned());
    }
    patient
}

#[tokio::test]
async fn nobody_reaches_a_record_of_another_realm() {
    let world = World::new().await;
    let realms = [None, Some("a-1"), Some("b-1")];
    let token = |realm: Option<&str>| realm.map_or_else(|| world.doctor(), |realm| world.doctor_in(realm));
    let unknown = world.search(&world.doctor(), PatientId::random(), &[]).await;
    assert_eq!(unknown.status, 403);
    for realm in realms {
        let patient = patient_of(&world, realm);
        let locations = world
            .stored(
                &token(realm),
                patient,
                &bundle(&unique_id(), &Letter::new(b"letter")),
            )
            .await;
        let binary = locations[2].strip_prefix("Binary/").unwrap();
        for other in realms {
            let doctor = token(other);
            let read = world.retrieve(&doctor, binary).await;
            let listed = world.search(&doctor, patient, &[]).await;
            if other == realm {
                assert_eq!((read.status, listed.status), (200, 200), "{realm:?}");
                continue;
            }
            let submitted = world
                .submit(&doctor, patient, &bundle(&unique_id(), &Letter::new(b"other")))
                .await;
            for answer in [read, listed, submitted] {
                assert_eq!(answer, unknown, "{realm:?} {other:?}");
            }
        }
    }
    let own = patient_of(&world, Some("a-1"));
    let stale = world.patient_token(own);
    assert_eq!(
        world.search(&stale, own, &[]).await,
        unknown,
        "herself, with a token of no realm"
    );
}

#[tokio::test]
async fn a_submission_to_a_population_that_was_given_up_is_new_to_the_next() {
    let world = World::new().await;
    let same = bundle(&unique_id(), &Letter::new(b"letter"));
    for realm in ["a-1", "a-2"] {
        let patient = patient_of(&world, Some(realm));
        world.stored(&world.doctor_in(realm), patient, &same).await;
    }
    let again = patient_of(&world, Some("a-2"));
    let conflict = world.submit(&world.doctor_in("a-2"), again, &same).await;
    assert_eq!(conflict.status, 409, "within one population it is one submission");
}
