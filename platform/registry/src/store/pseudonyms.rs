//! Pseudonyms of patients: random per domain, made at first use, sealed under the patient's key.

use std::collections::HashMap;

use dmp_core::ids::{PatientId, Pseudonym};
use dmp_keys::{Bound, DataKey, LocalKek};
use sqlx::{PgConnection, PgPool, Row};
use uuid::Uuid;

use super::StoreError;
use crate::realm::Realm;

/// The domain of the audit service.
pub(crate) const AUDIT: &str = "audit";
/// The domain of the consent service.
pub(crate) const CONSENT: &str = "consent";

/// The patient's pseudonyms in these domains, in their order; `None` when there is no such patient in the realm.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn resolve(
    pool: &PgPool,
    kek: &LocalKek,
    realm: Realm<'_>,
    patient: PatientId,
    domains: &[&str],
) -> Result<Option<Vec<Pseudonym>>, StoreError> {
    let rows = sqlx::query(
        "SELECT p.wrapped_key, s.domain, s.sealed
           FROM patient p
           LEFT JOIN patient_pseudonym s ON s.patient = p.id AND s.domain = ANY($2)
          WHERE p.id = $1 AND p.realm IS NOT DISTINCT FROM $3",
    )
    .bind(patient.as_uuid())
    .bind(domains)
    .bind(realm.name())
    .fetch_all(pool)
    .await?;
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    let key = kek.open_key(*patient.as_uuid(), first.try_get("wrapped_key")?)?;
    let mut known = HashMap::new();
    for row in &rows {
        let (domain, sealed): (Option<String>, Option<Vec<u8>>) =
            (row.try_get("domain")?, row.try_get("sealed")?);
        if let (Some(domain), Some(sealed)) = (domain, sealed) {
            let pseudonym = open(&key, patient, &domain, &sealed)?;
            known.insert(domain, pseudonym);
        }
    }
    let mut found = Vec::with_capacity(domains.len());
    for domain in domains {
        found.push(match known.get(*domain) {
            Some(pseudonym) => *pseudonym,
            None => create(&mut *pool.acquire().await?, &key, patient, domain).await?,
        });
    }
    Ok(Some(found))
}

/// The pseudonym in a domain, made when there is none. Of many who make it at once, one wins and all get that one.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn create(
    conn: &mut PgConnection,
    key: &DataKey,
    patient: PatientId,
    domain: &str,
) -> Result<Pseudonym, StoreError> {
    let sealed = key.seal(
        &bound(patient, &kind(domain)),
        Pseudonym::random().as_uuid().as_bytes(),
    )?;
    sqlx::query(
        "INSERT INTO patient_pseudonym (patient, domain, sealed) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
    )
    .bind(patient.as_uuid())
    .bind(domain)
    .bind(sealed)
    .execute(&mut *conn)
    .await?;
    let sealed: Vec<u8> =
        sqlx::query_scalar("SELECT sealed FROM patient_pseudonym WHERE patient = $1 AND domain = $2")
            .bind(patient.as_uuid())
            .bind(domain)
            .fetch_one(conn)
            .await?;
    open(key, patient, domain, &sealed)
}

/// # Errors
/// [`StoreError::Sealed`], [`StoreError::Malformed`].
pub(crate) fn open(
    key: &DataKey,
    patient: PatientId,
    domain: &str,
    sealed: &[u8],
) -> Result<Pseudonym, StoreError> {
    let plain = key.open(&bound(patient, &kind(domain)), sealed)?;
    Uuid::from_slice(&plain)
        .map(Pseudonym::from_uuid)
        .map_err(|_| StoreError::Malformed)
}

fn kind(domain: &str) -> String {
    format!("pseudonym/{domain}")
}

fn bound<'a>(patient: PatientId, kind: &'a str) -> Bound<'a> {
    Bound::new(kind, *patient.as_uuid())
}
