//! How far back the copy of a log reaches, asked of what is stored now: nothing is remembered, nothing is taken from a configuration.
//!
//! The first entry that is there counts as such if the log's signed tree has it at its place and its body opens: a row that was
//! taken away, moved or written anew is found, whoever did it. What a retired group's log holds is not looked at.

use std::sync::Arc;

use dmp_client::kept::{Answer, First, Question};
use dmp_tlog::checkpoint::{self, Head};
use dmp_tlog::leaf::Leaf;
use dmp_tlog::tiles::{inclusion_needs, leaf_hash};
use jiff::Timestamp;
use sqlx::postgres::PgPool;

use crate::bodies::{Bodies, BodyError};
use crate::sources::Sources;
use crate::store;
use crate::store::entry::Entry;

/// Indexes that one answer looks through: a part of a second.
const STRIDE: u64 = 500_000;

pub struct Kept {
    pool: PgPool,
    bodies: Arc<Bodies>,
    sources: Sources,
    /// Indexes that one answer looks through.
    pub stride: u64,
}

impl Kept {
    pub const fn new(pool: PgPool, bodies: Arc<Bodies>, sources: Sources) -> Self {
        Self {
            pool,
            bodies,
            sources,
            stride: STRIDE,
        }
    }

    /// What is stored of a log; `None` when it is not pulled, or has not been yet.
    ///
    /// # Errors
    /// When database or key service do not answer.
    pub async fn of(&self, question: &Question) -> Result<Option<Answer>, BodyError> {
        let origin = &question.log;
        let Some(key) = self.sources.key(origin) else {
            return Ok(None);
        };
        let mut conn = self.pool.acquire().await?;
        let Some(state) = store::source::read(&mut conn, origin).await? else {
            return Ok(None);
        };
        let Some(note) = state.note else {
            return Ok(None);
        };
        let head = checkpoint::open(&note, origin, &key).ok();
        let head = head.filter(|head| head.size == state.size && head.root == state.root);
        let entry = store::entry::first(&mut conn, origin).await?;
        let (mut holes, mut next) = (0, None);
        if let (Some(head), Some(entry)) = (&head, &entry) {
            let from = question.from.max(entry.index);
            let end = from.saturating_add(self.stride).min(head.size);
            holes = store::entry::holes(&mut conn, origin, from, end).await?;
            next = (end < head.size).then_some(end);
        }
        drop(conn);
        let first = match entry {
            Some(entry) => Some(First {
                index: entry.index,
                at: self.written(head.as_ref(), &entry).await?,
            }),
            None => None,
        };
        Ok(Some(Answer {
            size: head.map(|head| head.size),
            first,
            holes,
            next,
        }))
    }

    /// When an entry was written, if it is the one that the log signed.
    async fn written(&self, head: Option<&Head>, entry: &Entry) -> Result<Option<Timestamp>, BodyError> {
        let Some(head) = head else { return Ok(None) };
        let mut conn = self.pool.acquire().await?;
        let needs = inclusion_needs(head.size, entry.index);
        let tiles = store::tile::read(&mut conn, &entry.origin, &needs).await?;
        drop(conn);
        let hash = leaf_hash(entry.leaf.as_bytes());
        if !tiles.includes((head.size, head.root), entry.index, hash) {
            return Ok(None);
        }
        match self.bodies.open(entry).await {
            Ok(_) => Ok(Leaf::parse(&entry.leaf)?.time.parse().ok()),
            Err(error) if error.is_finding() => Ok(None),
            Err(error) => Err(error),
        }
    }
}
