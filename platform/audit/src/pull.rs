//! One pull of one log: signature, append-only, copy. Nothing that is not proven is kept.
//!
//! The tree is derived again from the pulled leaves: a log that rewrote, dropped or forked anything that was seen
//! cannot sign a checkpoint that this copy reaches.

use std::time::Duration;

use dmp_client::audit::LogPage;
use dmp_core::problem::Chain;
use dmp_tlog::Hash;
use dmp_tlog::checkpoint::{self, CheckpointError, Head};
use dmp_tlog::tiles::{Tiles, TreeError, leaf_hash, root_needs};
use sqlx::PgConnection;
use sqlx::postgres::PgPool;
use tokio::sync::Semaphore;

use crate::source::{Source, SourceError};
use crate::store;
use crate::store::entry::Entry;
use crate::store::finding::Finding;
use crate::store::source::State;

/// Pages of a tail kept in memory; a longer tail is read inside the transaction.
const MAX_PAGES: usize = 20;

/// Tries when another replica pulls the same log.
const ATTEMPTS: u32 = 3;

/// The longest pull of a tail that is in memory, or look at our own copy: on a node that was lost the database neither answers
/// nor ends its connections.
const LIMIT: Duration = Duration::from_secs(30);

/// Pulls that may hold a connection of the database while they ask their log (long tails: a first start).
static LONG: Semaphore = Semaphore::const_new(2);

#[derive(Debug, thiserror::Error)]
pub enum PullError {
    #[error("the log cannot be reached")]
    Source(#[from] SourceError),
    #[error("the database does not answer")]
    Database(#[from] sqlx::Error),
    #[error("the database has not answered in time")]
    TimedOut,
    #[error("our own copy of the tree cannot answer")]
    Tree(#[from] TreeError),
    #[error("our own copy of the tree is damaged")]
    Damaged,
    #[error("other replicas are pulling the same log")]
    Raced,
    #[error("the log gives entries that do not follow")]
    Entries,
    #[error("the log is broken")]
    Finding(#[source] Broken),
}

/// What a log did that it must never do.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    #[error("the checkpoint is not acceptable")]
    Checkpoint(#[source] CheckpointError),
    #[error("the log has fewer entries than were seen")]
    Shrunk,
    #[error("the log signed another tree for a size that was seen")]
    Fork,
    #[error("the log's entries do not make the tree it signed")]
    Rewritten,
}

impl Broken {
    /// `kind` of the finding and its metric.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Checkpoint(_) => "checkpoint",
            Self::Shrunk => "shrunk",
            Self::Fork => "fork",
            Self::Rewritten => "rewritten",
        }
    }
}

/// Copies what is new of log `origin` signed by `key`. The size that is proven now.
///
/// # Errors
/// [`PullError::Finding`] when the log is broken: kept and logged here. Else try again later.
pub async fn pull(
    pool: &PgPool,
    origin: &str,
    key: &[u8; 32],
    source: &dyn Source,
) -> Result<u64, PullError> {
    for _ in 0..ATTEMPTS {
        if let Some(size) = attempt(pool, origin, key, source).await? {
            return Ok(size);
        }
    }
    Err(PullError::Raced)
}

/// None when another replica moved the copy on meanwhile. The log is asked before a connection of the database is
/// taken, so that logs that hang hold up nobody but themselves.
async fn attempt(
    pool: &PgPool,
    origin: &str,
    key: &[u8; 32],
    source: &dyn Source,
) -> Result<Option<u64>, PullError> {
    let known = in_time(async {
        let mut conn = pool.acquire().await?;
        let state = store::source::read(&mut conn, origin).await?;
        Ok(state.map_or(0, |state| state.size))
    })
    .await?;
    let note = source.checkpoint().await?;
    let head = checkpoint::open(&note, origin, key);
    let mut tail = Tail {
        from: known,
        pages: Vec::new(),
        source,
    };
    if let Ok(head) = &head {
        tail.fetch(head.size).await?;
    }

    let whole = head.as_ref().is_ok_and(|head| tail.end() >= head.size);
    let kept = keep(pool, origin, &note, head, tail, known);
    // What is not in memory has the caller's limit: a first start copies a whole log.
    if whole { in_time(kept).await } else { kept.await }
}

/// Ends what the database does not answer.
async fn in_time<T>(work: impl Future<Output = Result<T, PullError>>) -> Result<T, PullError> {
    tokio::time::timeout(LIMIT, work)
        .await
        .unwrap_or(Err(PullError::TimedOut))
}

/// Keeps what the log showed, or the finding. None when another replica moved the copy on meanwhile.
async fn keep(
    pool: &PgPool,
    origin: &str,
    note: &str,
    head: Result<Head, CheckpointError>,
    tail: Tail<'_>,
    known: u64,
) -> Result<Option<u64>, PullError> {
    let mut tx = pool.begin().await?;
    let state = store::source::lock(&mut tx, origin, Tiles::default().root(0)?).await?;
    if state.size != known {
        return Ok(None);
    }
    let broken = match head {
        Ok(head) => match follow(&mut tx, origin, tail, &state, &head).await? {
            None if head.size > state.size || state.note.is_none() => {
                store::source::advance(&mut tx, origin, &head).await?;
                tx.commit().await?;
                return Ok(Some(head.size));
            }
            None => return Ok(Some(head.size)),
            Some(broken) => broken,
        },
        Err(error) => Broken::Checkpoint(error),
    };
    tx.rollback().await?;
    let (held, shown) = (state.note.as_deref(), Some(note));
    let finding = Finding {
        origin,
        kind: broken.kind(),
        position: state.size,
        held,
        shown,
    };
    record(pool, &finding, &broken).await?;
    Err(PullError::Finding(broken))
}

/// The entries of a log after those we have.
struct Tail<'a> {
    from: u64,
    pages: Vec<LogPage>,
    source: &'a dyn Source,
}

impl Tail<'_> {
    /// Index after the last entry in memory.
    fn end(&self) -> u64 {
        let entries = self.pages.iter().map(|page| page.entries.len()).sum::<usize>();
        self.from + u64::try_from(entries).unwrap_or_default()
    }

