//! Back from a pseudonym of the audit domain to its patient, by its token.

use std::collections::HashMap;

use dmp_core::ids::{GroupName, PatientId, Pseudonym};
use dmp_keys::{BlindIndex, LocalKek};
use sqlx::{PgPool, Row};
use uuid::Uuid;

use super::StoreError;
use super::pseudonyms::{AUDIT, open};

/// Pseudonyms indexed in one transaction.
const PAGE: i64 = 500;

/// The token under which a pseudonym is found.
fn token(index: &BlindIndex, pseudonym: &Pseudonym) -> [u8; 32] {
    index.token("pseudonym-of-audit", &[pseudonym.as_uuid().as_bytes()])
}

/// Indexes pseudonyms that are not yet, at most [`PAGE`] of them; how many. Replicas take different ones.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn index_some(
    pool: &PgPool,
    kek: &LocalKek,
    index: &BlindIndex,
) -> Result<usize, StoreError> {
    let mut tx = pool.begin().await?;
    let rows = sqlx::query(
        "SELECT s.patient, s.sealed, p.wrapped_key
           FROM patient_pseudonym s JOIN patient p ON p.id = s.patient
          WHERE s.domain = 'audit' AND s.token IS NULL
          LIMIT $1 FOR UPDATE OF s SKIP LOCKED",
    )
    .bind(PAGE)
    .fetch_all(&mut *tx)
    .await?;
    let (mut patients, mut tokens) = (Vec::with_capacity(rows.len()), Vec::with_capacity(rows.len()));
    for row in &rows {
        let patient: Uuid = row.try_get("patient")?;
        let key = kek.open_key(patient, row.try_get("wrapped_key")?)?;
        let sealed: Vec<u8> = row.try_get("sealed")?;
        let pseudonym = open(&key, PatientId::from_uuid(patient), AUDIT, &sealed)?;
        patients.push(patient);
        tokens.push(token(index, &pseudonym).to_vec());
    }
    sqlx::query(
        "UPDATE patient_pseudonym s SET token = found.token
           FROM unnest($1::uuid[], $2::bytea[]) AS found (patient, token)
          WHERE s.patient = found.patient AND s.domain = 'audit'",
    )
    .bind(&patients)
    .bind(&tokens)
    .execute(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(patients.len())
}

/// Whether every pseudonym is indexed.
///
/// # Errors
/// [`StoreError::Database`].
pub(crate) async fn all_indexed(pool: &PgPool) -> Result<bool, StoreError> {
    let left: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM patient_pseudonym WHERE domain = 'audit' AND token IS NULL)",
    )
    .fetch_one(pool)
    .await?;
    Ok(!left)
}

/// Who is behind each pseudonym; none for whom the group holds nothing of.
///
/// # Errors
/// [`StoreError::Database`].
pub(crate) async fn of_group(
    pool: &PgPool,
    index: &BlindIndex,
    group: &GroupName,
    pseudonyms: &[Pseudonym],
) -> Result<Vec<Option<PatientId>>, StoreError> {
    let tokens: Vec<Vec<u8>> = pseudonyms
        .iter()
        .map(|pseudonym| token(index, pseudonym).to_vec())
        .collect();
    let rows: Vec<(Vec<u8>, Uuid)> = sqlx::query_as(
        "SELECT s.token, s.patient
           FROM patient_pseudonym s JOIN patient_group g ON g.patient = s.patient AND g.health_group = $2
          WHERE s.token = ANY($1)",
    )
    .bind(&tokens)
    .bind(group.as_str())
    .fetch_all(pool)
    .await?;
    let known: HashMap<_, _> = rows.into_iter().collect();
    Ok(tokens
        .iter()
        .map(|token| known.get(token).copied().map(PatientId::from_uuid))
        .collect())
}
