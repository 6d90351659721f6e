//! `tlog_tile`: the tree.

use std::collections::BTreeSet;

use sqlx::PgConnection;

use super::{signed, unsigned};
use crate::tiles::{TileId, Tiles};

/// The tiles of `ids` that exist.
pub async fn read(conn: &mut PgConnection, ids: &BTreeSet<TileId>) -> Result<Tiles, sqlx::Error> {
    let (levels, numbers) = arrays(ids);
    let rows: Vec<(i16, i64, Vec<u8>)> = sqlx::query_as(
        "select level, number, hashes from tlog_tile
         where (level, number) in (select * from unnest($1::smallint[], $2::bigint[]))",
    )
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
    conn: &mut PgConnection,
    tiles: &Tiles,
    ids: &BTreeSet<TileId>,
) -> Result<(), sqlx::Error> {
    let (levels, numbers) = arrays(ids);
    let hashes: Vec<&[u8]> = ids.iter().map(|id| tiles.get(*id).unwrap_or_default()).collect();
    sqlx::query(
        "insert into tlog_tile (level, number, hashes)
         select * from unnest($1::smallint[], $2::bigint[], $3::bytea[])
         on conflict (level, number) do update set hashes = excluded.hashes",
    )
    .bind(levels)
    .bind(numbers)
    .bind(hashes)
    .execute(conn)
    .await?;
    Ok(())
}

fn arrays(ids: &BTreeSet<TileId>) -> (Vec<i16>, Vec<i64>) {
    ids.iter()
        .map(|(level, number)| (i16::from(*level), signed(*number)))
        .unzip()
}
