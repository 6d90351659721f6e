//! The sequencer: gives pending entries their index, grows the tree, signs what is committed.
//!
//! Every replica of a service runs one; an advisory lock lets one work at a time, transaction by transaction, so
//! that nothing has to be handed over when a replica dies.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use dmp_core::metrics::registered;
use dmp_core::problem::Chain;
use prometheus::{GaugeVec, IntCounterVec, Opts};
use tlog_tiles::Hash;
use tokio_util::sync::CancellationToken;

use crate::checkpoint;
use crate::log::{Log, LogError};
use crate::store;
use crate::store::tree::Tree;
use crate::tiles::{leaf_hash, root_needs};

/// How often it looks for work. This batches signatures too: at most ten a second, however many events come.
const POLL: Duration = Duration::from_millis(100);

/// How long it waits after a failure.
const BACKOFF: Duration = Duration::from_secs(1);

/// The longest look: on a node that was lost the database neither answers nor ends its connections.
const LIMIT: Duration = Duration::from_secs(15);

/// Between two measures of the lag.
const MEASURE: Duration = Duration::from_secs(5);

static LAG: LazyLock<Option<GaugeVec>> = LazyLock::new(|| {
    let options = Opts::new(
        "dmp_log_lag_seconds",
        "How long the oldest event of the service's log has waited for its place in the tree.",
    );
    registered(GaugeVec::new(options, &["log"]))
});

static FAILURES: LazyLock<Option<IntCounterVec>> = LazyLock::new(|| {
    let options = Opts::new(
        "dmp_log_failures_total",
        "Times the service's log could not be sequenced or signed.",
    );
    registered(IntCounterVec::new(options, &["log"]))
});

/// The most entries of one transaction.
const BATCH: u64 = 4096;

/// What one look did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Entries that got their index.
    pub integrated: u64,
    /// Whether a new checkpoint was signed.
    pub published: bool,
}

impl Log {
    /// Sequences until `stop`. Failures are logged and tried again; entries wait, durable, meanwhile.
    pub async fn run(self, stop: CancellationToken) {
        let mut measured: Option<Instant> = None;
        self.count_failures(0);
        loop {
            if measured.is_none_or(|at| at.elapsed() >= MEASURE) {
                measured = Some(Instant::now());
                let _ = tokio::time::timeout(LIMIT, self.measure()).await;
            }
            let look = tokio::time::timeout(LIMIT, self.sequence_once()).await;
            let pause = match look.unwrap_or(Err(LogError::TimedOut)) {
                Ok(Progress { integrated, .. }) if integrated >= BATCH => Duration::ZERO,
                Ok(_) => POLL,
                Err(error) => {
                    let error = Chain(&error);
                    self.count_failures(1);
                    tracing::error!(log = self.origin(), %error, "the log could not be sequenced");
                    BACKOFF
                }
            };
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// A database that does not answer is told by [`FAILURES`]; the lag then stays what it was.
    async fn measure(&self) {
        if let (Ok(lag), Some(gauge)) = (self.lag().await, &*LAG) {
            gauge.with_label_values(&[self.origin()]).set(lag.as_secs_f64());
        }
    }

    fn count_failures(&self, number: u64) {
        if let Some(failures) = &*FAILURES {
            failures.with_label_values(&[self.origin()]).inc_by(number);
        }
    }

    /// One look: integrates what is pending, then signs the tree if its newest state is not signed.
    ///
    /// # Errors
    /// [`LogError::Damaged`] when the stored log contradicts itself; else what could not be reached.
    pub async fn sequence_once(&self) -> Result<Progress, LogError> {
        let mut conn = self.inner.pool.acquire().await?;
        let (pending, unsigned) = store::tree::work(&mut conn).await?;
        drop(conn);
        let integrated = if pending { self.integrate().await? } else { 0 };
        let published = if integrated > 0 || unsigned {
            self.publish().await?
        } else {
            false
        };
        Ok(Progress {
            integrated,
            published,
        })
    }

    /// Gives indexes to pending entries and grows the tree by them: one transaction.
    pub(crate) async fn integrate(&self) -> Result<u64, LogError> {
        let mut tx = self.inner.pool.begin().await?;
        if !store::try_lock(&mut tx).await? {
            return Ok(0);
        }
        let tree = store::tree::read(&mut tx).await?;
        let mut tiles = store::tile::read(&mut tx, &root_needs(tree.size)).await?;
        if tiles.root(tree.size)? != tree.root {
            return Err(LogError::Damaged(format!(
                "the tiles do not make the root of {}",
                tree.size
            )));
        }
        let entries = store::entry::sequence(&mut tx, tree.size, BATCH).await?;
        if !(tree.size..)
            .zip(&entries)
            .all(|(expected, (index, _))| expected == *index)
        {
            return Err(LogError::Damaged("the indexes have a gap".into()));
        }
        let hashes: Vec<Hash> = entries
            .iter()
            .map(|(_, leaf)| leaf_hash(leaf.as_bytes()))
            .collect();
        let changed = tiles.append(tree.size, &hashes)?;
        let added = u64::try_from(hashes.len()).unwrap_or_default();
        let size = tree.size + added;
        store::tile::write(&mut tx, &tiles, &changed).await?;
        store::tree::write(
            &mut tx,
            &Tree {
                size,
                root: tiles.root(size)?,
            },
        )
        .await?;
        tx.commit().await?;
        Ok(added)
    }

    /// Signs the committed tree, if it is not signed yet.
    pub(crate) async fn publish(&self) -> Result<bool, LogError> {
        let mut tx = self.inner.pool.begin().await?;
        if !store::try_lock(&mut tx).await? {
            return Ok(false);
        }
        let tree = store::tree::read(&mut tx).await?;
        if let Some(newest) = store::checkpoint::newest(&mut tx).await? {
            if newest.size > tree.size || (newest.size == tree.size && newest.root != tree.root) {
                return Err(LogError::Damaged(format!(
                    "the tree of {} is not what was signed for {}",
                    tree.size, newest.size
                )));
            }
            if newest.size == tree.size {
                return Ok(false);
            }
        }
        let head = checkpoint::sign(&self.inner.origin, tree.size, tree.root, &*self.inner.signer).await?;
        store::checkpoint::add(&mut tx, &head).await?;
        tx.commit().await?;
        Ok(true)
    }
}
