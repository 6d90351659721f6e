//! Opening bodies: unwrapped data keys in memory, one key-service call per key and process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use dmp_keys::KeyError;
use dmp_keys::openbao::Client;
use dmp_tlog::leaf::{self, BodyKey, LeafError, Opened};
use dmp_tlog::openbao::BODY_KEY;
use sqlx::postgres::PgPool;

use crate::store;
use crate::store::entry::Entry;

/// Keys kept; beyond, all are dropped (aws-lc wipes them) and fetched anew as they are needed.
const MAX_KEYS: usize = 1024;

#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// Try again later: nothing is wrong with the entry.
    #[error("the key service does not answer")]
    Keys(#[source] KeyError),
    #[error("the database does not answer")]
    Database(#[from] sqlx::Error),
    #[error("the entry's data key is not there")]
    NoKey,
    #[error("the entry's data key does not open")]
    WrongKey(#[source] KeyError),
    #[error("the entry's body does not open")]
    Body(#[from] LeafError),
}

impl BodyError {
    /// Whether the entry itself is bad, so that trying again is of no use.
    pub const fn is_finding(&self) -> bool {
        matches!(self, Self::NoKey | Self::WrongKey(_) | Self::Body(_))
    }
}

type Keys = HashMap<(String, i64), Arc<BodyKey>>;

pub struct Bodies {
    pool: PgPool,
    client: Client,
    keys: Mutex<Keys>,
}

impl Bodies {
    pub fn new(pool: PgPool, client: Client) -> Self {
        Self {
            pool,
            client,
            keys: Mutex::default(),
        }
    }

    /// The salt and the event of an entry, checked against its leaf.
    pub async fn open(&self, entry: &Entry) -> Result<Opened, BodyError> {
        let key = self.key(&entry.origin, entry.key).await?;
        Ok(leaf::open(&entry.leaf, &entry.body, &key)?)
    }

    async fn key(&self, origin: &str, id: i64) -> Result<Arc<BodyKey>, BodyError> {
        let at = (origin.to_owned(), id);
        if let Some(key) = self.cached().get(&at) {
            return Ok(key.clone());
        }
        let mut conn = self.pool.acquire().await?;
        let wrapped = store::key::read(&mut conn, origin, id)
            .await?
            .ok_or(BodyError::NoKey)?;
        drop(conn);
        let unwrapped = self
            .client
            .unwrap_key(BODY_KEY, origin.as_bytes(), &wrapped)
            .await
            .map_err(|error| {
                if error.is_unavailable() {
                    BodyError::Keys(error)
                } else {
                    BodyError::WrongKey(error)
                }
            })?;
        let key = Arc::new(BodyKey::new(unwrapped.as_bytes())?);
        let mut keys = self.cached();
        if keys.len() >= MAX_KEYS {
            keys.clear();
        }
        keys.insert(at, key.clone());
        Ok(key)
    }

    fn cached(&self) -> std::sync::MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
