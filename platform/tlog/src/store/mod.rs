//! SQL of the log, one module per table; no decision is made here.

pub mod checkpoint;
pub mod entry;
pub mod key;
pub mod tile;
pub mod tree;

use dmp_core::db::DatabaseError;
use sqlx::PgConnection;
use sqlx::migrate::Migrator;
use sqlx::postgres::PgPool;
use tlog_tiles::Hash;

/// Key of the advisory lock that makes one sequencer of all replicas work at a time: `dmp_tlog` in ASCII.
const SEQUENCER_LOCK: i64 = 0x646d_705f_746c_6f67;

/// Brings the `tlog_` tables up to date. They have a migration table of their own, beside that of the service.
pub async fn migrate(pool: &PgPool) -> Result<(), DatabaseError> {
    let mut migrator: Migrator = sqlx::migrate!();
    migrator.dangerous_set_table_name("tlog_migrations");
    dmp_core::db::migrate(pool, &migrator).await
}

/// Takes the sequencer's lock until the end of the transaction, if it is free.
pub async fn try_lock(tx: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select pg_try_advisory_xact_lock($1)")
        .bind(SEQUENCER_LOCK)
        .fetch_one(tx)
        .await
}

/// Makes the transaction one snapshot that nothing is written in.
pub async fn begin_check(tx: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("set transaction isolation level repeatable read, read only")
        .execute(tx)
        .await?;
    Ok(())
}

/// A `bigint` as what it is in the tree; the schema refuses negative ones.
fn unsigned(n: i64) -> u64 {
    n.unsigned_abs()
}

/// A size or index for a `bigint`; beyond 2^63 no row exists.
fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn hash(bytes: &[u8]) -> Result<Hash, sqlx::Error> {
    bytes
        .try_into()
        .map(Hash)
        .map_err(|_| sqlx::Error::Decode("a hash is not 32 bytes".into()))
}
