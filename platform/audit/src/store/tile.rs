//! `source_tile`: the tree of each log, derived here from its leaves.

use std::collections::BTreeSet;

use dmp_tlog::tiles::{TileId, Tiles};
use sqlx::PgConnection;

use super::{signed, unsigned};

/// The tiles of `ids` that exist.
pub async fn read(
    conn: &mut PgConnection,
    origin: &str,
    ids: &BTreeSet<TileId>,
) -> Result<Tiles, sqlx::Error> {
    let (levels, numbers) = arrays(ids);
    let rows: Vec<(i16, i64, Vec<u8>)> = sqlx::query_as(
        "select level, number, hashes from source_tile where origin = $1
         and (level, number) in (select * from unnest($2::smallint[], $3::bigint[]))",
    )
    .bind(origin)
    .bind(levels)
    .bind(numbers)
    .fetch_all(conn)
    .await?;
    let mut tiles = Tiles::default();
    for (level, number, hashes) in rows {
        tiles.insert((u8::try_from(level).unwrap_or(u8::MAX), unsigned(number)), hashes);
    }
    Ok(tiles)
}

/// Stores the tiles `ids` of `tiles`, new or grown.
pub async fn write(
    tx: &mut PgConnection,
    origin: &str,
    tiles: &Tiles,
    ids: &BTreeSet<TileId>,
) -> Result<(), sqlx::Error> {
    let (levels, numbers) = arrays(ids);
    let hashes: Vec<&[u8]> = ids.iter().map(|id| tiles.get(*id).unwrap_or_default()).collect();
    sqlx::query(
        "insert into source_tile (origin, level, number, hashes)
         select $1, * from unnest($2::smallint[], $3::bigint[], $4::bytea[])
         on conflict (origin, level, number) do update set hashes = excluded.hashes",
    )
    .bind(origin)
    .bind(levels)
    .bind(numbers)
    .bind(hashes)
    .execute(tx)
    .await?;
    Ok(())
}

fn arrays(ids: &BTreeSet<TileId>) -> (Vec<i16>, Vec<i64>) {
    ids.iter()
        .map(|(level, number)| (i16::from(*level), signed(*number)))
        .unzip()
}
