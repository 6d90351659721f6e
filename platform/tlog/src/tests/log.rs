#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use super::tests_support::{
    DATA_KEY, LocalBodies, LocalSigner, ORIGIN, database, event, filled, open, open_as,
};
use super::*;
use crate::Progress;
use crate::tiles::leaf_hash;

async fn count(pool: &PgPool, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(pool).await.unwrap()
}

#[tokio::test]
async fn an_append_in_a_rolled_back_transaction_leaves_nothing() {
    let pool = database().await;
    let log = open(&pool).await;
    let mut tx = pool.begin().await.unwrap();
    log.append(&mut tx, &event(0)).await.unwrap();
    tx.rollback().await.unwrap();
    let progress = log.sequence_once().await.unwrap();
    assert_eq!(
        progress,
        Progress {
            integrated: 0,
            published: true
        },
        "the empty tree is signed"
    );
    assert_eq!(log.head().await.unwrap().unwrap().size, 0);
    assert!(log.entries(0, 10).await.unwrap().entries.is_empty());
}

#[tokio::test]
async fn an_entry_commits_with_the_callers_own_row() {
    let pool = database().await;
    let log = open(&pool).await;
    sqlx::query("create table mine (id int primary key)")
        .execute(&pool)
        .await
        .unwrap();
    for (id, good) in [(1, true), (1, false), (2, true)] {
        let mut tx = pool.begin().await.unwrap();
        log.append(&mut tx, &event(0)).await.unwrap();
        let written = sqlx::query("insert into mine values ($1)")
            .bind(id)
            .execute(&mut *tx)
            .await;
        assert_eq!(written.is_ok(), good);
        if good {
            tx.commit().await.unwrap();
        }
    }
    log.sequence_once().await.unwrap();
    assert_eq!(log.head().await.unwrap().unwrap().size, 2);
}

