//! The Merkle tree of RFC 6962, checked by the algorithms of RFC 9162.

use sha2::{Digest, Sha256};

pub type Hash = [u8; 32];

/// SHA-256(0x00 ‖ leaf).
pub fn leaf(bytes: &[u8]) -> Hash {
    Sha256::new()
        .chain_update([0])
        .chain_update(bytes)
        .finalize()
        .into()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new()
        .chain_update([1])
        .chain_update(left)
        .chain_update(right)
        .finalize()
        .into()
}

/// The root that `proof` leads to from leaf hash `leaf` at `index` in a tree of `size` (RFC 9162, 2.1.3.2);
/// none when the proof has the wrong length for that place.
pub fn root_of_inclusion(index: u64, size: u64, leaf: Hash, proof: &[Hash]) -> Option<Hash> {
    let mut last = size.checked_sub(1)?;
    let mut at = index;
    if at > last {
        return None;
    }
    let mut root = leaf;
    for step in proof {
        if last == 0 {
            return None;
        }
        if at & 1 == 1 || at == last {
            root = node(step, &root);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            root = node(&root, step);
        }
        at >>= 1;
        last >>= 1;
    }
    (last == 0).then_some(root)
}

/// Whether `proof` shows that the tree of `new` entries continues that of `old` (RFC 9162, 2.1.4.2).
/// An empty tree is continued by every tree, and needs no proof.
pub fn is_consistent(old: (u64, &Hash), new: (u64, &Hash), proof: &[Hash]) -> bool {
    let ((old_size, old_root), (new_size, new_root)) = (old, new);
    if old_size == 0 {
        return proof.is_empty();
    }
    if old_size == new_size {
        return proof.is_empty() && old_root == new_root;
    }
    if old_size > new_size {
        return false;
    }
    let whole = old_size.is_power_of_two().then_some(old_root);
    let mut steps = whole.into_iter().chain(proof);
    let Some(first) = steps.next() else { return false };
    let (mut at, mut last) = (old_size - 1, new_size - 1);
    while at & 1 == 1 {
        at >>= 1;
        last >>= 1;
    }
    let (mut of_old, mut of_new) = (*first, *first);
    for step in steps {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            of_old = node(step, &of_old);
            of_new = node(step, &of_new);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            of_new = node(&of_new, step);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && of_old == *old_root && of_new == *new_root
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    //! Against `tlog_tiles` as the second opinion: every place of every small tree, and what is altered.
    use super::*;

    struct Stored(Vec<tlog_tiles::Hash>);

    impl tlog_tiles::HashReader for Stored {
        fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
            Ok(indexes
                .iter()
                .map(|index| self.0[usize::try_from(*index).unwrap()])
                .collect())
        }
    }

    fn tree(size: u64) -> Stored {
        let mut stored = Stored(Vec::new());
        for n in 0..size {
            let more = tlog_tiles::stored_hashes(n, &n.to_be_bytes(), &stored).unwrap();
            stored.0.extend(more);
        }
        stored
    }

    fn plain(hashes: Vec<tlog_tiles::Hash>) -> Vec<Hash> {
        hashes.into_iter().map(|hash| hash.0).collect()
    }

    #[test]
    fn inclusion_agrees_with_the_other_implementation() {
        let stored = tree(70);
        for size in 1..=70 {
            let root = tlog_tiles::tree_hash(size, &stored).unwrap().0;
            for index in 0..size {
                let proof = plain(tlog_tiles::prove_record(size, index, &stored).unwrap());
                let leaf = leaf(&index.to_be_bytes());
                assert_eq!(
                    root_of_inclusion(index, size, leaf, &proof),
                    Some(root),
                    "{index} of {size}"
                );
                if let Some(shorter) = proof.len().checked_sub(1) {
                    assert_ne!(
                        root_of_inclusion(index, size, leaf, &proof[..shorter]),
                        Some(root)
                    );
                    let longer = [proof.clone(), vec![[0; 32]]].concat();
                    assert_ne!(root_of_inclusion(index, size, leaf, &longer), Some(root));
                    let mut altered = proof.clone();
                    altered[shorter][31] ^= 1;
                    assert_ne!(root_of_inclusion(index, size, leaf, &altered), Some(root));
                }
                for other in (0..size).filter(|other| *other != index) {
                    assert_ne!(root_of_inclusion(other, size, leaf, &proof), Some(root));
                }
            }
            assert_eq!(root_of_inclusion(size, size, [0; 32], &[]), None);
        }
        assert_eq!(root_of_inclusion(0, 0, [0; 32], &[]), None);
    }

    #[test]
    fn consistency_agrees_with_the_other_implementation() {
        let stored = tree(70);
        let root = |size| tlog_tiles::tree_hash(size, &stored).unwrap().0;
        for new in 1..=70 {
            for old in 1..=new {
                let proof = plain(tlog_tiles::prove_tree(new, old, &stored).unwrap());
                assert!(
                    is_consistent((old, &root(old)), (new, &root(new)), &proof),
                    "{old} to {new}"
                );
                assert!(!is_consistent((old, &[1; 32]), (new, &root(new)), &proof));
                assert!(!is_consistent((old, &root(old)), (new, &[1; 32]), &proof));
                let longer = [proof.clone(), vec![[0; 32]]].concat();
                assert!(!is_consistent((old, &root(old)), (new, &root(new)), &longer));
                if !proof.is_empty() {
                    assert!(!is_consistent((old, &root(old)), (new, &root(new)), &proof[1..]));
                }
            }
        }
        assert!(is_consistent((0, &root(0)), (5, &root(5)), &[]));
        assert!(!is_consistent((6, &root(6)), (5, &root(5)), &[]));
    }
}
