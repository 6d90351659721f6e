//! Back from a pseudonym: for audit alone, and for patients of the group alone.

use dmp_client::registry::{IdentifyAnswer, IdentifyRequest, LocatorRequest, ResolveAnswer};
use dmp_core::ids::{PatientId, Pseudonym};

use super::world::{Answer, World, answer};
use crate::store::identities;

async fn identify(world: &World, caller: (&str, &str), group: &str, patients: Vec<Pseudonym>) -> Answer {
    let request = IdentifyRequest {
        group: group.parse().unwrap(),
        patients,
    };
    let client = world.client(caller.0, caller.1);
    answer(client.post(world.service.url("/v1/identify")).json(&request)).await
}

const AUDIT: (&str, &str) = ("dmp-national", "audit");

/// A patient of these groups, and her pseudonym in the audit domain.
async fn of_groups(world: &World, groups: &[&str]) -> (PatientId, Pseudonym) {
    let (id, _) = world.new_patient().await;
    for group in groups {
        let records = world.client(&format!("dmp-{group}"), "records");
        let request = LocatorRequest {
            patient: id,
            realm: None,
        };
        let registered = records
            .post(world.service.url("/v1/locator/register"))
            .json(&request);
        assert_eq!(answer(registered).await.status, 200);
    }
    let resolved = world.resolve(&world.client(AUDIT.0, AUDIT.1), id).await;
    (id, resolved.json::<ResolveAnswer>().own)
}

#[tokio::test]
async fn a_groups_patients_are_named_and_nobody_elses() {
    let world = World::new().await;
    let (first, of_first) = of_groups(&world, &["a"]).await;
    let (_, of_other) = of_groups(&world, &["b"]).await;
    let (_, of_nobody) = of_groups(&world, &[]).await;
    let (both, of_both) = of_groups(&world, &["a", "b"]).await;
    let asked = vec![of_both, of_other, Pseudonym::random(), of_first, of_nobody];
    let found = identify(&world, AUDIT, "a", asked)
        .await
        .json::<IdentifyAnswer>()
        .patients;
    assert!(found == [Some(both), None, None, Some(first), None]);
    // A pseudonym of another domain leads nowhere.
    let records = world.client("dmp-a", "records");
    let own = world.resolve(&records, first).await.json::<ResolveAnswer>().own;
    let found = identify(&world, AUDIT, "a", vec![own])
        .await
        .json::<IdentifyAnswer>()
        .patients;
    assert!(found == [None]);
}

#[tokio::test]
async fn nobody_but_audit_may_ask_and_not_for_too_many() {
    let world = World::new().await;
    for caller in [
        ("dmp-national", "gateway"),
        ("dmp-national", "consent"),
        ("dmp-national", "portal"),
        ("dmp-a", "records"),
        ("dmp-a", "audit"),
    ] {
        let refused = identify(&world, caller, "a", Vec::new()).await.problem();
        assert_eq!(refused, (403, "peer-not-allowed".to_owned()), "{caller:?}");
    }
    let many = vec![Pseudonym::random(); 501];
    let refused = identify(&world, AUDIT, "a", many).await.problem();
    assert_eq!(refused, (400, "too-many-patients".to_owned()));
}

#[tokio::test]
async fn what_was_there_before_is_indexed_and_until_then_nobody_is_named() {
    let world = World::new().await;
    let (id, pseudonym) = of_groups(&world, &["a"]).await;
    for _ in 0..20 {
        world.new_patient().await;
    }
    let (pool, kek, index) = (&world.app.pool, &world.app.kek, &world.app.index);
    assert_eq!(identities::index_some(pool, kek, index).await.unwrap(), 21);
    assert_eq!(identities::index_some(pool, kek, index).await.unwrap(), 0);
    assert!(identities::all_indexed(pool).await.unwrap());
    let asked = || identify(&world, AUDIT, "a", vec![pseudonym]);
    assert!(asked().await.json::<IdentifyAnswer>().patients == [Some(id)]);

    // As the release before left it; another replica is at work on one of them.
    sqlx::raw_sql("UPDATE patient_pseudonym SET token = NULL")
        .execute(pool)
        .await
        .unwrap();
    let mut other = pool.begin().await.unwrap();
    sqlx::query("SELECT 1 FROM patient_pseudonym WHERE patient = $1 FOR UPDATE")
        .bind(id.as_uuid())
        .execute(&mut *other)
        .await
        .unwrap();
    let expected = (503, "pseudonyms-not-indexed".to_owned());
    assert_eq!(asked().await.problem(), expected);
    other.rollback().await.unwrap();
    assert!(asked().await.json::<IdentifyAnswer>().patients == [Some(id)]);

    // The tokens are the registry's own: no pseudonym is in the table.
    let rows: String = sqlx::query_scalar("SELECT string_agg(s::text, '') FROM patient_pseudonym s")
        .fetch_one(pool)
        .await
        .unwrap();
    assert!(!rows.is_empty() && !rows.contains(&pseudonym.as_uuid().simple().to_string()));
}
