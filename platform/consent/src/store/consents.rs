//! Consents of a patient: written under the patient's lock, read with her key.

use dmp_core::ids::Pseudonym;
use dmp_keys::{Bound, DataKey, LocalKek};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use serde_json::Value;
use sqlx::{PgConnection, PgPool, Row};
use uuid::Uuid;

use super::StoreError;
use crate::term::Term;

/// A patient whose row this transaction holds.
pub(crate) struct Locked {
    pub(crate) key: DataKey,
    /// The database's clock, read after the lock was had: changes of a patient have one order in time too.
    pub(crate) now: Timestamp,
}

/// Takes the patient's lock, with a new data key at her first Consent.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn lock(
    conn: &mut PgConnection,
    kek: &LocalKek,
    patient: Pseudonym,
) -> Result<Locked, StoreError> {
    let wrapped = match wrapped_key(conn, patient).await? {
        Some(wrapped) => wrapped,
        None => {
            let (_, wrapped) = kek.new_key(*patient.as_uuid())?;
            sqlx::query(
                "INSERT INTO consent_patient (patient, wrapped_key) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            )
            .bind(patient.as_uuid())
            .bind(&wrapped)
            .execute(&mut *conn)
            .await?;
            wrapped_key(conn, patient)
                .await?
                .ok_or(sqlx::Error::RowNotFound)?
        }
    };
    let now: jiff_sqlx::Timestamp = sqlx::query_scalar("SELECT clock_timestamp()")
        .fetch_one(conn)
        .await?;
    Ok(Locked {
        key: kek.open_key(*patient.as_uuid(), &wrapped)?,
        now: now.to_jiff(),
    })
}

async fn wrapped_key(conn: &mut PgConnection, patient: Pseudonym) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(
        sqlx::query_scalar("SELECT wrapped_key FROM consent_patient WHERE patient = $1 FOR UPDATE")
            .bind(patient.as_uuid())
            .fetch_optional(conn)
            .await?,
    )
}

/// The newest version of a Consent, when this patient has it.
pub(crate) struct Current {
    pub(crate) version: i32,
    /// Token of the professional; absent for an opposition.
    pub(crate) professional: Option<Vec<u8>>,
}

/// # Errors
/// [`StoreError::Database`].
pub(crate) async fn current(
    conn: &mut PgConnection,
    patient: Pseudonym,
    id: Uuid,
) -> Result<Option<Current>, StoreError> {
    let row = sqlx::query("SELECT version, professional FROM consent WHERE id = $1 AND patient = $2")
        .bind(id)
        .bind(patient.as_uuid())
        .fetch_optional(conn)
        .await?;
    row.map(|row| {
        Ok(Current {
            version: row.try_get("version")?,
            professional: row.try_get("professional")?,
        })
    })
    .transpose()
}

/// One version of a Consent to be written.
pub(crate) struct Version<'a> {
    pub(crate) id: Uuid,
    /// 1 for a new Consent.
    pub(crate) version: i32,
    pub(crate) term: &'a Term,
    pub(crate) professional: Option<[u8; 32]>,
    /// The resource as it is answered.
    pub(crate) resource: &'a Value,
}

/// Writes a version and makes it the newest. The caller holds the patient's lock.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn write(
    conn: &mut PgConnection,
    patient: Pseudonym,
    locked: &Locked,
    version: &Version<'_>,
) -> Result<(), StoreError> {
    let term = version.term;
    let kind = if term.inpe.is_some() {
        "care-relation"
    } else {
        "opposition"
    };
    sqlx::query(
        "INSERT INTO consent (id, patient, kind, professional, active, starts, ends, version)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (id) DO UPDATE SET active = excluded.active, starts = excluded.starts, ends = excluded.ends,
                                        version = excluded.version",
    )
    .bind(version.id)
    .bind(patient.as_uuid())
    .bind(kind)
    .bind(version.professional.map(|token| token.to_vec()))
    .bind(term.active)
    .bind(term.starts.map(|at| at.to_sqlx()))
    .bind(term.ends.map(|at| at.to_sqlx()))
    .bind(version.version)
    .execute(&mut *conn)
    .await?;
    let sealed = locked.key.seal(
        &bound(version.id, version.version),
        &serde_json::to_vec(version.resource)?,
    )?;
    sqlx::query("INSERT INTO consent_version (id, version, recorded, sealed) VALUES ($1, $2, $3, $4)")
        .bind(version.id)
        .bind(version.version)
        .bind(locked.now.to_sqlx())
        .bind(sealed)
        .execute(&mut *conn)
        .await?;
    sqlx::query("UPDATE consent_patient SET version = version + 1 WHERE patient = $1")
        .bind(patient.as_uuid())
        .execute(conn)
        .await?;
    Ok(())
}

/// The newest versions of all Consents of a patient, oldest first.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn all(pool: &PgPool, kek: &LocalKek, patient: Pseudonym) -> Result<Vec<Value>, StoreError> {
    let rows = sqlx::query(
        "SELECT p.wrapped_key, v.id, v.version, v.sealed
           FROM consent_patient p
           JOIN consent c ON c.patient = p.patient
           JOIN consent_version v ON v.id = c.id AND v.version = c.version
          WHERE p.patient = $1
          ORDER BY (SELECT min(recorded) FROM consent_version f WHERE f.id = c.id), v.id",
    )
    .bind(patient.as_uuid())
    .fetch_all(pool)
    .await?;
    let Some(first) = rows.first() else {
        return Ok(Vec::new());
    };
    let key = kek.open_key(*patient.as_uuid(), first.try_get("wrapped_key")?)?;
    rows.iter()
        .map(|row| {
            let plain = key.open(
                &bound(row.try_get("id")?, row.try_get("version")?),
                row.try_get("sealed")?,
            )?;
            Ok(serde_json::from_slice(&plain)?)
        })
        .collect()
}

fn bound(id: Uuid, version: i32) -> Bound<'static> {
    Bound {
        kind: "Consent",
        id,
        version: version.unsigned_abs(),
        part: (0, 1),
    }
}
