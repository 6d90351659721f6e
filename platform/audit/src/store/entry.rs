//! `source_entry`: the copied entries.

use sqlx::PgConnection;

use super::{signed, unsigned};

pub struct Entry {
    pub origin: String,
    pub index: u64,
    pub leaf: String,
    pub body: Vec<u8>,
    pub key: i64,
}

type Row = (String, i64, String, Vec<u8>, i64);

impl From<Row> for Entry {
    fn from((origin, index, leaf, body, key): Row) -> Self {
        Self {
            origin,
            index: unsigned(index),
            leaf,
            body,
            key,
        }
    }
}

pub async fn add(tx: &mut PgConnection, origin: &str, entries: &[Entry]) -> Result<(), sqlx::Error> {
    let indexes: Vec<i64> = entries.iter().map(|entry| signed(entry.index)).collect();
    let leaves: Vec<&str> = entries.iter().map(|entry| entry.leaf.as_str()).collect();
    let bodies: Vec<&[u8]> = entries.iter().map(|entry| entry.body.as_slice()).collect();
    let keys: Vec<i64> = entries.iter().map(|entry| entry.key).collect();
    sqlx::query(
        "insert into source_entry (origin, idx, leaf, body, key)
         select $1, * from unnest($2::bigint[], $3::text[], $4::bytea[], $5::bigint[])",
    )
    .bind(origin)
    .bind(indexes)
    .bind(leaves)
    .bind(bodies)
    .bind(keys)
    .execute(tx)
    .await?;
    Ok(())
}

/// Entries of a log with `from` ≤ index < `end`, in order, at most `limit`.
pub async fn page(
    conn: &mut PgConnection,
    origin: &str,
    from: u64,
    end: u64,
    limit: i64,
) -> Result<Vec<Entry>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "select origin, idx, leaf, body, key from source_entry
         where origin = $1 and idx >= $2 and idx < $3 order by idx limit $4",
    )
    .bind(origin)
    .bind(signed(from))
    .bind(signed(end))
    .bind(limit)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// The entry of a log that comes first.
pub async fn first(conn: &mut PgConnection, origin: &str) -> Result<Option<Entry>, sqlx::Error> {
    let row: Option<Row> = sqlx::query_as(
        "select origin, idx, leaf, body, key from source_entry where origin = $1 order by idx limit 1",
    )
    .bind(origin)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Into::into))
}

/// How many runs of indexes with `from` ≤ index < `end` have no entry: the primary key alone, in its order. The statement for its plan to
/// be looked at.
pub const HOLES: &str = "
    select count(*) filter (where idx <> coalesce(before + 1, $2)), max(idx)
    from (select idx, lag(idx) over (order by idx) as before from source_entry
          where origin = $1 and idx >= $2 and idx < $3) there";

pub async fn holes(conn: &mut PgConnection, origin: &str, from: u64, end: u64) -> Result<u64, sqlx::Error> {
    if from >= end {
        return Ok(0);
    }
    let (before, last): (i64, Option<i64>) = sqlx::query_as(HOLES)
        .bind(origin)
        .bind(signed(from))
        .bind(signed(end))
        .fetch_one(conn)
        .await?;
    let at_the_end = last.map(unsigned) != Some(end - 1);
    Ok(unsigned(before) + u64::from(at_the_end))
}

/// The entries of a log at these indexes, in order.
pub async fn at(conn: &mut PgConnection, origin: &str, indexes: &[i64]) -> Result<Vec<Entry>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "select origin, idx, leaf, body, key from source_entry
         where origin = $1 and idx = any($2) order by idx",
    )
    .bind(origin)
    .bind(indexes)
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// The entries that speak of the patient of `token`, in every log.
pub async fn of_patient(conn: &mut PgConnection, token: &[u8; 32]) -> Result<Vec<Entry>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "select e.origin, e.idx, e.leaf, e.body, e.key
         from trail_index t join source_entry e on e.origin = t.origin and e.idx = t.idx
         where t.token = $1 order by e.origin, e.idx",
    )
    .bind(token.as_slice())
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Into::into).collect())
}
