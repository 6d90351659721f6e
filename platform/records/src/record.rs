//! Opening and sealing a patient's record: what is bound to what, and how failures look from outside.

use dmp_core::ids::PatientId;
use dmp_core::problem::Problem;
use dmp_keys::aead::OpenError;
use dmp_keys::{Bound, DataKey, KeyError};
use serde_json::Value;
use uuid::Uuid;
use zeroize::Zeroizing;

/// Longest piece that is sealed at once, in bytes.
pub(crate) const CHUNK: usize = 1024 * 1024;

/// What the sealed columns are bound to.
pub(crate) mod kind {
    pub(crate) const DOCUMENT: &str = "DocumentReference";
    pub(crate) const BINARY: &str = "Binary";
    pub(crate) const SUBMISSION: &str = "List/submissionset";
    pub(crate) const FOLDER: &str = "List/folder";
    pub(crate) const RESPONSE: &str = "Bundle/transaction-response";
    pub(crate) const LINK: &str = "patient-link";
}

/// The place of a document's metadata in its version.
pub(crate) const fn document(id: Uuid, version: u32) -> Bound<'static> {
    Bound {
        kind: kind::DOCUMENT,
        id,
        version,
        part: (0, 1),
    }
}

/// Stored data that cannot be used: altered, moved, or of another key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    #[error("stored data does not open")]
    Sealed(#[from] OpenError),
    #[error("stored data is not JSON")]
    Json(#[from] serde_json::Error),
    #[error("stored data does not have its shape")]
    Shape,
    #[error("data cannot be sealed")]
    Seal(#[from] KeyError),
}

impl From<RecordError> for Problem {
    fn from(error: RecordError) -> Self {
        Self::internal(&error)
    }
}

pub(crate) fn seal_json(key: &DataKey, bound: &Bound<'_>, value: &Value) -> Result<Vec<u8>, RecordError> {
    let text = Zeroizing::new(serde_json::to_vec(value)?);
    Ok(key.seal(bound, &text)?)
}

pub(crate) fn open_json(key: &DataKey, bound: &Bound<'_>, sealed: &[u8]) -> Result<Value, RecordError> {
    Ok(serde_json::from_slice(&key.open(bound, sealed)?)?)
}

/// A document's bytes in sealed pieces of at most [`CHUNK`]; one piece for an empty document.
pub(crate) fn seal_content(key: &DataKey, id: Uuid, content: &[u8]) -> Result<Vec<Vec<u8>>, RecordError> {
    let pieces: Vec<&[u8]> = if content.is_empty() {
        vec![content]
    } else {
        content.chunks(CHUNK).collect()
    };
    let of = u32::try_from(pieces.len()).map_err(|_| RecordError::Shape)?;
    let sealed = (0..of)
        .zip(pieces)
        .map(|(n, piece)| Ok(key.seal(&content_part(id, n, of), piece)?));
    sealed.collect()
}

/// The bytes again, exactly; all pieces in their order.
pub(crate) fn open_content(
    key: &DataKey,
    id: Uuid,
    size: usize,
    pieces: &[Vec<u8>],
) -> Result<Vec<u8>, RecordError> {
    let of = u32::try_from(pieces.len()).map_err(|_| RecordError::Shape)?;
    let mut content = Vec::with_capacity(size);
    for (n, piece) in (0..of).zip(pieces) {
        content.extend_from_slice(&key.open(&content_part(id, n, of), piece)?);
    }
    if content.len() == size {
        Ok(content)
    } else {
        Err(RecordError::Shape)
    }
}

const fn content_part(id: Uuid, n: u32, of: u32) -> Bound<'static> {
    Bound {
        kind: kind::BINARY,
        id,
        version: 1,
        part: (n, of),
    }
}

/// Which patient of the registry this record belongs to.
pub(crate) fn seal_link(key: &DataKey, own: Uuid, patient: PatientId) -> Result<Vec<u8>, RecordError> {
    Ok(key.seal(&Bound::new(kind::LINK, own), patient.as_uuid().as_bytes())?)
}

pub(crate) fn open_link(key: &DataKey, own: Uuid, sealed: &[u8]) -> Result<PatientId, RecordError> {
    let bytes = key.open(&Bound::new(kind::LINK, own), sealed)?;
    Ok(PatientId::from_uuid(
        Uuid::from_slice(&bytes).map_err(|_| RecordError::Shape)?,
    ))
}

/// 503 while the key service or the keystore is away, 500 when a key is wrong.
pub(crate) fn key_problem(error: &KeyError) -> Problem {
    if error.is_unavailable() {
        Problem::unavailable("key-service-unavailable", error)
    } else {
        Problem::internal(error)
    }
}

/// 503 while the group's database is away, 500 when the statement is wrong.
pub(crate) fn database_problem(error: &sqlx::Error) -> Problem {
    if dmp_core::db::is_unavailable(error) {
        Problem::unavailable("database-unavailable", error)
    } else {
        Problem::internal(error)
    }
}
