//! `finding`: what does not verify.

use sqlx::PgConnection;

use super::signed;

pub struct Finding<'a> {
    pub origin: &'a str,
    pub kind: &'static str,
    pub position: u64,
    /// The checkpoint we hold.
    pub held: Option<&'a str>,
    /// The checkpoint we were shown.
    pub shown: Option<&'a str>,
}

/// Every `kind` there is.
pub const KINDS: [&str; 5] = ["checkpoint", "shrunk", "fork", "rewritten", "body"];

/// How many findings are kept, by origin and kind.
pub async fn count(conn: &mut PgConnection) -> Result<Vec<(String, String, i64)>, sqlx::Error> {
    sqlx::query_as("select origin, kind, count(*) from finding group by origin, kind")
        .fetch_all(conn)
        .await
}

/// Entries of a log that cannot be opened.
pub async fn unreadable(conn: &mut PgConnection, origin: &str) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select count(*) from finding where origin = $1 and kind = 'body'")
        .bind(origin)
        .fetch_one(conn)
        .await
}

/// Keeps a finding; whether it is new.
pub async fn add(conn: &mut PgConnection, finding: &Finding<'_>) -> Result<bool, sqlx::Error> {
    let added = sqlx::query(
        "insert into finding (origin, kind, position, held, shown)
         values ($1, $2, $3, $4, $5) on conflict do nothing",
    )
    .bind(finding.origin)
    .bind(finding.kind)
    .bind(signed(finding.position))
    .bind(finding.held)
    .bind(finding.shown)
    .execute(conn)
    .await?;
    Ok(added.rows_affected() == 1)
}
