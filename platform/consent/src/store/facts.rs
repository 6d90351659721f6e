//! The facts of one decision: one statement on the primary, committed state, no cache.

use dmp_client::consent::FactsAnswer;
use dmp_core::ids::Pseudonym;
use sqlx::{PgPool, Row};

use super::StoreError;

/// Opposition and care relation at this moment, by the database's clock.
///
/// # Errors
/// [`StoreError::NotPrimary`] on a standby, whose state may be behind; [`StoreError::Database`].
pub(crate) async fn read(
    pool: &PgPool,
    patient: Pseudonym,
    professional: Option<[u8; 32]>,
) -> Result<FactsAnswer, StoreError> {
    let row = sqlx::query(
        "SELECT pg_is_in_recovery() AS standby,
                coalesce((SELECT version FROM consent_patient WHERE patient = $1), 0) AS version,
                EXISTS (SELECT FROM consent
                         WHERE patient = $1 AND kind = 'opposition' AND active
                           AND (starts IS NULL OR starts <= statement_timestamp())
                           AND (ends IS NULL OR statement_timestamp() < ends)) AS opposed,
                (SELECT max(ends) FROM consent
                  WHERE patient = $1 AND kind = 'care-relation' AND active AND professional = $2
                    AND (starts IS NULL OR starts <= statement_timestamp())
                    AND statement_timestamp() < ends) AS until",
    )
    .bind(patient.as_uuid())
    .bind(professional.map(|token| token.to_vec()))
    .fetch_one(pool)
    .await?;
    if row.try_get("standby")? {
        return Err(StoreError::NotPrimary);
    }
    let until: Option<jiff_sqlx::Timestamp> = row.try_get("until")?;
    Ok(FactsAnswer {
        opposed: row.try_get("opposed")?,
        care_relation_until: until.map(jiff_sqlx::Timestamp::to_jiff),
        version: row.try_get("version")?,
    })
}

/// Readiness: the database answers and is the primary.
///
/// # Errors
/// As [`read`].
pub(crate) async fn on_primary(pool: &PgPool) -> Result<(), StoreError> {
    let standby: bool = sqlx::query_scalar("SELECT pg_is_in_recovery()")
        .fetch_one(pool)
        .await?;
    if standby {
        Err(StoreError::NotPrimary)
    } else {
        Ok(())
    }
}
