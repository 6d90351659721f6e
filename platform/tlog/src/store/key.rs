//! `tlog_key`: wrapped data keys of the bodies.

use dmp_client::audit::WrappedKey;
use sqlx::PgConnection;

pub async fn add(conn: &mut PgConnection, wrapped: &str) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("insert into tlog_key (wrapped) values ($1) returning id")
        .bind(wrapped)
        .fetch_one(conn)
        .await
}

pub async fn read(conn: &mut PgConnection, ids: &[i64]) -> Result<Vec<WrappedKey>, sqlx::Error> {
    let rows: Vec<(i64, String)> =
        sqlx::query_as("select id, wrapped from tlog_key where id = any($1) order by id")
            .bind(ids)
            .fetch_all(conn)
            .await?;
    Ok(rows
        .into_iter()
        .map(|(id, wrapped)| WrappedKey { id, wrapped })
        .collect())
}
