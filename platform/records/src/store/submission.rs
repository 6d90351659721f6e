//! SubmissionSets and folders.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::{PgConnection, PgExecutor, Row};
use uuid::Uuid;

/// A SubmissionSet that was stored before.
pub(crate) struct Stored {
    pub(crate) id: Uuid,
    pub(crate) patient: Uuid,
    pub(crate) content: Vec<u8>,
    /// The sealed answer it got.
    pub(crate) response: Vec<u8>,
}

pub(crate) struct New<'a> {
    pub(crate) id: Uuid,
    pub(crate) patient: Uuid,
    /// HMAC of sender and uniqueId.
    pub(crate) token: &'a [u8],
    /// HMAC of the canonical content.
    pub(crate) content: &'a [u8],
    pub(crate) sealed: &'a [u8],
    pub(crate) response: &'a [u8],
    pub(crate) created: Timestamp,
}

pub(crate) async fn find(db: impl PgExecutor<'_>, token: &[u8]) -> Result<Option<Stored>, sqlx::Error> {
    let row = sqlx::query("SELECT id, patient, content, response FROM submission WHERE token = $1")
        .bind(token)
        .fetch_optional(db)
        .await?;
    row.map(|row| {
        Ok(Stored {
            id: row.try_get("id")?,
            patient: row.try_get("patient")?,
            content: row.try_get("content")?,
            response: row.try_get("response")?,
        })
    })
    .transpose()
}

/// `false` when a SubmissionSet of this sender and uniqueId exists. Waits for a concurrent writer of the same.
pub(crate) async fn insert(db: &mut PgConnection, new: &New<'_>) -> Result<bool, sqlx::Error> {
    let written = sqlx::query(
        "INSERT INTO submission (id, patient, token, content, sealed, response, created) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (token) DO NOTHING",
    )
    .bind(new.id)
    .bind(new.patient)
    .bind(new.token)
    .bind(new.content)
    .bind(new.sealed)
    .bind(new.response)
    .bind(new.created.to_sqlx())
    .execute(db)
    .await?;
    Ok(written.rows_affected() == 1)
}

/// `folders`: id and sealed List.
pub(crate) async fn insert_folders(
    db: &mut PgConnection,
    submission: Uuid,
    patient: Uuid,
    created: Timestamp,
    folders: &[(Uuid, Vec<u8>)],
) -> Result<(), sqlx::Error> {
    for (id, sealed) in folders {
        sqlx::query(
            "INSERT INTO folder (id, patient, submission, sealed, created) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(id)
        .bind(patient)
        .bind(submission)
        .bind(sealed)
        .bind(created.to_sqlx())
        .execute(&mut *db)
        .await?;
    }
    Ok(())
}
