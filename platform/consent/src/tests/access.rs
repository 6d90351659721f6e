//! Who may say something, who may ask, and what cannot be said.

use std::sync::atomic::Ordering;

use dmp_client::audit::EventKind;
use dmp_client::consent::{FactsRequest, RecordRequest};
use dmp_core::ids::PatientId;
use dmp_core::token::Person;
use serde_json::{Value, json};

use super::world::{DOCTOR, World, answer, opposition, relation};

#[tokio::test]
async fn only_the_patient_speaks_and_all_refusals_look_the_same() {
    let world = World::new().await;
    let (patient, other) = (world.patient(), world.patient());
    let stored = world.recorded(patient, &opposition(patient)).await;
    let id = stored["id"].as_str().unwrap();
    let (of_other, doctor, ghost) = (world.token(other), world.doctor(), PatientId::random());
    let directory = world.platform.tokens.claims(world.solution(), Person::Directory);
    let directory = world.platform.tokens.mint(&directory);
    let own = |of: PatientId| opposition(of);
    let mut answers = vec![
        (
            "doctor records",
            world.record(&doctor, patient, &own(patient)).await,
        ),
        ("doctor searches", world.search(&doctor, patient).await),
        (
            "doctor updates",
            world.update(&doctor, patient, id, &stored).await,
        ),
        ("directory", world.search(&directory, patient).await),
        (
            "other records for her",
            world.record(&of_other, patient, &own(patient)).await,
        ),
        ("other searches hers", world.search(&of_other, patient).await),
        (
            "other updates hers",
            world.update(&of_other, patient, id, &stored).await,
        ),
        (
            "other updates hers as his",
            world.update(&of_other, other, id, &opposition(other)).await,
        ),
        (
            "unknown id",
            world
                .update(
                    &of_other,
                    other,
                    &uuid::Uuid::new_v4().to_string(),
                    &opposition(other),
                )
                .await,
        ),
        (
            "not an id",
            world
                .update(&of_other, other, "' OR 1=1", &opposition(other))
                .await,
        ),
        ("unknown patient", world.search(&world.token(ghost), ghost).await),
        ("doctor, unknown patient", world.search(&doctor, ghost).await),
        (
            "herself, in another realm",
            world
                .search(&world.token_of_realm(Person::Patient { id: patient }), patient)
                .await,
        ),
        (
            "a directory of another realm",
            world
                .search(&world.token_of_realm(Person::Directory), patient)
                .await,
        ),
    ];
    let logged = answers.len();
    let claims = world
        .platform
        .tokens
        .claims(world.solution(), Person::Patient { id: patient });
    for (name, token) in world.platform.tokens.bad(&claims) {
        answers.push((name, world.search(&token, patient).await));
    }
    let (_, first) = &answers[0];
    assert_eq!(first.problem(), (403, "access-refused".to_owned()));
    for (name, answer) in &answers {
        assert_eq!(answer, first, "{name}");
    }
    assert_eq!(world.all(patient).await, [stored]);
    assert!(world.all(other).await.is_empty());

    let events = world.events().await;
    let refusals: Vec<_> = events
        .iter()
        .filter(|event| event.kind == EventKind::Refusal)
        .collect();
    assert_eq!(refusals.len(), logged);
    let of = |patient: PatientId| {
        let audit = world.pseudonyms(patient).audit;
        refusals
            .iter()
            .filter(|e| e.patient == audit)
            .map(|e| (e.who.as_str(), e.outcome.as_str()))
            .collect::<Vec<_>>()
    };
    let mut expected = vec![(DOCTOR, "not-the-patient"); 3];
    expected.push(("directory", "not-the-patient"));
    assert_eq!(of(patient), expected);
    let mut expected = vec![("patient", "not-own-record"); 3];
    expected.extend([("patient", "unknown-consent"); 3]);
    assert_eq!(of(other), expected);
}

#[tokio::test]
async fn a_change_and_its_log_entry_are_one() {
    let world = World::new().await;
    let patient = world.patient();
    let stored = world.recorded(patient, &relation(patient, DOCTOR)).await;
    world.set_status(patient, &stored, "inactive").await;
    world.all(patient).await;
    let events = world.events().await;
    let told: Vec<_> = events
        .iter()
        .map(|e| (e.kind, e.resource_id.as_deref(), e.outcome.as_str()))
        .collect();
    let id = stored["id"].as_str();
    assert_eq!(
        told,
        [
            (EventKind::Consent, id, "permitted"),
            (EventKind::Consent, id, "permitted"),
            (EventKind::Search, None, "permitted")
        ]
    );
    assert!(events.iter().all(|e| e.patient == world.pseudonyms(patient).audit
        && e.who == "patient"
        && e.purpose == "PATRQT"));

    sqlx::query("ALTER TABLE tlog_pending RENAME TO tlog_gone")
        .execute(&world.pool)
        .await
        .unwrap();
    let unlogged = world
        .record(&world.token(patient), patient, &opposition(patient))
        .await;
    assert_eq!(unlogged.problem(), (503, "audit-unavailable".to_owned()));
    assert_eq!(
        world.search(&world.token(patient), patient).await.problem(),
        (503, "audit-unavailable".to_owned())
    );
    assert_eq!(
        world.search(&world.doctor(), patient).await.problem(),
        (503, "audit-unavailable".to_owned())
    );
    assert!(!world.facts(patient, None).await.opposed, "nothing was written");
}

