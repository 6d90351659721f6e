//! `trail_index`: from a patient's token to entries.

use sqlx::PgConnection;

use super::access::{self, Access};
use super::signed;

/// A patient's token and the index of an entry that speaks of her.
pub type Mention = ([u8; 32], u64);

/// Adds the mentions found among entries `from` to `end` of a log, and says they have been looked at, unless another
/// replica was faster. The accesses with them, unless those of entries before are still missing: then [`access::fill`] comes to these too.
pub async fn add(
    tx: &mut PgConnection,
    origin: &str,
    (from, end): (u64, u64),
    mentions: &[Mention],
    accesses: &[Access],
) -> Result<(), sqlx::Error> {
    let both: Option<bool> = sqlx::query_scalar(
        "update source set indexed = $3, accessed = case when accessed = $2 then $3 else accessed end
         where origin = $1 and indexed = $2 returning accessed = $3",
    )
    .bind(origin)
    .bind(signed(from))
    .bind(signed(end))
    .fetch_optional(&mut *tx)
    .await?;
    let Some(both) = both else { return Ok(()) };
    if both {
        access::add(&mut *tx, origin, accesses).await?;
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
