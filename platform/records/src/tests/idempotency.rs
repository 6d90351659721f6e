//! The same submission again, at once or later, and other content under its id.

use std::sync::Arc;

use dmp_client::records::SubmissionAnswer;
use dmp_core::token::Person;

use super::fixtures::{Letter, bundle, unique_id};
use super::world::{DOCTOR, World};

#[tokio::test]
async fn ten_at_once_are_one_document_and_one_answer() {
    let world = Arc::new(World::new().await);
    let patient = world.patient_in_care();
    let doctor = world.doctor();
    let bundle = bundle(&unique_id(), &Letter::new(b"the same letter"));
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            let (world, doctor, bundle) = (Arc::clone(&world), doctor.clone(), bundle.clone());
            tokio::spawn(async move {
                world
                    .submit(&doctor, patient, &bundle)
                    .await
                    .json::<SubmissionAnswer>()
            })
        })
        .collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    assert_eq!(answers.iter().filter(|answer| !answer.repeated).count(), 1);
    assert!(answers.iter().all(|answer| answer.bundle == answers[0].bundle));
    for table in [
        "submission",
        "document",
        "content",
        "content_chunk",
        "document_identifier",
    ] {
        assert_eq!(world.count(table).await, 1, "{table}");
    }
    assert_eq!(world.found(&doctor, patient, &[]).await.len(), 1);
    let keys: i64 = sqlx::query_scalar("SELECT count(*) FROM patient_key")
        .fetch_one(&world.keystore)
        .await
        .unwrap();
    assert_eq!(keys, 1);
}

#[tokio::test]
async fn a_repetition_may_differ_in_what_is_not_content() {
    let world = World::new().await;
    let patient = world.patient_in_care();
    let doctor = world.doctor();
    let mut bundle = bundle(&unique_id(), &Letter::new(b"letter"));
    let first: SubmissionAnswer = world.submit(&doctor, patient, &bundle).await.json();
    bundle["timestamp"] = "2026-03-17T10:00:00Z".into();
    bundle["id"] = "again".into();
    let again: SubmissionAnswer = world.submit(&doctor, patient, &bundle).await.json();
    assert!(again.repeated);
    assert_eq!(again.bundle, first.bundle);
}

#[tokio::test]
async fn other_content_under_the_same_id_is_a_conflict() {
    let world = World::new().await;
    let (patient, other) = (world.patient_in_care(), world.patient_in_care());
    let doctor = world.doctor();
    let id = unique_id();
    let first = bundle(&id, &Letter::new(b"letter"));
    world.stored(&doctor, patient, &first).await;
    for (patient, bundle) in [
        (patient, bundle(&id, &Letter::new(b"another"))),
        (other, first.clone()),
    ] {
        let answer = world.submit(&doctor, patient, &bundle).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (409, "submission-conflict")
        );
    }
    assert_eq!(world.count("document").await, 1);
    // Another sender's ids are its own.
    let person = Person::Professional {
        inpe: DOCTOR.to_owned(),
        profession: "physician".to_owned(),
    };
    let mut claims = world.platform.tokens.claims(world.solution(), person);
    claims.solution = "vendor-other/clinic".to_owned();
    let elsewhere = world.platform.tokens.mint(&claims);
    world
        .stored(&elsewhere, patient, &bundle(&id, &Letter::new(b"another")))
        .await;
}

#[tokio::test]
async fn a_documents_identifier_names_one_content_in_a_record() {
    let world = World::new().await;
    let (patient, other) = (world.patient_in_care(), world.patient_in_care());
    let doctor = world.doctor();
    let letter = |bytes| Letter {
        identifier: "urn:oid:1.2.3".to_owned(),
        ..Letter::new(bytes)
    };
    world
        .stored(&doctor, patient, &bundle(&unique_id(), &letter(b"one")))
        .await;
    let answer = world
        .submit(&doctor, patient, &bundle(&unique_id(), &letter(b"two")))
        .await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (409, "document-conflict")
    );
    world
        .stored(&doctor, patient, &bundle(&unique_id(), &letter(b"one")))
        .await;
    world
        .stored(&doctor, other, &bundle(&unique_id(), &letter(b"two")))
        .await;
    assert_eq!(world.count("document").await, 3);
}
