//! `tlog_checkpoint`: signed tree heads.

use sqlx::PgConnection;

use super::{hash, signed, unsigned};
use crate::checkpoint::Head;

type Row = (i64, Vec<u8>, String);

fn head((size, root, note): Row) -> Result<Head, sqlx::Error> {
    Ok(Head {
        size: unsigned(size),
        root: hash(&root)?,
        note,
    })
}

pub async fn newest(conn: &mut PgConnection) -> Result<Option<Head>, sqlx::Error> {
    let row: Option<Row> =
        sqlx::query_as("select size, root, note from tlog_checkpoint order by size desc limit 1")
            .fetch_optional(conn)
            .await?;
    row.map(head).transpose()
}

/// Those of more than `above` and at most `upto` entries.
pub async fn between(
    conn: &mut PgConnection,
    above: Option<u64>,
    upto: u64,
) -> Result<Vec<Head>, sqlx::Error> {
    let rows: Vec<Row> = sqlx::query_as(
        "select size, root, note from tlog_checkpoint where size > $1 and size <= $2 order by size",
    )
    .bind(above.map_or(-1, signed))
    .bind(signed(upto))
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(head).collect()
}

/// Stores a signed head; heads older than a month make room (the audit service keeps what it saw).
pub async fn add(conn: &mut PgConnection, head: &Head) -> Result<(), sqlx::Error> {
    sqlx::query("insert into tlog_checkpoint (size, root, note) values ($1, $2, $3)")
        .bind(signed(head.size))
        .bind(head.root.0.as_slice())
        .bind(&head.note)
        .execute(&mut *conn)
        .await?;
    sqlx::query("delete from tlog_checkpoint where created_at < now() - interval '30 days' and size < $1")
        .bind(signed(head.size))
        .execute(conn)
        .await?;
    Ok(())
}
