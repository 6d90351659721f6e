//! The patient's trail, and who does not get it.

use dmp_client::audit::{Event, EventKind};
use dmp_core::ids::PatientId;
use dmp_core::token::Person;
use serde_json::Value;

use super::support::*;

fn events(trail: &dmp_client::audit::TrailAnswer) -> Vec<Event> {
    trail
        .entries
        .iter()
        .map(|entry| serde_json::from_str(&entry.event).unwrap())
        .collect()
}

#[tokio::test]
async fn a_patient_reads_her_trail_and_dmp_verify_proves_it() {
    let world = World::new().await;
    let (id, patient) = world.patient();
    let (_, somebody) = world.patient();
    let (registry, _) = log(ORIGIN, "log-registry").await;
    let (group, _) = log("dmp.test/log/group/tanger", "log-consent").await;
    let services = [
        serve(&world.platform, &registry).await,
        serve(&world.platform, &group).await,
    ];
    let sources = [
        source(&registry, &services[0].base()),
        source(&group, &services[1].base()),
    ];
    world.sources.set(&sources).unwrap();
    write(
        &registry,
        [
            event(Some(patient), "1"),
            event(Some(somebody), "no"),
            event(None, "no"),
        ],
    )
    .await;
    write(&group, [event(Some(somebody), "no"), event(Some(patient), "2")]).await;
    write(&registry, [event(Some(patient), "3")]).await;

    let trail = world.trail(id).await;
    assert_eq!(trail.behind, Vec::<String>::new());
    let ids: Vec<_> = events(&trail)
        .into_iter()
        .filter_map(|event| event.resource_id)
        .collect();
    assert_eq!(ids, ["1", "2", "3"], "hers alone, newest last");

    // The next reading shows this one.
    world.own.sequence_once().await.unwrap();
    let trail = world.trail(id).await;
    let last = events(&trail).pop().unwrap();
    assert_eq!(
        (last.kind, last.resource.as_str(), last.who.as_str()),
        (EventKind::Read, "Trail", "patient")
    );
    assert_eq!(last.purpose, "PATRQT");

    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (file, keys) = (path("trail.json"), path("keys.json"));
    std::fs::write(&keys, keys_json(&[&registry, &group, &world.own])).unwrap();
    let mut answer = serde_json::to_value(&trail).unwrap();
    std::fs::write(&file, answer.to_string()).unwrap();
    let (proven, text) = dmp_verify(&["trail", &file, "--key", &keys]).await;
    assert!(proven, "{text}");
    assert!(text.contains("0 dmp.test/log/registry write "), "{text}");

    let event = answer["entries"][1]["event"]
        .as_str()
        .unwrap()
        .replace("TREAT", "HOPERAT");
    answer["entries"][1]["event"] = event.into();
    std::fs::write(&file, answer.to_string()).unwrap();
    let (proven, text) = dmp_verify(&["trail", &file, "--key", &keys]).await;
    assert!(
        !proven && text.contains("FAILED event and salt are not"),
        "{text}"
    );
}

#[tokio::test]
async fn a_log_that_is_away_is_named_and_the_rest_is_served() {
    let world = World::new().await;
    let (id, patient) = world.patient();
    let (registry, _) = log(ORIGIN, "log-registry").await;
    let service = serve(&world.platform, &registry).await;
    write(&registry, [event(Some(patient), "1")]).await;
    world.sources.set(&[source(&registry, &service.base())]).unwrap();
    assert_eq!(world.trail(id).await.behind, Vec::<String>::new());
    drop(service);
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let trail = world.trail(id).await;
    assert_eq!(trail.behind, [ORIGIN]);
    assert_eq!(
        events(&trail)[0].resource_id.as_deref(),
        Some("1"),
        "what was copied stays readable"
    );
}

#[tokio::test]
async fn nobody_else_gets_a_trail_and_all_refusals_look_the_same() {
    let world = World::new().await;
    let (id, patient) = world.patient();
    let (other, _) = world.patient();
    let unknown = PatientId::random();
    let peer = world.platform.pki.solution("vendor-test", "app").as_peer();
    let tokens = &world.platform.tokens;
    let professional = tokens.professional(&peer, "123456789", "physician");
    let mut refused = vec![
        ("another patient", world.ask(id, Some(&world.token(other))).await),
        ("a professional", world.ask(id, Some(&professional)).await),
        (
            "an unknown patient",
            world.ask(unknown, Some(&world.token(unknown))).await,
        ),
        ("no token", world.ask(id, None).await),
        ("herself, in another realm", {
            let mut claims = tokens.claims(&peer, Person::Patient { id });
            claims.realm = Some("a-1".to_owned());
            world.ask(id, Some(&tokens.mint(&claims))).await
        }),
    ];
    for (name, token) in tokens.bad(&tokens.claims(&peer, Person::Patient { id })) {
        refused.push((name, world.ask(id, Some(&token)).await));
    }
    let first = refused[0].1.clone();
    assert_eq!(first.0, 403);
    assert_eq!(
        serde_json::from_str::<Value>(&first.1).unwrap()["code"],
        "access-refused"
    );
    for (name, answer) in &refused {
        assert_eq!(*answer, first, "{name}");
    }

    // Whoever had a good token is in the log, and so the patient sees who tried.
    world.own.sequence_once().await.unwrap();
    let trail = world.trail(id).await;
    let tried: Vec<_> = events(&trail)
        .into_iter()
        .filter(|event| event.kind == EventKind::Refusal)
        .map(|event| (event.who, event.outcome))
        .collect();
    let not_hers = "not-the-patient".to_owned();
    assert_eq!(
        tried,
        [
            ("patient".to_owned(), not_hers.clone()),
            ("123456789".to_owned(), not_hers)
        ]
    );
    assert!(events(&trail).iter().all(|event| event.patient == Some(patient)));
}

#[tokio::test]
async fn only_the_gateway_may_ask() {
    let world = World::new().await;
    let (id, _) = world.patient();
    for (namespace, account) in [
        ("dmp-national", "registry"),
        ("dmp-a", "records"),
        ("dmp-a", "gateway"),
    ] {
        let client = world
            .platform
            .pki
            .service(namespace, account)
            .http_client()
            .unwrap();
        let request = dmp_client::audit::TrailRequest { patient: id };
        let answer = client
            .post(world.service.url("/v1/trail"))
            .bearer_auth(world.token(id))
            .json(&request)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 403);
        assert_eq!(answer.json::<Value>().await.unwrap()["code"], "peer-not-allowed");
    }
}

#[tokio::test]
async fn without_registry_or_log_there_is_no_trail() {
    let world = World::new().await;
    let (id, _) = world.patient();
    sqlx::raw_sql("alter table tlog_pending rename to away")
        .execute(&world.pool)
        .await
        .unwrap();
    let (status, body) = world.ask(id, Some(&world.token(id))).await;
    assert_eq!(status, 503, "nothing is read that cannot be logged");
    assert!(body.contains("audit-unavailable"), "{body}");
    world.registry.stop();
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let (status, body) = world.ask(id, Some(&world.token(id))).await;
    assert_eq!(status, 503);
    assert!(body.contains("registry-unavailable"), "{body}");
}
