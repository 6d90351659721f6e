//! `source`: what is proven of each log.

use dmp_tlog::Hash;
use dmp_tlog::checkpoint::Head;
use sqlx::PgConnection;

use super::{signed, unsigned};

#[derive(Clone)]
pub struct State {
    pub size: u64,
    pub root: Hash,
    /// The checkpoint of that size; none before the first.
    pub note: Option<String>,
    /// Entries below have been indexed.
    pub indexed: u64,
    /// The accesses of entries below have been.
    pub accessed: u64,
}

type Row = (i64, Vec<u8>, Option<String>, i64, i64);

fn state((size, root, note, indexed, accessed): Row) -> Result<State, sqlx::Error> {
    let root = root
        .try_into()
        .map(Hash)
        .map_err(|_| sqlx::Error::Decode("a root is not 32 bytes".into()))?;
    Ok(State {
        size: unsigned(size),
        root,
        note,
        indexed: unsigned(indexed),
        accessed: unsigned(accessed),
    })
}

/// The state of a log, made if there is none, locked until the end of the transaction.
pub async fn lock(tx: &mut PgConnection, origin: &str, empty: Hash) -> Result<State, sqlx::Error> {
    sqlx::query("insert into source (origin, root) values ($1, $2) on conflict do nothing")
        .bind(origin)
        .bind(empty.0.as_slice())
        .execute(&mut *tx)
        .await?;
    let row: Row =
        sqlx::query_as("select size, root, note, indexed, accessed from source where origin = $1 for update")
            .bind(origin)
            .fetch_one(tx)
            .await?;
    state(row)
}

pub async fn read(conn: &mut PgConnection, origin: &str) -> Result<Option<State>, sqlx::Error> {
    let row: Option<Row> =
        sqlx::query_as("select size, root, note, indexed, accessed from source where origin = $1")
            .bind(origin)
            .fetch_optional(conn)
            .await?;
    row.map(state).transpose()
}

/// Moves a log on to a checkpoint that has been proven.
pub async fn advance(tx: &mut PgConnection, origin: &str, head: &Head) -> Result<(), sqlx::Error> {
    sqlx::query("update source set size = $2, root = $3, note = $4, verified_at = now() where origin = $1")
        .bind(origin)
        .bind(signed(head.size))
        .bind(head.root.0.as_slice())
        .bind(&head.note)
        .execute(tx)
        .await?;
    Ok(())
}
