//! `act`: ids and words of acts, as tokens, and their leaves.

use sqlx::PgConnection;

/// Adds an act; whether its id was free. Waits for another transaction that adds the same one.
pub async fn add(
    tx: &mut PgConnection,
    id: &[u8; 32],
    words: &[u8; 32],
    leaf: &str,
) -> Result<bool, sqlx::Error> {
    let added =
        sqlx::query("insert into act (id, words, leaf) values ($1, $2, $3) on conflict (id) do nothing")
            .bind(id.as_slice())
            .bind(words.as_slice())
            .bind(leaf)
            .execute(tx)
            .await?;
    Ok(added.rows_affected() == 1)
}

/// Words and leaf of an id.
pub async fn read(conn: &mut PgConnection, id: &[u8; 32]) -> Result<Option<(Vec<u8>, String)>, sqlx::Error> {
    sqlx::query_as("select words, leaf from act where id = $1")
        .bind(id.as_slice())
        .fetch_optional(conn)
        .await
}
