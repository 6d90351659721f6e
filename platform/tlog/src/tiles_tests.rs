#![allow(clippy::unwrap_used)]

use super::*;

fn leaves(count: u64) -> Vec<Hash> {
    (0..count)
        .map(|n| leaf_hash(format!("leaf {n}").as_bytes()))
        .collect()
}

fn only(all: &Tiles, needed: &BTreeSet<TileId>) -> Tiles {
    let mut some = Tiles::default();
    for id in needed {
        some.insert(*id, all.get(*id).unwrap().to_vec());
    }
    some
}

/// Roots and proofs by the book (RFC 6962, 2.1), recursively.
fn slow_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => tlog_tiles::EMPTY_HASH,
        [one] => *one,
        many => {
            let split = 1 << (usize::BITS - 1 - (many.len() - 1).leading_zeros());
            tlog_tiles::node_hash(slow_root(&many[..split]), slow_root(&many[split..]))
        }
    }
}

#[test]
fn batches_of_any_size_grow_the_same_tree() {
    let leaves = leaves(70_000);
    let mut size = 0;
    let mut tiles = Tiles::default();
    for batch in [1, 1, 2, 250, 3, 255, 256, 257, 1000, 65_000, 2_975] {
        // What a store does: only the right edge is at hand.
        let mut edge = only(&tiles, &root_needs(size));
        let from = usize::try_from(size).unwrap();
        let changed = edge.append(size, &leaves[from..from + batch]).unwrap();
        for id in changed {
            tiles.insert(id, edge.get(id).unwrap().to_vec());
        }
        size += u64::try_from(batch).unwrap();
        let root = only(&tiles, &root_needs(size)).root(size).unwrap();
        assert_eq!(
            root,
            slow_root(&leaves[..usize::try_from(size).unwrap()]),
            "{size}"
        );
    }
    assert_eq!(size, 70_000);
}

#[test]
fn proofs_from_the_needed_tiles_alone_are_accepted() {
    let leaves = leaves(66_000);
    let mut tiles = Tiles::default();
    tiles.append(0, &leaves).unwrap();
    for size in [1, 2, 3, 255, 256, 257, 511, 65_535, 65_536, 65_537, 66_000] {
        let root = tiles.root(size).unwrap();
        for index in [0, 1, 2, 128, 255, 256, 300, size - 1]
            .into_iter()
            .filter(|index| *index < size)
        {
            let proof = only(&tiles, &inclusion_needs(size, index))
                .inclusion(size, index)
                .unwrap();
            let leaf = leaves[usize::try_from(index).unwrap()];
            tlog_tiles::check_record(&proof, size, root, index, leaf).unwrap();
            let some = only(&tiles, &inclusion_needs(size, index));
            assert!(some.includes((size, root), index, leaf));
            assert!(!some.includes((size, root), index, leaf_hash(b"another")));
            assert!(!some.includes((size, leaf_hash(b"another")), index, leaf));
            assert!(!some.includes((size, root), size, leaf));
        }
        for old in [1, 2, 200, 256, 300, size].into_iter().filter(|old| *old <= size) {
            let proof = only(&tiles, &consistency_needs(old, size))
                .consistency(old, size)
                .unwrap();
            tlog_tiles::check_tree(&proof, size, root, old, tiles.root(old).unwrap()).unwrap();
        }
    }
}

#[test]
fn questions_that_make_no_sense_are_refused() {
    let mut tiles = Tiles::default();
    tiles.append(0, &leaves(10)).unwrap();
    assert!(tiles.inclusion(10, 10).is_err());
    assert!(tiles.consistency(0, 10).is_err());
    assert!(tiles.consistency(11, 10).is_err());
    assert!(tiles.root(300).is_err());
    assert!(tiles.append(11, &leaves(1)).is_err());
    assert!(inclusion_needs(10, 10).is_empty());
}
