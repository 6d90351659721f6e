//! What the portal and the operator bring: once each, sealed, proven; from nobody else.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dmp_client::acts::{Act, ActEntry, Receipt, RecordError, Recorder};
use dmp_client::audit::TrailEntry;
use serde_json::Value;

use super::support::*;
use crate::bodies::Bodies;
use crate::store;

pub fn act(id: &str) -> Act {
    Act {
        id: id.to_owned(),
        who: "person:0123456789abcdef".to_owned(),
        operation: "guichet/submission".to_owned(),
        resource: "SolutionHomologation".to_owned(),
        object: "vendor-atlas/sih-1".to_owned(),
        outcome: "asked".to_owned(),
        facts: [("spec".to_owned(), vec!["ab".repeat(32)])].into(),
    }
}

fn recorder(world: &World, namespace: &str, account: &str) -> Recorder {
    let identity = world.platform.pki.service(namespace, account);
    Recorder::new(identity.http_client().unwrap(), &world.service.base())
}

fn portal(world: &World) -> Recorder {
    recorder(world, "dmp-national", "portal")
}

async fn waiting(world: &World) -> i64 {
    sqlx::query_scalar("select count(*) from tlog_pending")
        .fetch_one(&world.pool)
        .await
        .unwrap()
}

/// Every act in the log, each with its proof, as the trail has its entries.
async fn proven(world: &World) -> Vec<TrailEntry> {
    world.own.sequence_once().await.unwrap();
    assert_eq!(
        world.sources.refresh_all(Duration::from_secs(30)).await,
        Vec::<String>::new()
    );
    let (origin, head) = (world.own.origin(), world.own.head().await.unwrap().unwrap());
    let mut conn = world.pool.acquire().await.unwrap();
    let entries = store::entry::page(&mut conn, origin, 0, head.size, 1000)
        .await
        .unwrap();
    drop(conn);
    let bodies = Bodies::new(world.pool.clone(), client());
    let mut proven = Vec::new();
    for entry in entries {
        let opened = bodies.open(&entry).await.unwrap();
        let proof = world.own.inclusion_proof(entry.index, head.size).await.unwrap();
        proven.push(TrailEntry {
            log: origin.to_owned(),
            index: entry.index,
            leaf: entry.leaf,
            event: opened.event,
            salt: STANDARD.encode(opened.salt),
            proof: proof.iter().map(|hash| STANDARD.encode(hash.0)).collect(),
            checkpoint: head.note.clone(),
        });
    }
    proven
}

#[tokio::test]
async fn an_act_is_in_the_log_once_and_dmp_verify_proves_it() {
    let world = World::new().await;
    let portal = portal(&world);
    let first = portal.record(&act("1/asked"), "c-1").await.unwrap();
    assert!(!first.repeated);
    assert_eq!(waiting(&world).await, 1, "durable before it is answered");
    let again = portal.record(&act("1/asked"), "c-2").await.unwrap();
    assert_eq!(
        again,
        Receipt {
            leaf: first.leaf.clone(),
            repeated: true
        }
    );
    // The operator's names are its own.
    let operator = recorder(&world, "dmp-system", "dmp-operator");
    assert!(!operator.record(&act("1/asked"), "c-3").await.unwrap().repeated);
    // All at once.
    let many = (0..8).map(|_| {
        let portal = portal.clone();
        async move { portal.record(&act("2/asked"), "c-4").await.unwrap() }
    });
    let many = futures::future::join_all(many).await;
    assert_eq!(many.iter().filter(|receipt| !receipt.repeated).count(), 1);
    assert!(many.iter().all(|receipt| receipt.leaf == many[0].leaf));

    let proven = proven(&world).await;
    let entries: Vec<ActEntry> = proven
        .iter()
        .map(|entry| serde_json::from_str(&entry.event).unwrap())
        .collect();
    let told: Vec<_> = entries
        .iter()
        .map(|entry| (entry.by.as_str(), entry.act.id.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("dmp-national/portal", "1/asked"),
            ("dmp-system/dmp-operator", "1/asked"),
            ("dmp-national/portal", "2/asked"),
        ]
    );
    assert_eq!(entries[0].act, act("1/asked"));
    assert_eq!(proven[0].leaf, first.leaf, "the receipt is the entry");
    assert_eq!(world.findings().await, vec![]);

    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (file, keys) = (path("acts.json"), path("keys.json"));
    std::fs::write(&keys, keys_json(&[&world.own])).unwrap();
    std::fs::write(&file, serde_json::to_string(&proven).unwrap()).unwrap();
    let (good, text) = dmp_verify(&["trail", &file, "--key", &keys]).await;
    assert!(good && text.contains("0 dmp.test/log/audit act "), "{text}");
    let forged = serde_json::to_string(&proven).unwrap().replace("asked", "other");
    std::fs::write(&file, forged).unwrap();
    let (good, text) = dmp_verify(&["trail", &file, "--key", &keys]).await;
    assert!(!good, "{text}");
}

#[tokio::test]
async fn the_same_id_with_other_words_is_refused() {
    let world = World::new().await;
    let portal = portal(&world);
    portal.record(&act("1"), "c").await.unwrap();
    let mut other = act("1");
    other.outcome = "done".to_owned();
    assert!(matches!(
        portal.record(&other, "c").await,
        Err(RecordError::Conflict)
    ));
    other.who = "Leïla Alami".to_owned();
    assert!(matches!(
        portal.record(&other, "c").await,
        Err(RecordError::Status(status)) if status == 400
    ));
    assert_eq!(waiting(&world).await, 1, "nothing but the first");
}

#[tokio::test]
async fn nobody_else_writes_into_it() {
    let world = World::new().await;
    for (namespace, account) in [
        ("dmp-national", "gateway"),
        ("dmp-national", "registry"),
        ("dmp-national", "dmp-operator"),
        ("dmp-system", "portal"),
        ("dmp-a", "records"),
    ] {
        let identity = world.platform.pki.service(namespace, account);
        let request = identity
            .http_client()
            .unwrap()
            .post(world.service.url("/v1/acts"))
            .json(&act("1"));
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 403, "{namespace}/{account}");
        assert_eq!(answer.json::<Value>().await.unwrap()["code"], "peer-not-allowed");
    }
    assert_eq!(waiting(&world).await, 0);
}

#[tokio::test]
async fn what_the_log_does_not_take_is_no_act() {
    let world = World::new().await;
    sqlx::raw_sql("alter table tlog_pending rename to away")
        .execute(&world.pool)
        .await
        .unwrap();
    let refused = portal(&world).record(&act("1"), "c").await;
    assert!(matches!(refused, Err(RecordError::Status(status)) if status == 503));
    sqlx::raw_sql("alter table away rename to tlog_pending")
        .execute(&world.pool)
        .await
        .unwrap();
    assert!(!portal(&world).record(&act("1"), "c").await.unwrap().repeated);
}

#[tokio::test]
async fn the_database_does_not_say_who_did_what() {
    let world = World::new().await;
    portal(&world).record(&act("1"), "c").await.unwrap();
    let rows: String = sqlx::query_scalar(
        "select string_agg(t, '') from (
             select a::text || encode(a.id, 'escape') as t from act a
             union all select p::text || encode(p.body, 'escape') from tlog_pending p) rows",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    for secret in ["person", "0123456789abcdef", "guichet", "atlas", "sih-1"] {
        assert!(!rows.contains(secret), "{secret}");
    }
}
