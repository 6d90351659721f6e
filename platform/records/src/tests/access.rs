//! Who gets through, who does not, and that all refusals are the same bytes.

use std::sync::atomic::Ordering;

use dmp_client::audit::EventKind;
use dmp_core::ids::PatientId;
use dmp_core::token::Person;

use super::fixtures::{Letter, bundle, unique_id};
use super::world::{Answer, DOCTOR, World};

fn binary(locations: &[String]) -> String {
    locations[2].strip_prefix("Binary/").unwrap().to_owned()
}

#[tokio::test]
async fn a_refusal_says_nothing_and_the_log_says_why() {
    let world = World::new().await;
    let doctor = world.doctor();
    let (related, unrelated, opposed) = (
        world.patient_in_care(),
        world.patient_in_care(),
        world.patient_in_care(),
    );
    let binary_of = |locations: Vec<String>| binary(&locations);
    let mine = binary_of(
        world
            .stored(&doctor, related, &bundle(&unique_id(), &Letter::new(b"one")))
            .await,
    );
    let theirs = binary_of(
        world
            .stored(&doctor, unrelated, &bundle(&unique_id(), &Letter::new(b"two")))
            .await,
    );
    let hidden = binary_of(
        world
            .stored(&doctor, opposed, &bundle(&unique_id(), &Letter::new(b"three")))
            .await,
    );
    world.consent_says(unrelated, Some(DOCTOR), false, false);
    world.consent_says(opposed, Some(DOCTOR), true, true);
    let other_patient = world.patient();
    let stranger = world.professional("100000002", "physician");
    let mut directory = world.platform.tokens.claims(world.solution(), Person::Directory);
    directory.purpose = "HOPERAT".to_owned();
    let directory = world.platform.tokens.mint(&directory);
    let claims = world.platform.tokens.claims(
        world.solution(),
        Person::Professional {
            inpe: DOCTOR.to_owned(),
            profession: "physician".to_owned(),
        },
    );
    let last = if mine.ends_with('0') { '1' } else { '0' };
    let ghost = format!("{}{last}", &mine[..mine.len() - 1]);

    let mut answers: Vec<(&str, Answer)> = Vec::new();
    answers.push(("no relation, list", world.search(&doctor, unrelated, &[]).await));
    answers.push(("no relation, read", world.retrieve(&doctor, &theirs).await));
    answers.push((
        "no relation of a stranger",
        world.retrieve(&stranger, &mine).await,
    ));
    answers.push(("opposition, list", world.search(&doctor, opposed, &[]).await));
    answers.push(("opposition, read", world.retrieve(&doctor, &hidden).await));
    answers.push((
        "opposition, write",
        world
            .submit(&doctor, opposed, &bundle(&unique_id(), &Letter::new(b"x")))
            .await,
    ));
    answers.push((
        "unknown patient, list",
        world.search(&doctor, PatientId::random(), &[]).await,
    ));
    let unknown = bundle(&unique_id(), &Letter::new(b"x"));
    answers.push((
        "unknown patient, write",
        world.submit(&doctor, PatientId::random(), &unknown).await,
    ));
    answers.push(("unknown document", world.retrieve(&doctor, &ghost).await));
    answers.push(("not an id", world.retrieve(&doctor, "../../etc/passwd").await));
    answers.push((
        "another patient",
        world
            .search(&world.patient_token(other_patient), related, &[])
            .await,
    ));
    answers.push((
        "another patient, read",
        world.retrieve(&world.patient_token(other_patient), &mine).await,
    ));
    answers.push(("directory", world.search(&directory, related, &[]).await));
    answers.push((
        "no profession",
        world
            .search(&world.professional(DOCTOR, "astrologer"), related, &[])
            .await,
    ));
    let logged = answers.len();
    for (name, token) in world.platform.tokens.bad(&claims) {
        answers.push((name, world.search(&token, related, &[]).await));
    }
    let (_, first) = &answers[0];
    assert_eq!((first.status, first.code().as_str()), (403, "access-refused"));
    for (name, answer) in &answers {
        assert_eq!(answer, first, "{name}");
    }

    let events = world.events().await;
    let refusals: Vec<_> = events
        .iter()
        .filter(|event| event.kind == EventKind::Refusal)
        .collect();
    assert_eq!(
        refusals.len(),
        logged,
        "every refusal of a known person is logged"
    );
    let reasons = |audit| {
        refusals
            .iter()
            .filter(|e| e.patient == audit)
            .map(|e| e.outcome.as_str())
            .collect::<Vec<_>>()
    };
    let audit = |patient| world.known(patient).audit;
    assert_eq!(reasons(audit(unrelated)), ["no-care-relation"; 2]);
    assert_eq!(reasons(audit(opposed)), ["opposition"; 3]);
    assert_eq!(
        reasons(None),
        [
            "unknown-patient",
            "unknown-patient",
            "unknown-document",
            "unknown-document"
        ]
    );
    assert_eq!(
        reasons(audit(related)),
        [
            "no-care-relation",
            "not-own-record",
            "not-own-record",
            "profession",
            "profession"
        ]
    );
}