#[tokio::test]
async fn without_the_registry_nothing_is_said() {
    let world = World::new().await;
    let patient = world.patient();
    world.known.down.store(true, Ordering::SeqCst);
    let answer = world
        .record(&world.token(patient), patient, &opposition(patient))
        .await;
    assert_eq!(answer.problem(), (503, "registry-unavailable".to_owned()));
    world.known.down.store(false, Ordering::SeqCst);
    assert!(!world.facts(patient, None).await.opposed);
}

#[tokio::test]
async fn bad_input_is_named_and_writes_nothing() {
    let world = World::new().await;
    let (patient, other) = (world.patient(), world.patient());
    let token = world.token(patient);
    let change = |pointer: &str, value: Value| {
        let mut consent = relation(patient, DOCTOR);
        *consent.pointer_mut(pointer).unwrap() = value;
        consent
    };
    let mut nested = relation(patient, DOCTOR);
    nested["provision"]["provision"] = json!([{ "type": "deny" }]);
    let mut over = relation(patient, DOCTOR);
    over["provision"]["period"] = json!({ "end": "2020" });
    let cases = [
        (json!({}), 400, "structure-invalid"),
        (json!("Consent"), 400, "structure-invalid"),
        (
            change("/resourceType", json!("Patient")),
            400,
            "structure-invalid",
        ),
        (change("/status", json!("inactive")), 422, "consent-not-active"),
        (change("/status", json!("yes")), 422, "value-invalid"),
        (
            change(
                "/patient/reference",
                json!(format!("Patient/{}", other.as_uuid())),
            ),
            422,
            "consent-of-another-patient",
        ),
        (
            change("/patient/reference", json!("Patient")),
            422,
            "reference-invalid",
        ),
        (
            change("/provision/type", json!("deny")),
            422,
            "consent-not-supported",
        ),
        (nested, 422, "consent-not-supported"),
        (over, 422, "consent-period-over"),
    ];
    for (consent, status, code) in cases {
        assert_eq!(
            world.record(&token, patient, &consent).await.problem(),
            (status, code.to_owned())
        );
    }
    let large = change("/category", json!([{ "text": "x".repeat(70_000) }]));
    assert_eq!(world.record(&token, patient, &large).await.status, 413);
    assert!(world.all(patient).await.is_empty());

    let stored = world.recorded(patient, &relation(patient, DOCTOR)).await;
    let id = stored["id"].as_str().unwrap();
    let cases = [
        (opposition(patient), "consent-changed-subject"),
        (relation(patient, "100000002"), "consent-changed-subject"),
        (
            change(
                "/patient/reference",
                json!(format!("Patient/{}", other.as_uuid())),
            ),
            "consent-of-another-patient",
        ),
    ];
    for (consent, code) in cases {
        assert_eq!(
            world.update(&token, patient, id, &consent).await.problem(),
            (422, code.to_owned())
        );
    }
    let mut other_id = stored.clone();
    other_id["id"] = uuid::Uuid::new_v4().to_string().into();
    assert_eq!(
        world.update(&token, patient, id, &other_id).await.problem(),
        (422, "id-mismatch".to_owned())
    );
    assert_eq!(world.all(patient).await, [stored]);
}

#[tokio::test]
async fn each_route_has_its_callers() {
    let world = World::new().await;
    let patient = world.patient();
    let facts = FactsRequest {
        patient: world.pseudonyms(patient).own,
        professional: None,
    };
    let record = RecordRequest {
        patient,
        consent: opposition(patient),
    };
    let refused = (403, "peer-not-allowed".to_owned());
    for (namespace, account) in [
        ("dmp-national", "gateway"),
        ("dmp-national", "audit"),
        ("dmp-a", "portal"),
    ] {
        let client = world
            .platform
            .pki
            .service(namespace, account)
            .http_client()
            .unwrap();
        let asked = answer(client.post(world.service.url("/v1/facts")).json(&facts))
            .await
            .problem();
        assert_eq!(
            (asked.0, asked.1.as_str()),
            (403, "peer-not-allowed"),
            "{namespace}/{account}"
        );
    }
    for (namespace, account) in [
        ("dmp-a", "records"),
        ("dmp-national", "registry"),
        ("dmp-a", "gateway"),
    ] {
        let client = world
            .platform
            .pki
            .service(namespace, account)
            .http_client()
            .unwrap();
        for path in ["/v1/consents", "/v1/consents/update", "/v1/consents/search"] {
            let request = client
                .post(world.service.url(path))
                .bearer_auth(world.token(patient))
                .json(&record);
            let asked = answer(request).await.problem();
            assert_eq!(
                (asked.0, asked.1.as_str()),
                (refused.0, refused.1.as_str()),
                "{namespace}/{account} {path}"
            );
        }
    }
    let solution = world
        .platform
        .pki
        .solution("vendor-test", "patient-app")
        .http_client()
        .unwrap();
    assert!(
        solution
            .post(world.service.url("/v1/facts"))
            .json(&facts)
            .send()
            .await
            .is_err(),
        "no handshake"
    );
    let audit = world
        .platform
        .pki
        .service("dmp-national", "audit")
        .http_client()
        .unwrap();
    assert_eq!(
        answer(audit.get(world.service.url("/v1/log/entries?from=0")))
            .await
            .status,
        200
    );
}
