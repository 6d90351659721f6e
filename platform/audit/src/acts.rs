//! Acts, which other services bring, as entries of this service's own log: each once, durable before it is answered.
//!
//! The caller names an act; the same name with the same words is the entry that is there already. Whose word it is, is the
//! caller's certificate to say, and when it was taken this service's clock.

use std::sync::Arc;

use dmp_client::acts::{Act, ActEntry, ActKind, InvalidAct, Receipt};
use dmp_core::correlation::Correlation;
use dmp_keys::BlindIndex;
use dmp_tlog::{Log, LogError};
use jiff::Timestamp;
use sqlx::postgres::PgPool;

use crate::store;

#[derive(Debug, thiserror::Error)]
pub enum ActError {
    #[error(transparent)]
    Invalid(#[from] InvalidAct),
    #[error("other words have been recorded under this id")]
    Conflict,
    #[error("the database does not answer")]
    Database(#[from] sqlx::Error),
    #[error("the log does not take it")]
    Log(#[from] LogError),
    #[error("the act cannot be written as JSON")]
    Json(#[from] serde_json::Error),
}

pub struct Acts {
    pool: PgPool,
    log: Log,
    index: Arc<BlindIndex>,
}

impl Acts {
    /// `pool` is the log's own: act and entry are one transaction.
    pub const fn new(pool: PgPool, log: Log, index: Arc<BlindIndex>) -> Self {
        Self { pool, log, index }
    }

    /// Appends an act that `by` (`<namespace>/<ServiceAccount>`) brings, unless it is there.
    ///
    /// # Errors
    /// [`ActError`].
    pub async fn record(&self, by: &str, act: Act, correlation: Correlation) -> Result<Receipt, ActError> {
        act.check()?;
        let id = self.index.token("act", &[by.as_bytes(), act.id.as_bytes()]);
        let words = self.index.token("act-words", &[&serde_json::to_vec(&act)?]);
        if let Some(there) = self.there(&id, &words).await? {
            return Ok(there);
        }
        let entry = ActEntry {
            kind: ActKind::Act,
            at: Timestamp::now(),
            by: by.to_owned(),
            act,
            correlation: correlation.to_string(),
        };
        let mut tx = self.pool.begin().await?;
        let leaf = self.log.append_record(&mut tx, &entry).await?;
        if store::act::add(&mut tx, &id, &words, &leaf).await? {
            tx.commit().await?;
            return Ok(Receipt {
                leaf,
                repeated: false,
            });
        }
        // Somebody else was faster with the same id.
        tx.rollback().await?;
        self.there(&id, &words)
            .await?
            .ok_or(ActError::Database(sqlx::Error::RowNotFound))
    }

    async fn there(&self, id: &[u8; 32], words: &[u8; 32]) -> Result<Option<Receipt>, ActError> {
        let mut conn = self.pool.acquire().await?;
        match store::act::read(&mut conn, id).await? {
            Some((held, leaf)) if held == words => Ok(Some(Receipt { leaf, repeated: true })),
            Some(_) => Err(ActError::Conflict),
            None => Ok(None),
        }
    }
}
