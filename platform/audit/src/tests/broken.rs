//! Logs that did what they must never do.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dmp_core::ids::Pseudonym;
use dmp_keys::Signer;
use dmp_testkit::Postgres;
use dmp_tlog::Log;
use dmp_tlog::openbao::TransitSigner;
use dmp_tlog::{BodyKeys, BodyKeysError, NewBodyKey};

use super::support::*;

const LIMIT: Duration = Duration::from_secs(30);

/// The log that was seen with five entries, and what its service shows after: the same log from here on, `then`.
async fn after_five(then: impl AsyncFnOnce(&World) -> (Log, i64), kind: &str) {
    let world = World::new().await;
    let (log, _) = log(ORIGIN, "log-registry").await;
    let honest = serve(&world.platform, &log).await;
    let patient = Pseudonym::random();
    write(&log, (0..5).map(|n| event(Some(patient), &n.to_string()))).await;
    world.sources.set(&[source(&log, &honest.base())]).unwrap();
    assert_eq!(world.sources.refresh_all(LIMIT).await, Vec::<String>::new());
    assert_eq!(world.size(ORIGIN).await, 5);

    let (other, _) = then(&world).await;
    let dishonest = serve(&world.platform, &other).await;
    let mut config = source(&other, &dishonest.base());
    config.public_key = source(&log, "").public_key;
    world.sources.set(&[config]).unwrap();
    for _ in 0..2 {
        assert_eq!(world.sources.refresh_all(LIMIT).await, [ORIGIN]);
    }
    assert_eq!(
        world.findings().await,
        [(ORIGIN.to_owned(), kind.to_owned(), 5)],
        "kept once"
    );
    assert_eq!(world.size(ORIGIN).await, 5, "the copy stays at what was proven");
    let evidence: (Option<String>, Option<String>) = sqlx::query_as("select held, shown from finding")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(evidence.0, Some(log.head().await.unwrap().unwrap().note));
    assert_eq!(evidence.1, Some(other.head().await.unwrap().unwrap().note));

    // The honest log again: its copy goes on.
    write(&log, [event(None, "5")]).await;
    world.sources.set(&[source(&log, &honest.base())]).unwrap();
    assert_eq!(world.sources.refresh_all(LIMIT).await, Vec::<String>::new());
    assert_eq!(world.size(ORIGIN).await, 6);
}

/// Another history under the same name and key.
async fn other_history(entries: i64) -> (Log, i64) {
    let (log, _) = log(ORIGIN, "log-registry").await;
    write(&log, (0..entries).map(|n| event(None, &n.to_string()))).await;
    (log, entries)
}

#[tokio::test]
async fn a_fork_is_found() {
    after_five(async |_| other_history(5).await, "fork").await;
}

#[tokio::test]
async fn a_log_that_was_rewritten_and_has_grown_is_found() {
    after_five(async |_| other_history(9).await, "rewritten").await;
}

#[tokio::test]
async fn a_log_that_was_cut_is_found() {
    after_five(async |_| other_history(4).await, "shrunk").await;
}

#[tokio::test]
async fn a_checkpoint_of_another_key_is_found() {
    after_five(
        async |_| {
            let (log, _) = log(ORIGIN, "log-consent").await;
            write(&log, (0..9).map(|n| event(None, &n.to_string()))).await;
            (log, 9)
        },
        "checkpoint",
    )
    .await;
}

#[tokio::test]
async fn a_leaf_altered_before_it_was_pulled_is_found() {
    let world = World::new().await;
    let (log, pool) = log(ORIGIN, "log-registry").await;
    let service = serve(&world.platform, &log).await;
    write(&log, (0..5).map(|n| event(None, &n.to_string()))).await;
    sqlx::raw_sql(
        "alter table tlog_entry disable trigger all;
         update tlog_entry set leaf = replace(leaf, 'write', 'read') where idx = 3",
    )
    .execute(&pool)
    .await
    .unwrap();
    world.sources.set(&[source(&log, &service.base())]).unwrap();
    assert_eq!(world.sources.refresh_all(LIMIT).await, [ORIGIN]);
    assert_eq!(
        world.findings().await,
        [(ORIGIN.to_owned(), "rewritten".to_owned(), 0)]
    );
    assert_eq!(world.size(ORIGIN).await, 0);
}

/// A service that wrapped nothing usable.
struct BadBodies;

#[async_trait]
impl BodyKeys for BadBodies {
    async fn new_key(&self, _origin: &str) -> Result<NewBodyKey, BodyKeysError> {
        let wrapped = "vault:v1:bm90IGEgd3JhcHBlZCBrZXkgYXQgYWxsLCBhbmQgc2hvcnQ=".into();
        Ok(NewBodyKey {
            key: zeroize::Zeroizing::new([1; 32]),
            wrapped,
        })
    }
}

#[tokio::test]
async fn entries_that_cannot_be_opened_are_findings_and_hold_up_nobody() {
    let world = World::new().await;
    let (id, patient) = world.patient();
    let pool = Postgres::shared().pool().await;
    let signer = Arc::new(
        TransitSigner::open(Signer::new(client(), "log-registry"))
            .await
            .unwrap(),
    );
    let bad = Log::open(pool.clone(), ORIGIN, signer.clone(), &BadBodies)
        .await
        .unwrap();
    write(&bad, [event(Some(patient), "unreadable")]).await;
    let bodies = dmp_tlog::openbao::TransitBodyKeys::new(client());
    let good = Log::open(pool, ORIGIN, signer, &bodies).await.unwrap();
    write(&good, [event(Some(patient), "readable")]).await;
    let service = serve(&world.platform, &good).await;
    world.sources.set(&[source(&good, &service.base())]).unwrap();
    let trail = world.trail(id).await;
    let events: Vec<&str> = trail
        .entries
        .iter()
        .filter(|entry| entry.log == ORIGIN)
        .map(|entry| entry.event.as_str())
        .collect();
    assert_eq!(events.len(), 1);
    assert!(events[0].contains("\"readable\""));
    assert_eq!(
        world.findings().await,
        [(ORIGIN.to_owned(), "body".to_owned(), 0)]
    );
}