    /// Fetches pages up to index `end`, but no more than fit in memory.
    async fn fetch(&mut self, end: u64) -> Result<(), PullError> {
        let mut size = self.from;
        while size < end && self.pages.len() < MAX_PAGES {
            let page = self.source.entries(size).await?;
            if page.entries.is_empty() {
                return Err(PullError::Entries);
            }
            size += u64::try_from(page.entries.len()).unwrap_or_default();
            self.pages.push(page);
        }
        Ok(())
    }
}

/// Keeps a finding and logs it, once per state; it is counted where it is kept.
pub async fn record(
    pool: &PgPool,
    finding: &Finding<'_>,
    error: &(dyn std::error::Error + Send + Sync),
) -> Result<(), sqlx::Error> {
    let mut conn = pool.acquire().await?;
    if store::finding::add(&mut conn, finding).await? {
        let (log, kind, position) = (finding.origin, finding.kind, finding.position);
        tracing::error!(log, kind, position, error = %Chain(error), "a log does not verify");
    }
    Ok(())
}

/// Copies the tail into the transaction. What is broken, if anything is.
async fn follow(
    tx: &mut PgConnection,
    origin: &str,
    tail: Tail<'_>,
    state: &State,
    head: &Head,
) -> Result<Option<Broken>, PullError> {
    if head.size < state.size {
        return Ok(Some(Broken::Shrunk));
    }
    if head.size == state.size {
        return Ok((head.root != state.root).then_some(Broken::Fork));
    }
    let mut tiles = store::tile::read(tx, origin, &root_needs(state.size)).await?;
    if tiles.root(state.size)? != state.root {
        return Err(PullError::Damaged);
    }
    let mut size = state.size;
    for page in tail.pages {
        size = copy(tx, origin, page, (size, head.size), &mut tiles).await?;
    }
    if size < head.size {
        let _few_at_once = LONG.acquire().await;
        while size < head.size {
            let page = tail.source.entries(size).await?;
            size = copy(tx, origin, page, (size, head.size), &mut tiles).await?;
        }
    }
    Ok((tiles.root(size)? != head.root).then_some(Broken::Rewritten))
}

/// Stores a page that begins at index `from`, up to index `end`. The size it leads to.
async fn copy(
    tx: &mut PgConnection,
    origin: &str,
    page: LogPage,
    (from, end): (u64, u64),
    tiles: &mut Tiles,
) -> Result<u64, PullError> {
    use base64::Engine as _;
    let mut entries = Vec::with_capacity(page.entries.len());
    for (index, entry) in (from..end).zip(page.entries) {
        if entry.index != index {
            return Err(PullError::Entries);
        }
        let body = base64::engine::general_purpose::STANDARD
            .decode(&entry.body)
            .map_err(|_| PullError::Entries)?;
        entries.push(Entry {
            origin: origin.to_owned(),
            index,
            leaf: entry.leaf,
            body,
            key: entry.key,
        });
    }
    if entries.is_empty() {
        return Err(PullError::Entries);
    }
    let hashes: Vec<Hash> = entries
        .iter()
        .map(|entry| leaf_hash(entry.leaf.as_bytes()))
        .collect();
    let changed = tiles.append(from, &hashes)?;
    store::key::add(tx, origin, &page.keys).await?;
    store::entry::add(tx, origin, &entries).await?;
    store::tile::write(tx, origin, tiles, &changed).await?;
    Ok(from + u64::try_from(entries.len()).unwrap_or_default())
}
