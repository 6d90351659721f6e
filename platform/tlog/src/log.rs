//! [`Log`]: opening, appending and reading one service's log.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dmp_client::audit::{Event, LogPage, Record};
use dmp_core::db::DatabaseError;
use sqlx::PgConnection;
use sqlx::postgres::PgPool;
use tlog_tiles::Hash;
use zeroize::Zeroizing;

use crate::checkpoint::{self, CheckpointError, CheckpointSigner, Head};
use crate::leaf::{self, BodyKey, LeafError};
use crate::store;
use crate::tiles::{TreeError, consistency_needs, inclusion_needs};

/// The most entries one page holds.
pub const MAX_PAGE: u64 = 1000;

#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("the log's database does not answer")]
    Database(#[from] sqlx::Error),
    #[error("the log's database has not answered in time")]
    TimedOut,
    #[error("the log's tables cannot be brought up to date")]
    Migrate(#[from] DatabaseError),
    #[error("the event cannot be sealed")]
    Leaf(#[from] LeafError),
    #[error("the checkpoint cannot be made")]
    Checkpoint(#[from] CheckpointError),
    #[error("the data key of the log's bodies cannot be had")]
    BodyKey(#[from] BodyKeysError),
    #[error("the tree cannot answer")]
    Tree(#[from] TreeError),
    #[error("this database holds the log `{0}`")]
    OtherLog(String),
    /// The stored log contradicts itself. Nothing more is signed until a person has looked.
    #[error("the stored log is damaged: {0}")]
    Damaged(String),
}

/// Where a fresh data key for bodies comes from (OpenBao: [`crate::openbao::TransitBodyKeys`]).
#[async_trait]
pub trait BodyKeys: Send + Sync {
    /// A new random 256-bit key, and the same wrapped for `audit` alone, bound to `origin`.
    ///
    /// # Errors
    /// [`BodyKeysError`] when the key service does not answer.
    async fn new_key(&self, origin: &str) -> Result<NewBodyKey, BodyKeysError>;
}

/// No `Debug`: it holds a key.
pub struct NewBodyKey {
    pub key: Zeroizing<[u8; 32]>,
    pub wrapped: String,
}

#[derive(Debug, thiserror::Error)]
#[error("no data key for the log's bodies")]
pub struct BodyKeysError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// One log in one database. Cheap to clone.
#[derive(Clone)]
pub struct Log {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub pool: PgPool,
    pub origin: String,
    pub signer: Arc<dyn CheckpointSigner>,
    key: BodyKey,
    key_id: i64,
}

impl Log {
    /// Brings the tables up to date, begins the log if there is none, and takes a new data key for the bodies that
    /// this process will write. `pool` is that of the service's own data.
    ///
    /// # Errors
    /// [`LogError::OtherLog`] when the database holds another log; else what could not be reached.
    pub async fn open(
        pool: PgPool,
        origin: &str,
        signer: Arc<dyn CheckpointSigner>,
        bodies: &dyn BodyKeys,
    ) -> Result<Self, LogError> {
        checkpoint::check_origin(origin)?;
        store::migrate(&pool).await?;
        let mut conn = pool.acquire().await?;
        let held = store::tree::init(&mut conn, origin).await?;
        if held != origin {
            return Err(LogError::OtherLog(held));
        }
        let new = bodies.new_key(origin).await?;
        let key_id = store::key::add(&mut conn, &new.wrapped).await?;
        drop(conn);
        let key = BodyKey::new(&new.key)?;
        let inner = Inner {
            pool,
            origin: origin.to_owned(),
            signer,
            key,
            key_id,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    pub fn origin(&self) -> &str {
        &self.inner.origin
    }

    /// The public half of the key that signs this log.
    pub fn public_key(&self) -> [u8; 32] {
        self.inner.signer.public_key()
    }

    /// Adds an event inside the caller's transaction: it is in the log if and only if that transaction commits, and
    /// durable once it has. On error the caller refuses its request (fail closed).
    ///
    /// # Errors
    /// [`LogError::Leaf`], [`LogError::Database`].
    pub async fn append(&self, conn: &mut PgConnection, event: &Event) -> Result<(), LogError> {
        self.append_record(conn, event).await.map(drop)
    }

    /// As [`Log::append`], for any record; answers the leaf.
    ///
    /// # Errors
    /// [`LogError::Leaf`], [`LogError::Database`].
    pub async fn append_record(
        &self,
        conn: &mut PgConnection,
        record: &impl Record,
    ) -> Result<String, LogError> {
        let sealed = leaf::seal(record, &self.inner.key)?;
        store::entry::append(conn, &sealed, self.inner.key_id).await?;
        Ok(sealed.leaf)
    }

    /// Adds an event that belongs to no write (a read, a search, a refusal); durable when this returns.
    ///
    /// # Errors
    /// [`LogError::Leaf`], [`LogError::Database`].
    pub async fn append_now(&self, event: &Event) -> Result<(), LogError> {
        let mut conn = self.inner.pool.acquire().await?;
        self.append(&mut conn, event).await
    }

    /// The newest signed tree head; none before the first sequencer run.
    ///
    /// # Errors
    /// [`LogError::Database`].
    pub async fn head(&self) -> Result<Option<Head>, LogError> {
        let mut conn = self.inner.pool.acquire().await?;
        Ok(store::checkpoint::newest(&mut conn).await?)
    }

    /// Entries from index `from` on, at most `limit` (and [`MAX_PAGE`]), only such as a signed checkpoint covers, with
    /// the wrapped data keys of their bodies.
    ///
    /// # Errors
    /// [`LogError::Database`].
    pub async fn entries(&self, from: u64, limit: u64) -> Result<LogPage, LogError> {
        let mut conn = self.inner.pool.acquire().await?;
        let end = store::checkpoint::newest(&mut conn)
            .await?
            .map_or(0, |head| head.size);
        let limit = i64::try_from(limit.min(MAX_PAGE)).unwrap_or_default();
        let rows = store::entry::page(&mut conn, from, end, limit).await?;
        let mut ids: Vec<i64> = rows.iter().map(|row| row.key).collect();
        ids.sort_unstable();
        ids.dedup();
        let keys = store::key::read(&mut conn, &ids).await?;
        Ok(LogPage {
            entries: rows.into_iter().map(Into::into).collect(),
            keys,
        })
    }

    /// RFC 6962 audit path of entry `index` in the tree of `size`, leaf to root.
    ///
    /// # Errors
    /// [`LogError::Tree`] when `index` ≥ `size` or the log is shorter; [`LogError::Database`].
    pub async fn inclusion_proof(&self, index: u64, size: u64) -> Result<Vec<Hash>, LogError> {
        let mut conn = self.inner.pool.acquire().await?;
        let tiles = store::tile::read(&mut conn, &inclusion_needs(size, index)).await?;
        Ok(tiles.inclusion(size, index)?)
    }

    /// RFC 6962 consistency proof from `old` to `new` entries.
    ///
    /// # Errors
    /// [`LogError::Tree`] unless 1 ≤ `old` ≤ `new` ≤ size; [`LogError::Database`].
    pub async fn consistency_proof(&self, old: u64, new: u64) -> Result<Vec<Hash>, LogError> {
        let mut conn = self.inner.pool.acquire().await?;
        let tiles = store::tile::read(&mut conn, &consistency_needs(old, new)).await?;
        Ok(tiles.consistency(old, new)?)
    }

    /// How long the oldest committed event has waited for its index: a metric. It is no ground for being unready,
    /// since the event is durable already.
    ///
    /// # Errors
    /// [`LogError::Database`].
    pub async fn lag(&self) -> Result<Duration, LogError> {
        let mut conn = self.inner.pool.acquire().await?;
        let seconds = store::entry::oldest_pending(&mut conn).await?.unwrap_or_default();
        Ok(Duration::try_from_secs_f64(seconds).unwrap_or_default())
    }
}

#[cfg(test)]
#[path = "tests/support.rs"]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests_support;

#[cfg(test)]
#[path = "tests/log.rs"]
mod tests;
