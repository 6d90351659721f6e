//! Pseudonyms and the locator: each caller gets what its identity entitles it to.

use std::collections::HashSet;

use dmp_client::registry::{LocatorRequest, ResolveAnswer};
use dmp_core::ids::PatientId;

use super::world::{World, answer};

#[tokio::test]
async fn each_domain_has_its_own_pseudonym_and_keeps_it() {
    let world = World::new().await;
    let (id, _) = world.new_patient().await;
    let (other, _) = world.new_patient().await;
    let resolve = async |namespace: &str, account: &str, id| -> ResolveAnswer {
        world.resolve(&world.client(namespace, account), id).await.json()
    };
    let a = resolve("dmp-a", "records", id).await;
    let b = resolve("dmp-b", "records", id).await;
    let consent = resolve("dmp-national", "consent", id).await;
    let audit = resolve("dmp-national", "audit", id).await;
    assert!(a.consent == Some(consent.own) && b.consent == a.consent);
    assert!(a.audit == Some(audit.own) && b.audit == a.audit && consent.audit == a.audit);
    assert!(consent.consent.is_none() && audit.consent.is_none() && audit.audit.is_none());
    let all = HashSet::from([a.own, b.own, consent.own, audit.own]);
    assert_eq!(all.len(), 4, "no two domains share one");
    assert!(all.iter().all(|pseudonym| pseudonym.as_uuid() != id.as_uuid()));
    let again = resolve("dmp-a", "records", id).await;
    assert!((again.own, again.consent, again.audit) == (a.own, a.consent, a.audit));
    assert!(resolve("dmp-a", "records", other).await.own != a.own);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_first_callers_get_one_pseudonym() {
    let world = World::new().await;
    let (id, _) = world.new_patient().await;
    let records = world.client("dmp-b", "records");
    let answers = futures::future::join_all((0..20).map(|_| world.resolve(&records, id))).await;
    let own: HashSet<_> = answers
        .iter()
        .map(|answer| answer.json::<ResolveAnswer>().own)
        .collect();
    assert_eq!(own.len(), 1);
    assert_eq!(world.count("patient_pseudonym").await, 3);
}

#[tokio::test]
async fn an_unknown_patient_and_an_unknown_caller() {
    let world = World::new().await;
    let (id, _) = world.new_patient().await;
    let records = world.client("dmp-a", "records");
    let unknown = (404, "unknown-patient".to_owned());
    assert_eq!(
        world.resolve(&records, PatientId::random()).await.problem(),
        unknown
    );
    for (namespace, account) in [
        ("dmp-national", "gateway"),
        ("dmp-national", "records"),
        ("dmp-a", "consent"),
        ("dmp-system", "dmp-operator"),
    ] {
        let refused = world
            .resolve(&world.client(namespace, account), id)
            .await
            .problem();
        assert_eq!(
            (refused.0, refused.1.as_str()),
            (403, "peer-not-allowed"),
            "{namespace}/{account}"
        );
    }
    let malformed = records
        .post(world.service.url("/v1/resolve"))
        .json(&serde_json::json!({ "patient": "x" }));
    assert_eq!(answer(malformed).await.status, 400);
}

#[tokio::test]
async fn the_locator_takes_the_group_from_the_callers_identity() {
    let world = World::new().await;
    let (id, _) = world.new_patient().await;
    assert!(world.groups(id).await.is_empty());
    let register = async |namespace: &str, account: &str, patient| {
        let client = world.client(namespace, account);
        answer(
            client
                .post(world.service.url("/v1/locator/register"))
                .json(&LocatorRequest { patient, realm: None }),
        )
        .await
    };
    for namespace in ["dmp-b", "dmp-a", "dmp-b"] {
        assert_eq!(register(namespace, "records", id).await.status, 200);
    }
    assert_eq!(world.groups(id).await, ["a", "b"]);
    assert_eq!(
        register("dmp-a", "records", PatientId::random()).await.problem(),
        (404, "unknown-patient".to_owned())
    );
    assert_eq!(
        register("dmp-national", "gateway", id).await.problem(),
        (403, "peer-not-allowed".to_owned())
    );
    assert!(world.groups(PatientId::random()).await.is_empty());
    let records = world.client("dmp-a", "records");
    let locate = records
        .post(world.service.url("/v1/locator"))
        .json(&LocatorRequest {
            patient: id,
            realm: None,
        });
    assert_eq!(
        answer(locate).await.problem(),
        (403, "peer-not-allowed".to_owned())
    );
}
