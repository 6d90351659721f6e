//! The check of a whole stored log from its raw leaves.
//!
//! Stored hashes prove nothing about the leaves beside them: everything (each tile, each signed root) is derived
//! again from the leaves' bytes, in one snapshot, with memory for one page.

use sqlx::PgConnection;
use tlog_tiles::{EMPTY_HASH, HASH_SIZE, Hash, node_hash};

use crate::checkpoint::{self, Head};
use crate::leaf::Leaf;
use crate::log::{Log, LogError};
use crate::store;
use crate::tiles::{TileId, Tiles, leaf_hash, root_needs};

/// Leaves read at once.
const PAGE: i64 = 4096;

/// Findings kept; beyond, the log is damaged enough to know.
const MAX_FINDINGS: usize = 1000;

/// What is wrong with a stored log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// No entry has this index, though later ones exist or the tree says so.
    Missing { index: u64 },
    /// The leaf is not of the log's form.
    Leaf { index: u64 },
    /// The stored tile is not what the leaves make.
    Tile { level: u8, number: u64 },
    /// The stored tree (`tlog_tree`) is not what the leaves make.
    Tree { size: u64 },
    /// The leaves do not make the root that was signed for this size.
    SignedRoot { size: u64 },
    /// The checkpoint stored for this size is not one signed by the log's key for this size and root.
    Checkpoint { size: u64 },
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing { index } => write!(f, "entry {index} is missing"),
            Self::Leaf { index } => write!(f, "entry {index} is not a leaf of this log"),
            Self::Tile { level, number } => write!(f, "tile {level}/{number} is not that of the leaves"),
            Self::Tree { size } => write!(f, "the tree of {size} is not that of the leaves"),
            Self::SignedRoot { size } => write!(f, "the root signed for {size} is not that of the leaves"),
            Self::Checkpoint { size } => write!(f, "the checkpoint of {size} is not signed by the log"),
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FsckReport {
    /// Entries checked: up to the first hole.
    pub entries: u64,
    /// Empty when all is well; at most 1,000.
    pub findings: Vec<Finding>,
}

impl FsckReport {
    fn add(&mut self, finding: Finding) {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(finding);
        }
    }
}

impl Log {
    /// Derives every tile, the tree and every signed root again from the raw leaves, and says what differs.
    ///
    /// # Errors
    /// [`LogError::Database`]; a damaged log is a report, not an error.
    pub async fn fsck(&self) -> Result<FsckReport, LogError> {
        let mut tx = self.inner.pool.begin().await?;
        store::begin_check(&mut tx).await?;
        let mut report = FsckReport::default();
        let mut tree = Rebuilt::default();
        for head in store::checkpoint::between(&mut tx, None, 0).await? {
            self.check_head(&head, EMPTY_HASH, &mut report);
        }
        loop {
            let from = tree.size;
            let page = store::entry::leaves(&mut tx, from, PAGE).await?;
            let Some((last, _)) = page.last() else { break };
            let heads = store::checkpoint::between(&mut tx, Some(from), last + 1).await?;
            if !self
                .check_page(&mut tx, &mut tree, page, &heads, &mut report)
                .await?
            {
                report.entries = tree.size;
                return Ok(report);
            }
        }
        report.entries = tree.size;
        check_edge(&mut tx, &mut tree, &mut report).await?;
        for head in store::checkpoint::between(&mut tx, Some(tree.size), u64::MAX).await? {
            report.add(Finding::SignedRoot { size: head.size });
        }
        Ok(report)
    }

    /// Whether the page had no hole, so that the next can be checked.
    async fn check_page(
        &self,
        tx: &mut PgConnection,
        tree: &mut Rebuilt,
        page: Vec<(u64, String)>,
        heads: &[Head],
        report: &mut FsckReport,
    ) -> Result<bool, LogError> {
        let mut heads = heads.iter().peekable();
        let mut full = Tiles::default();
        let mut ids = std::collections::BTreeSet::new();
        for (index, leaf) in page {
            if tree.size < index {
                // Nothing behind a hole can be derived any more.
                report.add(Finding::Missing { index: tree.size });
                return Ok(false);
            }
            if Leaf::parse(&leaf).is_err() {
                report.add(Finding::Leaf { index });
            }
            tree.push(leaf_hash(leaf.as_bytes()), &mut full, &mut ids)?;
            while let Some(head) = heads.next_if(|head| head.size <= tree.size) {
                self.check_head(head, tree.root(), report);
            }
        }
        let stored = store::tile::read(tx, &ids).await?;
        for id in ids {
            if stored.get(id) != full.get(id) {
                report.add(Finding::Tile {
                    level: id.0,
                    number: id.1,
                });
            }
        }
        Ok(true)
    }

    fn check_head(&self, head: &Head, root: Hash, report: &mut FsckReport) {
        let size = head.size;
        match checkpoint::open(&head.note, &self.inner.origin, &self.public_key()) {
            Ok(signed) if signed.size == size && signed.root == head.root => {}
            _ => report.add(Finding::Checkpoint { size }),
        }
        if head.root != root {
            report.add(Finding::SignedRoot { size });
        }
    }
}

/// Compares the right edge and the stored tree's size and root.
async fn check_edge(
    tx: &mut PgConnection,
    tree: &mut Rebuilt,
    report: &mut FsckReport,
) -> Result<(), LogError> {
    let edge = root_needs(tree.size);
    let stored = store::tile::read(tx, &edge).await?;
    for id in edge {
        if stored.get(id) != tree.edge.get(id) {
            report.add(Finding::Tile {
                level: id.0,
                number: id.1,
            });
        }
    }
    let held = store::tree::read(tx).await?;
    if held.size != tree.size || held.root != tree.root() {
        report.add(Finding::Tree { size: held.size });
    }
    Ok(())
}

/// The tree made again from the leaves: as tiles, and beside them as the row of its complete subtrees, which gives
/// the root after every single leaf by other arithmetic.
#[derive(Default)]
struct Rebuilt {
    size: u64,
    edge: Tiles,
    /// (height, hash) of the complete subtrees, largest first.
    subtrees: Vec<(u32, Hash)>,
}

impl Rebuilt {
    fn push(
        &mut self,
        leaf: Hash,
        full: &mut Tiles,
        ids: &mut std::collections::BTreeSet<TileId>,
    ) -> Result<(), LogError> {
        for id in self.edge.append(self.size, &[leaf])? {
            if self
                .edge
                .get(id)
                .is_some_and(|hashes| hashes.len() == HASH_SIZE << 8)
            {
                full.insert(id, self.edge.take(id));
                ids.insert(id);
            }
        }
        let (mut height, mut hash) = (0, leaf);
        while let Some((_, left)) = self.subtrees.pop_if(|(left, _)| *left == height) {
            hash = node_hash(left, hash);
            height += 1;
        }
        self.subtrees.push((height, hash));
        self.size += 1;
        Ok(())
    }

    fn root(&self) -> Hash {
        let mut subtrees = self.subtrees.iter().rev().map(|(_, hash)| *hash);
        let Some(last) = subtrees.next() else {
            return EMPTY_HASH;
        };
        subtrees.fold(last, |right, left| node_hash(left, right))
    }
}

#[cfg(test)]
#[path = "tests/fsck.rs"]
mod tests;
