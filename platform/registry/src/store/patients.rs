//! Patients and their identifiers.

use dmp_core::ids::PatientId;
use dmp_keys::{Bound, DataKey, LocalKek};
use jiff::Timestamp;
use jiff_sqlx::ToSqlx;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, PgExecutor, Row};
use uuid::Uuid;

use super::StoreError;
use crate::identifiers::Token;
use crate::realm::Realm;

/// A patient with her key opened.
pub(crate) struct Stored {
    pub(crate) id: PatientId,
    pub(crate) version: i32,
    pub(crate) key: DataKey,
    /// The Patient resource as stored.
    pub(crate) resource: Value,
}

impl Stored {
    fn read(row: &PgRow, kek: &LocalKek) -> Result<Self, StoreError> {
        let id: Uuid = row.try_get("id")?;
        let version: i32 = row.try_get("version")?;
        let key = kek.open_key(id, row.try_get("wrapped_key")?)?;
        let plain = key.open(&bound(id, version), row.try_get("sealed")?)?;
        Ok(Self {
            id: PatientId::from_uuid(id),
            version,
            key,
            resource: serde_json::from_slice(&plain)?,
        })
    }
}

fn bound(id: Uuid, version: i32) -> Bound<'static> {
    Bound {
        kind: "Patient",
        id,
        version: version.unsigned_abs(),
        part: (0, 1),
    }
}

/// The patient of an identifier, with the sealed pseudonym of the audit domain.
pub(crate) struct Found {
    pub(crate) patient: Stored,
    pub(crate) audit: Option<Vec<u8>>,
}

/// # Errors
/// [`StoreError`].
pub(crate) async fn find(
    db: impl PgExecutor<'_>,
    kek: &LocalKek,
    token: &Token,
) -> Result<Option<Found>, StoreError> {
    let row = sqlx::query(
        "SELECT p.id, p.wrapped_key, p.version, p.sealed, a.sealed AS audit
           FROM patient_identifier i
           JOIN patient p ON p.id = i.patient
           LEFT JOIN patient_pseudonym a ON a.patient = p.id AND a.domain = 'audit'
          WHERE i.token = $1",
    )
    .bind(token.as_slice())
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        Ok(Found {
            patient: Stored::read(&row, kek)?,
            audit: row.try_get("audit")?,
        })
    })
    .transpose()
}

/// The id alone.
///
/// # Errors
/// [`StoreError::Database`].
pub(crate) async fn id_of(db: impl PgExecutor<'_>, token: &Token) -> Result<Option<PatientId>, StoreError> {
    let id: Option<Uuid> = sqlx::query_scalar("SELECT patient FROM patient_identifier WHERE token = $1")
        .bind(token.as_slice())
        .fetch_optional(db)
        .await?;
    Ok(id.map(PatientId::from_uuid))
}

/// Takes the locks of identifiers until the transaction ends, in one order for all, so that feeds of one person wait
/// for each other instead of failing. What decides in the end is the primary key of `patient_identifier`.
///
/// # Errors
/// [`StoreError::Database`].
pub(crate) async fn lock_identifiers(conn: &mut PgConnection, tokens: &[Token]) -> Result<(), StoreError> {
    let mut locks: Vec<i64> = tokens
        .iter()
        .filter_map(|token| token.first_chunk::<8>())
        .map(|start| i64::from_be_bytes(*start))
        .collect();
    locks.sort_unstable();
    locks.dedup();
    for lock in locks {
        sqlx::query("SELECT pg_advisory_xact_lock($1)")
            .bind(lock)
            .execute(&mut *conn)
            .await?;
    }
    Ok(())
}

/// The patients these identifiers belong to, without repetition.
///
/// # Errors
/// [`StoreError::Database`].
pub(crate) async fn owners(conn: &mut PgConnection, tokens: &[Token]) -> Result<Vec<PatientId>, StoreError> {
    let ids: Vec<Uuid> = sqlx::query_scalar(
        "SELECT DISTINCT patient FROM patient_identifier WHERE token = ANY($1) ORDER BY patient",
    )
    .bind(bytes(tokens))
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(PatientId::from_uuid).collect())
}

/// The patient, her row held until the transaction ends.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn lock(
    conn: &mut PgConnection,
    kek: &LocalKek,
    id: PatientId,
) -> Result<Stored, StoreError> {
    let row = sqlx::query("SELECT id, wrapped_key, version, sealed FROM patient WHERE id = $1 FOR UPDATE")
        .bind(id.as_uuid())
        .fetch_one(conn)
        .await?;
    Stored::read(&row, kek)
}

/// A new patient of the realm, version 1.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn create(
    conn: &mut PgConnection,
    kek: &LocalKek,
    realm: Realm<'_>,
    id: PatientId,
    resource: &Value,
    at: Timestamp,
) -> Result<DataKey, StoreError> {
    let (key, wrapped) = kek.new_key(*id.as_uuid())?;
    let sealed = key.seal(&bound(*id.as_uuid(), 1), &serde_json::to_vec(resource)?)?;
    sqlx::query(
        "INSERT INTO patient (id, wrapped_key, version, updated, sealed, realm) VALUES ($1, $2, 1, $3, $4, $5)",
    )
    .bind(id.as_uuid())
    .bind(wrapped)
    .bind(at.to_sqlx())
    .bind(sealed)
    .bind(realm.name())
    .execute(conn)
    .await?;
    Ok(key)
}

/// A further version; the one before goes to the history. The caller holds the row.
///
/// # Errors
/// [`StoreError`].
pub(crate) async fn replace(
    conn: &mut PgConnection,
    old: &Stored,
    version: i32,
    resource: &Value,
    at: Timestamp,
) -> Result<(), StoreError> {
    let id = *old.id.as_uuid();
    sqlx::query(
        "INSERT INTO patient_history (patient, version, updated, sealed)
         SELECT id, version, updated, sealed FROM patient WHERE id = $1",
    )
    .bind(id)
    .execute(&mut *conn)
    .await?;
    let sealed = old
        .key
        .seal(&bound(id, version), &serde_json::to_vec(resource)?)?;
    sqlx::query("UPDATE patient SET version = $2, updated = $3, sealed = $4 WHERE id = $1")
        .bind(id)
        .bind(version)
        .bind(at.to_sqlx())
        .bind(sealed)
        .execute(conn)
        .await?;
    Ok(())
}

/// Makes the identifiers lead to this patient. Those that do already stay.
///
/// # Errors
/// [`StoreError::Database`]; a unique violation would be one that another patient took, which the locks exclude.
pub(crate) async fn index(
    conn: &mut PgConnection,
    id: PatientId,
    tokens: &[Token],
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO patient_identifier (token, patient)
         SELECT t.token, $2 FROM unnest($1::bytea[]) AS t (token)
          WHERE NOT EXISTS (SELECT FROM patient_identifier i WHERE i.token = t.token AND i.patient = $2)",
    )
    .bind(bytes(tokens))
    .bind(id.as_uuid())
    .execute(conn)
    .await?;
    Ok(())
}

fn bytes(tokens: &[Token]) -> Vec<&[u8]> {
    tokens.iter().map(|token| token.as_slice()).collect()
}
