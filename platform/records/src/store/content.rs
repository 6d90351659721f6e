//! The bytes of documents, in sealed pieces.

use sqlx::{PgConnection, PgExecutor, Row};
use uuid::Uuid;

/// What is needed to decide about a content before its bytes are read: its document and whose it is.
pub(crate) struct Found {
    pub(crate) patient: Uuid,
    /// Sealed link to the registry's patient.
    pub(crate) link: Vec<u8>,
    pub(crate) document: super::document::Sealed,
    /// Bytes of the document.
    pub(crate) size: u64,
}

pub(crate) async fn insert(
    db: &mut PgConnection,
    id: Uuid,
    document: Uuid,
    size: usize,
    pieces: &[Vec<u8>],
) -> Result<(), sqlx::Error> {
    let count = i32::try_from(pieces.len()).unwrap_or(i32::MAX);
    sqlx::query("INSERT INTO content (id, document, size, chunks) VALUES ($1, $2, $3, $4)")
        .bind(id)
        .bind(document)
        .bind(i64::try_from(size).unwrap_or(i64::MAX))
        .bind(count)
        .execute(&mut *db)
        .await?;
    for (number, sealed) in (0..count).zip(pieces) {
        sqlx::query("INSERT INTO content_chunk (content, number, sealed) VALUES ($1, $2, $3)")
            .bind(id)
            .bind(number)
            .bind(sealed)
            .execute(&mut *db)
            .await?;
    }
    Ok(())
}

pub(crate) async fn find(db: impl PgExecutor<'_>, id: Uuid) -> Result<Option<Found>, sqlx::Error> {
    let row = sqlx::query(
        "SELECT d.patient, l.sealed AS link, d.id, d.version, d.sealed, c.size FROM content c \
         JOIN document d ON d.id = c.document JOIN patient_link l ON l.patient = d.patient WHERE c.id = $1",
    )
    .bind(id)
    .fetch_optional(db)
    .await?;
    row.map(|row| {
        let (version, size): (i32, i64) = (row.try_get("version")?, row.try_get("size")?);
        Ok(Found {
            patient: row.try_get("patient")?,
            link: row.try_get("link")?,
            document: super::document::Sealed {
                id: row.try_get("id")?,
                version: version.unsigned_abs(),
                sealed: row.try_get("sealed")?,
            },
            size: size.unsigned_abs(),
        })
    })
    .transpose()
}

/// The sealed pieces in their order.
pub(crate) async fn pieces(db: impl PgExecutor<'_>, id: Uuid) -> Result<Vec<Vec<u8>>, sqlx::Error> {
    sqlx::query_scalar("SELECT sealed FROM content_chunk WHERE content = $1 ORDER BY number")
        .bind(id)
        .fetch_all(db)
        .await
}
