#![allow(clippy::unwrap_used)]

use super::*;

fn key(id: u128, domain: &str, subject: u128, bytes: u8) -> DataKey {
    DataKey::new(
        Uuid::from_u128(id),
        domain.to_owned(),
        Uuid::from_u128(subject),
        Key256::from_bytes([bytes; 32]),
    )
}

fn bound(kind: &str, id: u128, version: u32, part: (u32, u32)) -> Bound<'_> {
    Bound {
        kind,
        id: Uuid::from_u128(id),
        version,
        part,
    }
}

#[test]
fn what_was_sealed_opens_again() {
    let key = key(1, "group:a", 2, 3);
    let bound = bound("Binary", 4, 1, (0, 1));
    for length in [0, 1, 15, 16, 17, 4096, 100_000] {
        let plain = vec![0x5a; length];
        let sealed = key.seal(&bound, &plain).unwrap();
        assert_eq!(sealed.len(), length + OVERHEAD);
        assert_eq!(*key.open(&bound, &sealed).unwrap(), plain);
    }
}

#[test]
fn the_same_text_never_looks_the_same() {
    let key = key(1, "group:a", 2, 3);
    let bound = bound("Binary", 4, 1, (0, 1));
    assert_ne!(
        key.seal(&bound, b"text").unwrap(),
        key.seal(&bound, b"text").unwrap()
    );
}

/// Same key bytes everywhere: only the bound context differs. Every pair of different places must refuse.
#[test]
fn a_ciphertext_opens_in_its_own_place_only() {
    let mut places = Vec::new();
    for domain in ["group:a", "group:b"] {
        for subject in [1, 2] {
            for kind in ["Binary", "DocumentReference"] {
                for id in [1, 2] {
                    for version in [1, 2] {
                        for part in [(0, 1), (0, 2), (1, 2)] {
                            places.push((domain, subject, kind, id, version, part));
                        }
                    }
                }
            }
        }
    }
    let sealed: Vec<Vec<u8>> = places
        .iter()
        .map(|(domain, subject, kind, id, version, part)| {
            key(9, domain, *subject, 7)
                .seal(&bound(kind, *id, *version, *part), b"secret")
                .unwrap()
        })
        .collect();
    for (n, (domain, subject, kind, id, version, part)) in places.iter().enumerate() {
        for (m, sealed) in sealed.iter().enumerate() {
            let opened = key(9, domain, *subject, 7).open(&bound(kind, *id, *version, *part), sealed);
            assert_eq!(opened.is_ok(), n == m, "sealed at {m}, opened at {n}");
        }
    }
}

#[test]
fn neighbouring_fields_do_not_run_into_each_other() {
    let sealed = key(1, "group:a", 2, 3)
        .seal(&bound("bc", 4, 1, (0, 1)), b"x")
        .unwrap();
    assert!(
        key(1, "group:ab", 2, 3)
            .open(&bound("c", 4, 1, (0, 1)), &sealed)
            .is_err()
    );
}

#[test]
fn every_altered_byte_is_noticed() {
    let key = key(1, "group:a", 2, 3);
    let bound = bound("Binary", 4, 1, (0, 1));
    let sealed = key.seal(&bound, b"some text").unwrap();
    for at in 0..sealed.len() {
        for bit in [0x01, 0x80] {
            let mut altered = sealed.clone();
            altered[at] ^= bit;
            assert!(key.open(&bound, &altered).is_err(), "byte {at}");
        }
    }
    for length in 0..sealed.len() {
        assert!(key.open(&bound, &sealed[..length]).is_err(), "cut at {length}");
    }
}

#[test]
fn the_commitment_names_one_key() {
    let bound = bound("Binary", 4, 1, (0, 1));
    let sealed = key(1, "group:a", 2, 3).seal(&bound, b"text").unwrap();
    assert_eq!(
        key(1, "group:a", 2, 4).open(&bound, &sealed).err(),
        Some(OpenError::OtherKey)
    );
    assert_eq!(
        key(2, "group:a", 2, 3).open(&bound, &sealed).err(),
        Some(OpenError::OtherKey)
    );
    let mut altered = sealed;
    altered[1 + 16 + SALT] ^= 1;
    assert_eq!(
        key(1, "group:a", 2, 3).open(&bound, &altered).err(),
        Some(OpenError::OtherKey)
    );
}
