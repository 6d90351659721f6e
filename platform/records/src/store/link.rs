//! Which patient of the registry a pseudonym is (sealed).

use sqlx::{PgExecutor, Row};
use uuid::Uuid;

/// Whether the group holds a record of this patient already.
pub(crate) async fn exists(db: impl PgExecutor<'_>, patient: &Uuid) -> Result<bool, sqlx::Error> {
    let row = sqlx::query("SELECT EXISTS (SELECT 1 FROM patient_link WHERE patient = $1)")
        .bind(patient)
        .fetch_one(db)
        .await?;
    row.try_get(0)
}

/// Keeps the first one that was written.
pub(crate) async fn add(db: impl PgExecutor<'_>, patient: &Uuid, sealed: &[u8]) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO patient_link (patient, sealed) VALUES ($1, $2) ON CONFLICT DO NOTHING")
        .bind(patient)
        .bind(sealed)
        .execute(db)
        .await?;
    Ok(())
}
