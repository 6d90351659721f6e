//! The Merkle tree as C2SP tiles of height 8, in memory: growing it, its root, and proofs.
//!
//! Pure: a store says which tiles are there. Each question first tells which tiles it needs (`*_needs`), the caller
//! fetches them into a [`Tiles`], then asks. The audit service uses the same functions over its own tables.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use tlog_tiles::{HASH_SIZE, Hash, HashReader, Tile};

/// Height of every tile: 256 hashes.
const HEIGHT: u8 = 8;
const TILE_BYTES: usize = HASH_SIZE << HEIGHT;

/// Where a tile is: level (of tiles, 0 = leaf hashes) and number in the level.
pub type TileId = (u8, u64);

/// The tree's parts do not fit together: a tile is missing, too short, or the sizes make no sense.
#[derive(Debug, thiserror::Error)]
#[error("the stored tree cannot answer: {0}")]
pub struct TreeError(String);

impl From<tlog_tiles::Error> for TreeError {
    fn from(error: tlog_tiles::Error) -> Self {
        Self(error.to_string())
    }
}

/// RFC 6962 leaf hash: SHA-256(0x00 ‖ leaf).
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    tlog_tiles::record_hash(leaf)
}

/// Some tiles of a tree.
#[derive(Default)]
pub struct Tiles(BTreeMap<TileId, Vec<u8>>);

impl Tiles {
    pub fn insert(&mut self, id: TileId, hashes: Vec<u8>) {
        self.0.insert(id, hashes);
    }

    pub fn get(&self, id: TileId) -> Option<&[u8]> {
        self.0.get(&id).map(Vec::as_slice)
    }

    /// Takes a tile out; empty when it is not here.
    pub fn take(&mut self, id: TileId) -> Vec<u8> {
        self.0.remove(&id).unwrap_or_default()
    }

    /// Adds leaf hashes to a tree of `size`, whose right edge ([`root_needs`]) must be here. Returns the changed tiles.
    ///
    /// # Errors
    /// [`TreeError`] when the right edge is not that of a tree of `size`.
    pub fn append(&mut self, size: u64, leaves: &[Hash]) -> Result<BTreeSet<TileId>, TreeError> {
        let mut changed = BTreeSet::new();
        for (position, leaf) in (size..).zip(leaves) {
            let mut hash = *leaf;
            let mut level = 0;
            let mut at = position;
            loop {
                let id = (level, at >> HEIGHT);
                let tile = self.0.entry(id).or_default();
                let width = usize::try_from(at & 0xff).unwrap_or_default();
                if tile.len() != width * HASH_SIZE {
                    return Err(TreeError(format!("tile {id:?} is not {width} wide")));
                }
                tile.extend_from_slice(&hash.0);
                changed.insert(id);
                if tile.len() < TILE_BYTES {
                    break;
                }
                hash = Tile::subtree_hash(tile);
                at >>= HEIGHT;
                level += 1;
            }
        }
        Ok(changed)
    }

    /// Root of the tree of `size`.
    ///
    /// # Errors
    /// [`TreeError`] when a tile of [`root_needs`] is missing.
    pub fn root(&self, size: u64) -> Result<Hash, TreeError> {
        Ok(tlog_tiles::tree_hash(size, self)?)
    }

    /// RFC 6962 audit path of entry `index` in the tree of `size`, leaf to root.
    ///
    /// # Errors
    /// [`TreeError`] when `index` is not in the tree or a tile of [`inclusion_needs`] is missing.
    pub fn inclusion(&self, size: u64, index: u64) -> Result<Vec<Hash>, TreeError> {
        Ok(tlog_tiles::prove_record(size, index, self)?)
    }

    /// Whether the tree of that size and root has `leaf` as its entry `index`. The tiles are asked for the way, not trusted.
    pub fn includes(&self, (size, root): (u64, Hash), index: u64, leaf: Hash) -> bool {
        self.inclusion(size, index)
            .is_ok_and(|proof| tlog_tiles::check_record(&proof, size, root, index, leaf).is_ok())
    }

    /// RFC 6962 consistency proof from the tree of `old` entries to that of `new`.
    ///
    /// # Errors
    /// [`TreeError`] unless 1 ≤ `old` ≤ `new` and the tiles of [`consistency_needs`] are here.
    pub fn consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, TreeError> {
        Ok(tlog_tiles::prove_tree(new, old, self)?)
    }
}

impl HashReader for Tiles {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
        indexes
            .iter()
            .map(|index| {
                let tile = Tile::from_index(HEIGHT, *index);
                let hashes = self
                    .get((tile.level(), tile.level_index()))
                    .ok_or(tlog_tiles::Error::IndexesNotInTree)?;
                tile.hash_at_index(hashes, *index)
            })
            .collect()
    }
}

/// The tiles [`Tiles::root`] and [`Tiles::append`] need: the right edge.
pub fn root_needs(size: u64) -> BTreeSet<TileId> {
    needs(|recorder| tlog_tiles::tree_hash(size, recorder).map(drop))
}

/// The tiles [`Tiles::inclusion`] needs; none when `index` is not in the tree.
pub fn inclusion_needs(size: u64, index: u64) -> BTreeSet<TileId> {
    needs(|recorder| tlog_tiles::prove_record(size, index, recorder).map(drop))
}

/// The tiles [`Tiles::consistency`] needs.
pub fn consistency_needs(old: u64, new: u64) -> BTreeSet<TileId> {
    needs(|recorder| tlog_tiles::prove_tree(new, old, recorder).map(drop))
}

/// Answers zero hashes and remembers which tiles were asked for. Every question above asks once, for all it needs.
struct Recorder(RefCell<BTreeSet<TileId>>);

impl HashReader for Recorder {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
        let tiles = indexes.iter().map(|index| Tile::from_index(HEIGHT, *index));
        self.0
            .borrow_mut()
            .extend(tiles.map(|tile| (tile.level(), tile.level_index())));
        Ok(vec![Hash::default(); indexes.len()])
    }
}

fn needs(ask: impl FnOnce(&Recorder) -> Result<(), tlog_tiles::Error>) -> BTreeSet<TileId> {
    let recorder = Recorder(RefCell::default());
    // A question that makes no sense needs nothing; it fails when it is asked for real.
    match ask(&recorder) {
        Ok(()) => recorder.0.into_inner(),
        Err(_) => BTreeSet::new(),
    }
}

#[cfg(test)]
#[path = "tiles_tests.rs"]
mod tests;
