#![allow(clippy::unwrap_used)]

use sqlx::PgPool;

use super::*;
use crate::log::tests_support::{database, event, filled};

/// A log of 300 entries in three signed trees (5, 290, 300), then `tamper`, then what fsck finds.
async fn findings(tamper: &'static str) -> Vec<Finding> {
    let pool = database().await;
    let log = filled(&pool, 5).await;
    for more in [285, 10] {
        let mut tx = pool.begin().await.unwrap();
        for n in 0..more {
            log.append(&mut tx, &event(n)).await.unwrap();
        }
        tx.commit().await.unwrap();
        log.sequence_once().await.unwrap();
    }
    assert_eq!(
        log.fsck().await.unwrap(),
        FsckReport {
            entries: 300,
            findings: vec![]
        }
    );
    alter(&pool, tamper).await;
    log.fsck().await.unwrap().findings
}

/// As somebody with all rights on the database.
async fn alter(pool: &PgPool, sql: &'static str) {
    let mut conn = pool.acquire().await.unwrap();
    sqlx::raw_sql("alter table tlog_entry disable trigger all")
        .execute(&mut *conn)
        .await
        .unwrap();
    sqlx::raw_sql(sql).execute(&mut *conn).await.unwrap();
}

#[tokio::test]
async fn an_empty_log_is_well() {
    let pool = database().await;
    let log = filled(&pool, 0).await;
    assert_eq!(log.fsck().await.unwrap(), FsckReport::default());
}

#[tokio::test]
async fn a_flipped_leaf_is_found() {
    let found = findings("update tlog_entry set leaf = replace(leaf, 'read', 'feed') where idx = 7").await;
    assert!(
        found.contains(&Finding::Tile { level: 0, number: 0 }),
        "{found:?}"
    );
    assert!(found.contains(&Finding::SignedRoot { size: 290 }), "{found:?}");
    assert!(found.contains(&Finding::SignedRoot { size: 300 }), "{found:?}");
    assert!(found.contains(&Finding::Tree { size: 300 }), "{found:?}");
    assert!(
        !found.contains(&Finding::SignedRoot { size: 5 }),
        "what stood before is still proven: {found:?}"
    );
}

#[tokio::test]
async fn a_leaf_that_is_none_is_found() {
    let found = findings("update tlog_entry set leaf = leaf || ' ' where idx = 299").await;
    assert!(found.contains(&Finding::Leaf { index: 299 }), "{found:?}");
}

#[tokio::test]
async fn a_deleted_entry_is_found() {
    assert_eq!(
        findings("delete from tlog_entry where idx = 7").await[0],
        Finding::Missing { index: 7 }
    );
}

#[tokio::test]
async fn an_index_far_away_does_not_keep_the_check_busy() {
    let far = "update tlog_entry set idx = 9223372036854775807 where idx = 299";
    assert_eq!(findings(far).await, vec![Finding::Missing { index: 299 }]);
}

#[tokio::test]
async fn a_cut_tail_is_found() {
    let found = findings("delete from tlog_entry where idx >= 290").await;
    assert!(found.contains(&Finding::Tree { size: 300 }), "{found:?}");
    assert!(found.contains(&Finding::SignedRoot { size: 300 }), "{found:?}");
}

#[tokio::test]
async fn an_inserted_entry_is_found() {
    let found =
        findings("insert into tlog_entry select 300, leaf, body, key from tlog_entry where idx = 0").await;
    assert!(found.contains(&Finding::Tree { size: 300 }), "{found:?}");
}

#[tokio::test]
async fn swapped_entries_are_found() {
    let found = findings(
        "update tlog_entry set idx = 1000 where idx = 10;
         update tlog_entry set idx = 10 where idx = 11;
         update tlog_entry set idx = 11 where idx = 1000;",
    )
    .await;
    assert!(found.contains(&Finding::SignedRoot { size: 300 }), "{found:?}");
}

#[tokio::test]
async fn an_altered_or_lost_tile_is_found() {
    let flip = "update tlog_tile set hashes = set_byte(hashes, 9, 255 - get_byte(hashes, 9)) where level = 0 and number = 0";
    assert_eq!(findings(flip).await, vec![Finding::Tile { level: 0, number: 0 }]);
    let edge = "update tlog_tile set hashes = set_byte(hashes, 9, 255 - get_byte(hashes, 9)) where level = 1";
    assert_eq!(findings(edge).await, vec![Finding::Tile { level: 1, number: 0 }]);
    assert_eq!(
        findings("delete from tlog_tile where level = 0 and number = 1").await,
        vec![Finding::Tile { level: 0, number: 1 }]
    );
}

#[tokio::test]
async fn an_altered_checkpoint_is_found() {
    let note = "update tlog_checkpoint set note = replace(note, e'\\n290\\n', e'\\n289\\n') where size = 290";
    assert_eq!(findings(note).await, vec![Finding::Checkpoint { size: 290 }]);
    let root = "update tlog_checkpoint set root = sha256('x') where size = 290";
    let found = findings(root).await;
    assert!(found.contains(&Finding::Checkpoint { size: 290 }), "{found:?}");
    assert!(found.contains(&Finding::SignedRoot { size: 290 }), "{found:?}");
}
