//! `source_key`: wrapped data keys of the bodies, as their logs gave them.

use dmp_client::audit::WrappedKey;
use sqlx::PgConnection;

/// Stores keys; one that is known stays as it was first seen.
pub async fn add(tx: &mut PgConnection, origin: &str, keys: &[WrappedKey]) -> Result<(), sqlx::Error> {
    let ids: Vec<i64> = keys.iter().map(|key| key.id).collect();
    let wrapped: Vec<&str> = keys.iter().map(|key| key.wrapped.as_str()).collect();
    sqlx::query(
        "insert into source_key (origin, id, wrapped)
         select $1, * from unnest($2::bigint[], $3::text[]) on conflict do nothing",
    )
    .bind(origin)
    .bind(ids)
    .bind(wrapped)
    .execute(tx)
    .await?;
    Ok(())
}

pub async fn read(conn: &mut PgConnection, origin: &str, id: i64) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar("select wrapped from source_key where origin = $1 and id = $2")
        .bind(origin)
        .bind(id)
        .fetch_optional(conn)
        .await
}
