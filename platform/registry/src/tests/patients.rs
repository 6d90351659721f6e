//! One patient for one identifier, whatever happens.

use std::collections::HashSet;

use dmp_client::audit::EventKind;
use dmp_client::registry::FeedAnswer;
use dmp_fhir::systems;
use serde_json::{Value, json};

use super::world::{DOCTOR, IPP, World, identifier, number, patient};

#[tokio::test]
async fn a_feed_creates_then_updates() {
    let world = World::new().await;
    let ipp = identifier(IPP, &number());
    let mut sent = patient(&[&ipp], "Salé");
    sent["id"] = "the-senders".into();
    // A literal of Rust would lose the last digit before it is sent.
    sent["extension"] =
        serde_json::from_str(r#"[{ "url": "https://example.org/x", "valueDecimal": 1.50 }]"#).unwrap();
    let first = world.fed(&ipp, &sent).await;
    let id = first.id.as_uuid().to_string();
    assert!(first.created && first.patient["id"] == id && first.patient["meta"]["versionId"] == "1");
    let again = world.fed(&ipp, &sent).await;
    assert!(
        !again.created && again.id == first.id && again.patient == first.patient,
        "the same says nothing new"
    );
    let moved = world.fed(&ipp, &patient(&[&ipp], "Fès")).await;
    assert!(!moved.created && moved.id == first.id);
    assert_eq!(
        (
            &moved.patient["meta"]["versionId"],
            &moved.patient["address"][0]["city"]
        ),
        (&json!("2"), &json!("Fès"))
    );
    assert_eq!(world.found(&ipp).await, std::slice::from_ref(&moved.patient));
    assert_eq!(
        (world.count("patient").await, world.count("patient_history").await),
        (1, 1)
    );
    assert_eq!(moved.patient["birthDate"], "1951");
    assert!(first.patient.to_string().contains("1.50"));
}

#[tokio::test]
async fn a_second_identifier_finds_the_same_person_and_none_is_lost() {
    let world = World::new().await;
    let (cnie, here, there) = (
        identifier(systems::CNIE, &number()),
        identifier(IPP, &number()),
        identifier("urn:oid:2.999.504.3.1.2", &number()),
    );
    let first = world.fed(&here, &patient(&[&here, &cnie], "Salé")).await;
    let second = world.fed(&there, &patient(&[&there, &cnie], "Salé")).await;
    assert!(!second.created && second.id == first.id);
    for known in [&cnie, &here, &there] {
        let found = world.found(known).await;
        assert_eq!(found.len(), 1);
        assert_eq!(found[0]["identifier"].as_array().unwrap().len(), 3);
        assert!(world.by_identifier(known).await == Some(first.id));
    }
    let lower = identifier(systems::CNIE, &cnie.value.to_lowercase());
    assert!(
        world.by_identifier(&lower).await == Some(first.id),
        "a card's number in small letters"
    );
}

#[tokio::test]
async fn identifiers_of_two_patients_conflict_and_nothing_is_written() {
    let world = World::new().await;
    let (first, one) = world.new_patient().await;
    let (second, two) = world.new_patient().await;
    let new = identifier(IPP, &number());
    let both = patient(&[&new, &one, &two], "Rabat");
    let refused = world.feed(&world.doctor(), &new, &both).await;
    assert_eq!(
        refused.problem(),
        (409, "identifier-belongs-to-another-patient".to_owned())
    );
    assert!(world.by_identifier(&new).await.is_none());
    assert!(
        world.by_identifier(&one).await == Some(first) && world.by_identifier(&two).await == Some(second)
    );
    assert_eq!(world.found(&one).await[0]["meta"]["versionId"], "1");
    assert!(!refused.body.contains(&one.value));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_clients_race_on_one_identifier_and_make_one_patient() {
    let world = World::new().await;
    for _ in 0..5 {
        let ipp = identifier(IPP, &number());
        let sent = patient(&[&ipp], "Salé");
        let token = world.doctor();
        let answers = futures::future::join_all((0..20).map(|_| world.feed(&token, &ipp, &sent))).await;
        let answers: Vec<FeedAnswer> = answers.iter().map(|answer| answer.json()).collect();
        assert_eq!(answers.iter().filter(|answer| answer.created).count(), 1);
        assert_eq!(
            answers
                .iter()
                .map(|answer| answer.id)
                .collect::<HashSet<_>>()
                .len(),
            1
        );
    }
    assert_eq!(
        (
            world.count("patient").await,
            world.count("patient_identifier").await
        ),
        (5, 5)
    );
}

/// Hospitals that share one identifier and have one of their own each, in every order: one patient, all identifiers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_hospitals_race_with_a_shared_identifier() {
    let world = World::new().await;
    let cnie = identifier(systems::CNIE, &number());
    let own: Vec<_> = (0..20)
        .map(|n| identifier(&format!("urn:oid:2.999.504.3.1.{n}"), &number()))
        .collect();
    let token = world.doctor();
    let feeds = own.iter().enumerate().map(|(n, ipp)| {
        let sent = if n % 2 == 0 {
            patient(&[ipp, &cnie], "Salé")
        } else {
            patient(&[&cnie, ipp], "Salé")
        };
        let (world, token) = (&world, &token);
        async move { world.feed(token, ipp, &sent).await.json::<FeedAnswer>() }
    });
    let answers = futures::future::join_all(feeds).await;
    assert_eq!(answers.iter().filter(|answer| answer.created).count(), 1);
    assert_eq!(world.count("patient").await, 1);
    assert_eq!(
        world.found(&cnie).await[0]["identifier"]
            .as_array()
            .unwrap()
            .len(),
        21
    );
}

#[tokio::test]
async fn the_database_itself_refuses_a_second_patient_for_an_identifier() {
    let world = World::new().await;
    world.new_patient().await;
    let (second, _) = world.new_patient().await;
    let taken: Vec<u8> = sqlx::query_scalar("SELECT token FROM patient_identifier LIMIT 1")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    let stolen = sqlx::query("INSERT INTO patient_identifier (token, patient) VALUES ($1, $2)")
        .bind(taken)
        .bind(second.as_uuid())
        .execute(&world.pool)
        .await;
    assert!(
        stolen
            .err()
            .unwrap()
            .as_database_error()
            .unwrap()
            .is_unique_violation()
    );
}

#[tokio::test]
async fn bad_patients_are_named_and_write_nothing() {
    let world = World::new().await;
    let (ipp, other) = (identifier(IPP, &number()), identifier(IPP, &number()));
    let good = patient(&[&ipp], "Salé");
    let with = |name: &str, value: Value| {
        let mut patient = good.clone();
        patient[name] = value;
        patient
    };
    let cases = [
        (&ipp, json!([]), 400, "structure-invalid"),
        (
            &ipp,
            with("resourceType", json!("Group")),
            400,
            "structure-invalid",
        ),
        (&ipp, with("birthDate", json!("01/01/1951")), 422, "value-invalid"),
        (&ipp, with("gender", json!("F")), 422, "value-invalid"),
        (
            &ipp,
            with("identifier", json!([{ "value": "1" }])),
            422,
            "patient-without-identifier",
        ),
        (
            &ipp,
            with("link", json!([{ "type": "seealso" }])),
            422,
            "link-not-supported",
        ),
        (&ipp, with("name", json!([])), 400, "structure-invalid"),
        (&other, good.clone(), 422, "identifier-not-in-patient"),
        (&identifier("", "1"), good.clone(), 422, "identifier-invalid"),
        (&identifier(IPP, " "), good.clone(), 422, "identifier-invalid"),
    ];
    for (named, patient, status, code) in cases {
        let answer = world.feed(&world.doctor(), named, &patient).await;
        assert_eq!(answer.problem(), (status, code.to_owned()));
        assert!(
            !answer.body.contains("1951") && !answer.body.contains(&ipp.value),
            "an error repeats no input"
        );
    }
    let large = with("contact", json!([{ "name": { "text": "x".repeat(300_000) } }]));
    assert_eq!(world.feed(&world.doctor(), &ipp, &large).await.status, 413);
    assert_eq!(
        (
            world.count("patient").await,
            world.count("patient_identifier").await
        ),
        (0, 0)
    );
}

#[tokio::test]
async fn feeds_and_searches_are_in_the_log_and_wait_for_it() {
    let world = World::new().await;
    let (id, ipp) = world.new_patient().await;
    world.found(&ipp).await;
    assert!(world.found(&identifier(IPP, &number())).await.is_empty());
    let audit = world.resolved(id).await.audit;
    let events = world.events().await;
    let public = id.as_uuid().to_string();
    let told: Vec<_> = events
        .iter()
        .map(|e| (e.kind, e.patient, e.resource_id.clone(), e.outcome.as_str()))
        .collect();
    assert!(
        told == [
            (EventKind::Feed, audit, Some(public.clone()), "permitted"),
            (EventKind::Search, audit, Some(public), "permitted"),
            (EventKind::Search, None, None, "unknown-patient"),
        ]
    );
    assert!(
        events
            .iter()
            .all(|e| e.who == DOCTOR && e.purpose == "TREAT" && e.software == "vendor-test/hospital 1.0")
    );

    sqlx::query("ALTER TABLE tlog_pending RENAME TO tlog_gone")
        .execute(&world.pool)
        .await
        .unwrap();
    let new = identifier(IPP, &number());
    let unavailable = (503, "audit-unavailable".to_owned());
    assert_eq!(
        world
            .feed(&world.doctor(), &new, &patient(&[&new], "Salé"))
            .await
            .problem(),
        unavailable
    );
    assert_eq!(world.search(&world.doctor(), &ipp).await.problem(), unavailable);
    assert_eq!(world.search(&world.doctor(), &new).await.problem(), unavailable);
    assert_eq!(
        world.search(&world.directory_token(), &ipp).await.problem(),
        unavailable
    );
    assert_eq!(world.count("patient").await, 1);
}
