//! DocumentReferences: sealed metadata, versions, and the identifiers of documents.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::{PgConnection, PgExecutor, Row};
use uuid::Uuid;

/// Sealed metadata of one document.
pub(crate) struct Sealed {
    pub(crate) id: Uuid,
    pub(crate) version: u32,
    pub(crate) sealed: Vec<u8>,
}

pub(crate) struct New<'a> {
    pub(crate) id: Uuid,
    pub(crate) submission: Uuid,
    pub(crate) patient: Uuid,
    /// HMAC of masterIdentifier.
    pub(crate) identifier: Option<&'a [u8]>,
    pub(crate) sealed: &'a [u8],
    pub(crate) created: Timestamp,
}

pub(crate) async fn insert(db: &mut PgConnection, new: &New<'_>) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO document (id, patient, submission, status, version, identifier, sealed, created, updated) \
         VALUES ($1, $2, $3, 'current', 1, $4, $5, $6, $6)",
    )
    .bind(new.id)
    .bind(new.patient)
    .bind(new.submission)
    .bind(new.identifier)
    .bind(new.sealed)
    .bind(new.created.to_sqlx())
    .execute(db)
    .await?;
    Ok(())
}

/// Whether the identifier may name this content in the patient's record: it does not name another one.
/// Waits for a concurrent writer of the same identifier.
pub(crate) async fn claim_identifier(
    db: &mut PgConnection,
    patient: Uuid,
    token: &[u8],
    content: &[u8],
) -> Result<bool, sqlx::Error> {
    sqlx::query("INSERT INTO document_identifier (patient, token, content) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
        .bind(patient)
        .bind(token)
        .bind(content)
        .execute(&mut *db)
        .await?;
    let row = sqlx::query("SELECT content = $3 FROM document_identifier WHERE patient = $1 AND token = $2")
        .bind(patient)
        .bind(token)
        .bind(content)
        .fetch_one(db)
        .await?;
    row.try_get(0)
}

/// All documents of a patient, oldest first.
pub(crate) async fn of_patient(db: impl PgExecutor<'_>, patient: Uuid) -> Result<Vec<Sealed>, sqlx::Error> {
    let rows =
        sqlx::query("SELECT id, version, sealed FROM document WHERE patient = $1 ORDER BY created, id")
            .bind(patient)
            .fetch_all(db)
            .await?;
    rows.iter().map(read).collect()
}

/// A current document of the patient, by id or by its identifier's token, locked until the transaction ends.
pub(crate) async fn lock_current(
    db: &mut PgConnection,
    patient: Uuid,
    id: Option<Uuid>,
    identifier: Option<&[u8]>,
) -> Result<Vec<Sealed>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT id, version, sealed FROM document \
         WHERE patient = $1 AND status = 'current' AND (id = $2 OR identifier = $3) ORDER BY id FOR UPDATE",
    )
    .bind(patient)
    .bind(id)
    .bind(identifier)
    .fetch_all(db)
    .await?;
    rows.iter().map(read).collect()
}

/// The next version of a document, superseded.
pub(crate) async fn supersede(
    db: &mut PgConnection,
    id: Uuid,
    version: u32,
    sealed: &[u8],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "UPDATE document SET status = 'superseded', version = $2, sealed = $3, updated = $4 WHERE id = $1",
    )
    .bind(id)
    .bind(i32::try_from(version).unwrap_or(i32::MAX))
    .bind(sealed)
    .bind(now.to_sqlx())
    .execute(db)
    .await?;
    Ok(())
}

fn read(row: &sqlx::postgres::PgRow) -> Result<Sealed, sqlx::Error> {
    let version: i32 = row.try_get("version")?;
    Ok(Sealed {
        id: row.try_get("id")?,
        version: version.unsigned_abs(),
        sealed: row.try_get("sealed")?,
    })
}
