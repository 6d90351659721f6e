//! Record locator: which groups hold something of a patient.

use dmp_core::ids::{GroupName, PatientId};
use sqlx::PgPool;

use super::StoreError;

/// Remembers that the group holds something; `false` when there is no such patient.
///
/// # Errors
/// [`StoreError::Database`].
pub(crate) async fn register(
    pool: &PgPool,
    patient: PatientId,
    group: &GroupName,
) -> Result<bool, StoreError> {
    let known = sqlx::query_scalar(
        "WITH known AS (SELECT id FROM patient WHERE id = $1),
              written AS (INSERT INTO patient_group (patient, health_group) SELECT id, $2 FROM known
                          ON CONFLICT DO NOTHING)
         SELECT EXISTS (SELECT FROM known)",
    )
    .bind(patient.as_uuid())
    .bind(group.as_str())
    .fetch_one(pool)
    .await?;
    Ok(known)
}

/// The groups, by name; none for an unknown patient.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn groups(pool: &PgPool, patient: PatientId) -> Result<Vec<GroupName>, StoreError> {
    let names: Vec<String> =
        sqlx::query_scalar("SELECT health_group FROM patient_group WHERE patient = $1 ORDER BY health_group")
            .bind(patient.as_uuid())
            .fetch_all(pool)
            .await?;
    names
        .into_iter()
        .map(|name| name.try_into().map_err(|_| StoreError::Malformed))
        .collect()
}