#[tokio::test]
async fn concurrent_appends_and_two_sequencers_make_one_gapless_log() {
    let pool = database().await;
    let signer = Arc::new(LocalSigner::new());
    let key = signer.public_key();
    let one = open_as(&pool, signer.clone()).await;
    let two = open_as(&pool, signer).await;
    let stop = CancellationToken::new();
    let sequencers = [&one, &two].map(|log| tokio::spawn(log.clone().run(stop.clone())));
    let racers = [&one, &two].map(|log| {
        let (log, stop) = (log.clone(), stop.clone());
        tokio::spawn(async move {
            while !stop.is_cancelled() {
                log.sequence_once().await.unwrap();
                tokio::task::yield_now().await;
            }
        })
    });
    let writers: Vec<_> = (0..6)
        .map(|writer| {
            let log = if writer % 2 == 0 { one.clone() } else { two.clone() };
            tokio::spawn(async move {
                for n in 0..50 {
                    log.append_now(&event(writer * 50 + n)).await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let patience = std::time::Instant::now();
    while one.head().await.unwrap().is_none_or(|head| head.size < 300) {
        assert!(
            patience.elapsed() < Duration::from_secs(20),
            "the sequencers stopped"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    stop.cancel();
    for task in sequencers.into_iter().chain(racers) {
        task.await.unwrap();
    }

    let page = one.entries(0, 1000).await.unwrap();
    let indexes: Vec<u64> = page.entries.iter().map(|entry| entry.index).collect();
    assert_eq!(indexes, (0..300).collect::<Vec<_>>());
    let body_key = BodyKey::new(&DATA_KEY).unwrap();
    let seen: BTreeSet<String> = page
        .entries
        .iter()
        .map(|entry| {
            let body = STANDARD.decode(&entry.body).unwrap();
            let opened = leaf::open(&entry.leaf, &body, &body_key).unwrap();
            let event: Event = serde_json::from_str(&opened.event).unwrap();
            event.resource_id.unwrap()
        })
        .collect();
    assert_eq!(seen.len(), 300, "each event once");
    assert_eq!(page.keys.len(), 2, "each process has its own data key");
    let report = one.fsck().await.unwrap();
    assert_eq!((report.entries, report.findings), (300, vec![]));
    checkpoint::open(&one.head().await.unwrap().unwrap().note, ORIGIN, &key).unwrap();
    assert_eq!(count(&pool, "select count(*) from tlog_pending").await, 0);
}

/// A key service that is down.
struct NoSigner([u8; 32]);

#[async_trait]
impl CheckpointSigner for NoSigner {
    fn public_key(&self) -> [u8; 32] {
        self.0
    }

    async fn sign(&self, _message: &[u8]) -> Result<Vec<u8>, CheckpointError> {
        Err(CheckpointError::Signer("down".into()))
    }
}

#[tokio::test]
async fn a_process_that_dies_between_tree_and_signature_is_continued_by_the_next() {
    let pool = database().await;
    let signer = Arc::new(LocalSigner::new());
    let dying = open_as(&pool, Arc::new(NoSigner(signer.public_key()))).await;
    for n in 0..3 {
        dying.append_now(&event(n)).await.unwrap();
    }
    assert!(matches!(
        dying.sequence_once().await,
        Err(LogError::Checkpoint(_))
    ));
    assert_eq!(
        count(&pool, "select count(*) from tlog_entry").await,
        3,
        "integrated, not signed"
    );
    assert!(dying.head().await.unwrap().is_none());
    assert!(
        dying.entries(0, 10).await.unwrap().entries.is_empty(),
        "nothing unsigned is served"
    );
    drop(dying);

    let next = open_as(&pool, signer).await;
    next.append_now(&event(3)).await.unwrap();
    assert_eq!(
        next.sequence_once().await.unwrap(),
        Progress {
            integrated: 1,
            published: true
        }
    );
    assert_eq!(next.head().await.unwrap().unwrap().size, 4);
    assert_eq!(next.fsck().await.unwrap().findings, vec![]);
}

#[tokio::test]
async fn a_sequencer_cut_off_in_the_middle_loses_and_doubles_nothing() {
    let pool = database().await;
    let log = filled(&pool, 10).await;
    for round in 0..20 {
        log.append_now(&event(round)).await.unwrap();
        // Dropped at some point of its transaction: what a killed process leaves behind.
        let _ = tokio::time::timeout(Duration::from_micros(300 * round as u64), log.sequence_once()).await;
    }
    // A round may still find the lock of a connection that is being rolled back.
    let patience = std::time::Instant::now();
    while log.head().await.unwrap().is_none_or(|head| head.size < 30) {
        assert!(patience.elapsed() < Duration::from_secs(20), "the lock stays");
        log.sequence_once().await.unwrap();
    }
    assert_eq!(log.head().await.unwrap().unwrap().size, 30);
    assert_eq!(log.fsck().await.unwrap().findings, vec![]);
}

#[tokio::test]
async fn proofs_of_the_stored_tree_are_accepted() {
    let pool = database().await;
    let log = filled(&pool, 600).await;
    let head = log.head().await.unwrap().unwrap();
    assert_eq!(head.size, 600);
    let page = log.entries(0, 1000).await.unwrap();
    for index in [0, 1, 255, 256, 511, 512, 599] {
        let proof = log.inclusion_proof(index, head.size).await.unwrap();
        let leaf = leaf_hash(page.entries[usize::try_from(index).unwrap()].leaf.as_bytes());
        tlog_tiles::check_record(&proof, head.size, head.root, index, leaf).unwrap();
    }
    for _ in 0..5 {
        log.append_now(&event(0)).await.unwrap();
    }
    log.sequence_once().await.unwrap();
    let newer = log.head().await.unwrap().unwrap();
    let proof = log.consistency_proof(600, 605).await.unwrap();
    tlog_tiles::check_tree(&proof, 605, newer.root, 600, head.root).unwrap();
    assert!(log.inclusion_proof(605, 605).await.is_err());
    assert!(log.inclusion_proof(0, 700).await.is_err());
    assert!(log.consistency_proof(0, 5).await.is_err());
}

#[tokio::test]
async fn a_database_holds_one_log_and_reopening_it_continues() {
    let pool = database().await;
    filled(&pool, 2).await;
    let signer = Arc::new(LocalSigner::new());
    let other = Log::open(pool.clone(), "dmp.test/log/consent", signer, &LocalBodies).await;
    assert!(matches!(other, Err(LogError::OtherLog(held)) if held == ORIGIN));
    assert_eq!(open(&pool).await.head().await.unwrap().unwrap().size, 2);
}

#[tokio::test]
async fn a_tree_that_does_not_fit_its_tiles_is_not_extended_nor_signed() {
    let pool = database().await;
    let log = filled(&pool, 5).await;
    sqlx::query("update tlog_tile set hashes = set_byte(hashes, 3, 255 - get_byte(hashes, 3))")
        .execute(&pool)
        .await
        .unwrap();
    log.append_now(&event(0)).await.unwrap();
    assert!(matches!(log.sequence_once().await, Err(LogError::Damaged(_))));
    assert_eq!(log.head().await.unwrap().unwrap().size, 5);
    assert!(log.lag().await.unwrap() > Duration::ZERO, "the entry waits");
}

#[tokio::test]
async fn a_signed_tree_never_shrinks() {
    let pool = database().await;
    let log = filled(&pool, 5).await;
    let (empty, size): (&[u8], i64) = (&tlog_tiles::EMPTY_HASH.0, 0);
    sqlx::query("update tlog_tree set size = $1, root = $2")
        .bind(size)
        .bind(empty)
        .execute(&pool)
        .await
        .unwrap();
    assert!(matches!(log.sequence_once().await, Err(LogError::Damaged(_))));
}

#[tokio::test]
async fn entries_are_guarded_against_accidents() {
    let pool = database().await;
    filled(&pool, 2).await;
    for sql in [
        "delete from tlog_entry",
        "update tlog_entry set leaf = ''",
        "truncate tlog_entry",
    ] {
        assert!(sqlx::query(sql).execute(&pool).await.is_err(), "{sql}");
    }
}

#[tokio::test]
async fn nothing_in_the_database_says_what_an_event_says() {
    let pool = database().await;
    let log = filled(&pool, 1).await;
    let rows: String =
        sqlx::query_scalar("select string_agg(e::text || encode(body, 'escape'), '') from tlog_entry e")
            .fetch_one(&pool)
            .await
            .unwrap();
    let page = serde_json::to_string(&log.entries(0, 1).await.unwrap()).unwrap();
    for secret in ["123456789", "DocumentReference", "ba7816bf", "sih 1.0"] {
        assert!(!rows.contains(secret) && !page.contains(secret), "{secret}");
    }
}
