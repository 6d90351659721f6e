//! SQL, one module per table. Sizes and indexes are `bigint`s that the schema keeps from being negative.

pub mod access;
pub mod act;
pub mod entry;
pub mod finding;
pub mod index;
pub mod key;
pub mod source;
pub mod tile;

use dmp_core::db::DatabaseError;
use sqlx::postgres::PgPool;

/// Brings the service's own tables up to date.
pub async fn migrate(pool: &PgPool) -> Result<(), DatabaseError> {
    dmp_core::db::migrate(pool, &sqlx::migrate!()).await
}

fn unsigned(n: i64) -> u64 {
    n.unsigned_abs()
}

/// Beyond 2^63 no row exists.
fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
