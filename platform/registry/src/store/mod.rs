//! SQL of the registry, one module per aggregate.

pub(crate) mod directory;
pub(crate) mod identities;
pub(crate) mod locator;
pub(crate) mod patients;
pub(crate) mod pseudonyms;

use dmp_core::problem::Problem;
use dmp_keys::KeyError;

pub(crate) static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// What a use of the store can fail with.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("the database does not answer")]
    Database(#[from] sqlx::Error),
    #[error("a data key cannot be used")]
    Key(#[from] KeyError),
    #[error("stored content does not open")]
    Sealed(#[from] dmp_keys::OpenError),
    #[error("stored content is not JSON")]
    Json(#[from] serde_json::Error),
    #[error("stored content does not have the expected form")]
    Malformed,
    #[error("the log cannot be written")]
    Log(#[from] dmp_tlog::LogError),
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Database(_) => Self::unavailable("database-unavailable", &error),
            StoreError::Log(_) => Self::unavailable("audit-unavailable", &error),
            StoreError::Key(_) | StoreError::Sealed(_) | StoreError::Json(_) | StoreError::Malformed => {
                Self::internal(&error)
            }
        }
    }
}
