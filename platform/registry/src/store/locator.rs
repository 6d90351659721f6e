//! Record locator: which groups hold something of a patient.

use dmp_core::ids::{GroupName, PatientId};
use sqlx::PgPool;

use super::StoreError;
use crate::realm::Realm;

/// Remembers that the group holds something; `false` when there is no such patient in the realm.
///
/// # Errors
/// [`StoreError::Database`].
pub(crate) async fn register(
    pool: &PgPool,
    realm: Realm<'_>,
    patient: PatientId,
    group: &GroupName,
) -> Result<bool, StoreError> {
    let known = sqlx::query_scalar(
        "WITH known AS (SELECT id FROM patient WHERE id = $1 AND realm IS NOT DISTINCT FROM $3),
              written AS (INSERT INTO patient_group (patient, health_group) SELECT id, $2 FROM known
                          ON CONFLICT DO NOTHING)
         SELECT EXISTS (SELECT FROM known)",
    )
    .bind(patient.as_uuid())
    .bind(group.as_str())
    .bind(realm.name())
    .fetch_one(pool)
    .await?;
    Ok(known)
}

/// The groups, by name; none for a patient who is unknown in the realm.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn groups(
    pool: &PgPool,
    realm: Realm<'_>,
    patient: PatientId,
) -> Result<Vec<GroupName>, StoreError> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT g.health_group FROM patient_group g JOIN patient p ON p.id = g.patient
          WHERE p.id = $1 AND p.realm IS NOT DISTINCT FROM $2 ORDER BY g.health_group",
    )
    .bind(patient.as_uuid())
    .bind(realm.name())
    .fetch_all(pool)
    .await?;
    names
        .into_iter()
        .map(|name| name.try_into().map_err(|_| StoreError::Malformed))
        .collect()
}
