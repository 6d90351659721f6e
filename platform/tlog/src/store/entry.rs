//! `tlog_pending` and `tlog_entry`: entries before and after they have an index.

use dmp_client::audit::LogEntry;
use sqlx::PgConnection;

use super::{signed, unsigned};
use crate::leaf::Sealed;

pub async fn append(conn: &mut PgConnection, sealed: &Sealed, key: i64) -> Result<(), sqlx::Error> {
    sqlx::query("insert into tlog_pending (leaf, body, key) values ($1, $2, $3)")
        .bind(&sealed.leaf)
        .bind(&sealed.body)
        .bind(key)
        .execute(conn)
        .await?;
    Ok(())
}

/// Gives the oldest `limit` pending entries the indexes from `size` on. Answers index and leaf, in order.
pub async fn sequence(
    conn: &mut PgConnection,
    size: u64,
    limit: u64,
) -> Result<Vec<(u64, String)>, sqlx::Error> {
    let mut rows: Vec<(i64, String)> = sqlx::query_as(
        "with moved as (
             delete from tlog_pending
             where seq in (select seq from tlog_pending order by seq limit $2)
             returning seq, leaf, body, key
         )
         insert into tlog_entry (idx, leaf, body, key)
         select $1 - 1 + row_number() over (order by seq), leaf, body, key from moved
         returning idx, leaf",
    )
    .bind(signed(size))
    .bind(signed(limit))
    .fetch_all(conn)
    .await?;
    rows.sort_unstable_by_key(|(index, _)| *index);
    Ok(rows
        .into_iter()
        .map(|(index, leaf)| (unsigned(index), leaf))
        .collect())
}

pub struct Row {
    pub index: u64,
    pub leaf: String,
    pub body: Vec<u8>,
    pub key: i64,
}

impl From<Row> for LogEntry {
    fn from(row: Row) -> Self {
        use base64::Engine as _;
        Self {
            index: row.index,
            leaf: row.leaf,
            body: base64::engine::general_purpose::STANDARD.encode(row.body),
            key: row.key,
        }
    }
}

/// Sequenced entries with `from` ≤ index < `end`, in order, at most `limit`.
pub async fn page(conn: &mut PgConnection, from: u64, end: u64, limit: i64) -> Result<Vec<Row>, sqlx::Error> {
    let rows: Vec<(i64, String, Vec<u8>, i64)> = sqlx::query_as(
        "select idx, leaf, body, key from tlog_entry
         where idx >= $1 and idx < $2 order by idx limit $3",
    )
    .bind(signed(from))
    .bind(signed(end))
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(index, leaf, body, key)| Row {
            index: unsigned(index),
            leaf,
            body,
            key,
        })
        .collect())
}

/// Index and leaf only, with index ≥ `from`, in order, at most `limit`.
pub async fn leaves(
    conn: &mut PgConnection,
    from: u64,
    limit: i64,
) -> Result<Vec<(u64, String)>, sqlx::Error> {
    let rows: Vec<(i64, String)> =
        sqlx::query_as("select idx, leaf from tlog_entry where idx >= $1 order by idx limit $2")
            .bind(signed(from))
            .bind(limit)
            .fetch_all(conn)
            .await?;
    Ok(rows
        .into_iter()
        .map(|(index, leaf)| (unsigned(index), leaf))
        .collect())
}

/// Seconds since the oldest pending entry was written; none when there is none.
pub async fn oldest_pending(conn: &mut PgConnection) -> Result<Option<f64>, sqlx::Error> {
    sqlx::query_scalar(
        "select extract(epoch from clock_timestamp() - created_at)::float8
         from tlog_pending order by seq limit 1",
    )
    .fetch_optional(conn)
    .await
}
