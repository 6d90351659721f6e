//! `trail_index`: from a patient's token to entries.

use sqlx::PgConnection;

use super::signed;

/// A patient's token and the index of an entry that speaks of her.
pub type Mention = ([u8; 32], u64);

/// Adds the mentions found among entries `from` to `end` of a log, and says they have been looked at, unless another
/// replica was faster.
pub async fn add(
    tx: &mut PgConnection,
    origin: &str,
    (from, end): (u64, u64),
    mentions: &[Mention],
) -> Result<(), sqlx::Error> {
    let moved = sqlx::query("update source set indexed = $3 where origin = $1 and indexed = $2")
        .bind(origin)
        .bind(signed(from))
        .bind(signed(end))
        .execute(&mut *tx)
        .await?;
    if moved.rows_affected() == 0 {
        return Ok(());
    }
    let (tokens, indexes): (Vec<&[u8]>, Vec<i64>) = mentions
        .iter()
        .map(|(token, index)| (token.as_slice(), signed(*index)))
        .unzip();
    sqlx::query(
        "insert into trail_index (token, origin, idx)
         select token, $1, idx from unnest($2::bytea[], $3::bigint[]) as found (token, idx)",
    )
    .bind(origin)
    .bind(tokens)
    .bind(indexes)
    .execute(tx)
    .await?;
    Ok(())
}