#[tokio::test]
async fn the_patient_reads_her_own_record_also_while_opposed() {
    let world = World::new().await;
    let patient = world.patient_in_care();
    let locations = world
        .stored(
            &world.doctor(),
            patient,
            &bundle(&unique_id(), &Letter::new(b"letter")),
        )
        .await;
    let own = world.patient_token(patient);
    assert_eq!(world.found(&own, patient, &[]).await.len(), 1);
    assert_eq!(world.retrieve(&own, &binary(&locations)).await.body, b"letter");
}

#[tokio::test]
async fn what_cannot_be_decided_or_logged_is_not_answered() {
    let world = World::new().await;
    let patient = world.patient_in_care();
    let doctor = world.doctor();
    let stored = binary(
        &world
            .stored(&doctor, patient, &bundle(&unique_id(), &Letter::new(b"letter")))
            .await,
    );
    for (switch, code) in [
        (&world.national.registry_down, "registry-unavailable"),
        (&world.national.consent_down, "consent-unavailable"),
    ] {
        switch.store(true, Ordering::SeqCst);
        let new = bundle(&unique_id(), &Letter::new(b"x"));
        for answer in [
            world.search(&doctor, patient, &[]).await,
            world.retrieve(&doctor, &stored).await,
            world.submit(&doctor, patient, &new).await,
        ] {
            assert_eq!((answer.status, answer.code().as_str()), (503, code));
        }
        switch.store(false, Ordering::SeqCst);
    }
    assert_eq!(world.retrieve(&doctor, &stored).await.status, 200);

    // Without the log: no answer, nothing stored.
    sqlx::query("ALTER TABLE tlog_pending RENAME TO tlog_gone")
        .execute(&world.pool)
        .await
        .unwrap();
    let new = bundle(&unique_id(), &Letter::new(b"x"));
    for answer in [
        world.search(&doctor, patient, &[]).await,
        world.retrieve(&doctor, &stored).await,
        world.submit(&doctor, patient, &new).await,
        world.search(&doctor, PatientId::random(), &[]).await,
    ] {
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (503, "audit-unavailable")
        );
    }
    sqlx::query("ALTER TABLE tlog_gone RENAME TO tlog_pending")
        .execute(&world.pool)
        .await
        .unwrap();
    assert_eq!(world.count("document").await, 1);
    assert_eq!(world.count("submission").await, 1);

    // Without the keystore: no answer either, once the opened key has left the memory.
    world.app.keystore.clear();
    world.keystore.close().await;
    let answer = world.retrieve(&doctor, &stored).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (503, "key-service-unavailable")
    );
}

#[tokio::test]
async fn only_the_gateway_may_call_and_only_audit_reads_the_log() {
    let world = World::new().await;
    let patient = world.patient_in_care();
    let pki = &world.platform.pki;
    for (namespace, account) in [
        ("dmp-national", "audit"),
        ("dmp-b", "records"),
        ("dmp-a", "gateway"),
    ] {
        let client = pki.service(namespace, account).http_client().unwrap();
        let request = client
            .post(world.service.url("/v1/documents/search"))
            .bearer_auth(world.doctor());
        let body = serde_json::json!({ "patient": patient, "parameters": [] });
        let response = request.json(&body).send().await.unwrap();
        assert_eq!(response.status(), 403, "{namespace}/{account}");
        assert!(response.text().await.unwrap().contains("peer-not-allowed"));
    }
    let gateway = pki.service("dmp-national", "gateway").http_client().unwrap();
    let entries = world.service.url("/v1/log/entries?from=0");
    assert_eq!(gateway.get(&entries).send().await.unwrap().status(), 403);
    let audit = pki.service("dmp-national", "audit").http_client().unwrap();
    assert_eq!(audit.get(&entries).send().await.unwrap().status(), 200);
    // A solution's certificate does not even pass the handshake.
    let solution = pki
        .solution("vendor-test", "hospital-tanger")
        .http_client()
        .unwrap();
    assert!(solution.get(&entries).send().await.is_err());
}
