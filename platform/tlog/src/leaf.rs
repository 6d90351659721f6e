//! The leaf, its commitment and the encrypted body: bytes only, no database.
//!
//! Leaf (UTF-8 JSON, this order, no spaces): `{"v":1,"time":"…","kind":"…","commit":"…"}`, where `commit` is
//! base64(SHA-256(salt ‖ event JSON)). The salt is random, so that nobody can guess an event from its commitment.
//! Body: nonce (12) ‖ AES-256-GCM(salt ‖ event JSON) ‖ tag (16) under a data key of the service's process.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dmp_client::audit::Record;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Bytes of the salt before the event in a body.
pub const SALT_LEN: usize = 32;

#[derive(Debug, thiserror::Error)]
pub enum LeafError {
    #[error("the event cannot be written as JSON")]
    Event(#[source] serde_json::Error),
    #[error("the leaf is not one of this log's form")]
    Malformed,
    #[error("no randomness, or the cipher refused")]
    Cipher,
    #[error("the body does not open under this key")]
    Body,
    #[error("the commitment of the leaf is not that of the body")]
    Commitment,
}

/// What a leaf says in clear. The field order is the wire's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leaf {
    v: u8,
    /// RFC 3339, UTC, milliseconds.
    pub time: String,
    pub kind: String,
    /// base64 SHA-256.
    pub commit: String,
}

impl Leaf {
    fn new(at: Timestamp, kind: &str, commit: &[u8; 32]) -> Self {
        Self {
            v: 1,
            time: format!("{at:.3}"),
            kind: kind.to_owned(),
            commit: STANDARD.encode(commit),
        }
    }

    /// Reads a leaf, and only the one spelling that [`Leaf::encode`] writes.
    ///
    /// # Errors
    /// [`LeafError::Malformed`].
    pub fn parse(text: &str) -> Result<Self, LeafError> {
        let leaf: Self = serde_json::from_str(text).map_err(|_| LeafError::Malformed)?;
        let canonical = leaf.v == 1 && leaf.encode().is_ok_and(|again| again == text);
        if canonical {
            Ok(leaf)
        } else {
            Err(LeafError::Malformed)
        }
    }

    /// The bytes that are hashed.
    ///
    /// # Errors
    /// [`LeafError::Event`], which no leaf of this type can cause.
    pub fn encode(&self) -> Result<String, LeafError> {
        serde_json::to_string(self).map_err(LeafError::Event)
    }
}

/// SHA-256(salt ‖ event JSON).
pub fn commitment(salt: &[u8], event: &[u8]) -> [u8; 32] {
    let mut hash = Context::new(&SHA256);
    hash.update(salt);
    hash.update(event);
    let mut out = [0; 32];
    out.copy_from_slice(hash.finish().as_ref());
    out
}

/// A data key that seals and opens bodies. aws-lc wipes its key schedule when it is dropped. No `Debug`.
pub struct BodyKey(RandomizedNonceKey);

impl BodyKey {
    /// # Errors
    /// [`LeafError::Cipher`] when aws-lc refuses the key.
    pub fn new(key: &[u8; 32]) -> Result<Self, LeafError> {
        RandomizedNonceKey::new(&AES_256_GCM, key)
            .map(Self)
            .map_err(|_| LeafError::Cipher)
    }
}

/// A leaf and its body, ready to be stored.
pub struct Sealed {
    pub leaf: String,
    pub body: Vec<u8>,
}

/// Commits to an event (or another record) and encrypts it.
///
/// # Errors
/// [`LeafError::Event`], [`LeafError::Cipher`].
pub fn seal(event: &impl Record, key: &BodyKey) -> Result<Sealed, LeafError> {
    // Room for the whole event, so that growing leaves no copy behind.
    let mut plain = Zeroizing::new(Vec::with_capacity(4096));
    plain.resize(SALT_LEN, 0);
    aws_lc_rs::rand::fill(&mut plain).map_err(|_| LeafError::Cipher)?;
    serde_json::to_writer(&mut *plain, event).map_err(LeafError::Event)?;
    let (salt, json) = plain.split_at(SALT_LEN);
    let leaf = Leaf::new(event.at(), event.kind(), &commitment(salt, json)).encode()?;
    // Taken out of the wiping buffer: it is overwritten by its own ciphertext.
    let mut sealed = std::mem::take(&mut *plain);
    let nonce = key
        .0
        .seal_in_place_append_tag(Aad::empty(), &mut sealed)
        .map_err(|_| LeafError::Cipher)?;
    let mut body = Vec::with_capacity(NONCE_LEN + sealed.len());
    body.extend_from_slice(nonce.as_ref());
    body.append(&mut sealed);
    Ok(Sealed { leaf, body })
}

/// An opened body: the salt and the event's exact JSON text. No `Debug`: it speaks of a patient.
pub struct Opened {
    pub salt: [u8; SALT_LEN],
    pub event: String,
}

/// Decrypts a body and checks it against the leaf's commitment.
///
/// # Errors
/// [`LeafError::Malformed`] (leaf), [`LeafError::Body`], [`LeafError::Commitment`].
pub fn open(leaf: &str, body: &[u8], key: &BodyKey) -> Result<Opened, LeafError> {
    let leaf = Leaf::parse(leaf)?;
    let (nonce, sealed) = body.split_at_checked(NONCE_LEN).ok_or(LeafError::Body)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| LeafError::Body)?;
    let mut plain = Zeroizing::new(sealed.to_vec());
    let opened = key
        .0
        .open_in_place(nonce, Aad::empty(), &mut plain)
        .map_err(|_| LeafError::Body)?;
    let (salt, json) = opened.split_at_checked(SALT_LEN).ok_or(LeafError::Body)?;
    if STANDARD.encode(commitment(salt, json)) != leaf.commit {
        return Err(LeafError::Commitment);
    }
    let event = std::str::from_utf8(json).map_err(|_| LeafError::Body)?.to_owned();
    Ok(Opened {
        salt: salt.try_into().map_err(|_| LeafError::Body)?,
        event,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::log::tests_support::event;

    #[test]
    fn a_leaf_has_the_bytes_of_the_contract() {
        let leaf = Leaf::new("2026-11-25T10:00:00.1239Z".parse().unwrap(), "read", &[0; 32]);
        assert_eq!(
            leaf.encode().unwrap(),
            r#"{"v":1,"time":"2026-11-25T10:00:00.123Z","kind":"read","commit":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}"#
        );
        let whole = Leaf::new("2026-11-25T10:00:00Z".parse().unwrap(), "read", &[0; 32]);
        assert_eq!(whole.time, "2026-11-25T10:00:00.000Z");
    }

    #[test]
    fn only_the_canonical_spelling_is_a_leaf() {
        let text = Leaf::new(Timestamp::UNIX_EPOCH, "read", &[7; 32])
            .encode()
            .unwrap();
        assert!(Leaf::parse(&text).is_ok());
        for bad in [
            text.replace(":1,", ": 1,"),
            text.replace("\"v\":1", "\"v\":2"),
            text.replace('}', ",\"x\":1}"),
            text.replace("\"kind\":\"read\",", ""),
            text.replace("\"kind\":\"read\"", "\"kind\":\"read\",\"kind\":\"read\""),
            format!("{text}\n"),
            String::new(),
        ] {
            assert!(Leaf::parse(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_body_opens_under_its_key_and_leaf_only() {
        let key = BodyKey::new(&[1; 32]).unwrap();
        let event = event(3);
        let sealed = seal(&event, &key).unwrap();
        let opened = open(&sealed.leaf, &sealed.body, &key).unwrap();
        assert_eq!(opened.event, serde_json::to_string(&event).unwrap());
        assert_eq!(sealed.body.len(), 12 + 32 + opened.event.len() + 16);

        let other = BodyKey::new(&[2; 32]).unwrap();
        assert!(matches!(
            open(&sealed.leaf, &sealed.body, &other),
            Err(LeafError::Body)
        ));
        let again = seal(&event, &key).unwrap();
        assert_ne!(again.leaf, sealed.leaf, "the salt differs");
        assert!(matches!(
            open(&again.leaf, &sealed.body, &key),
            Err(LeafError::Commitment)
        ));
        for cut in [0, 11, 12, sealed.body.len() - 1] {
            assert!(matches!(
                open(&sealed.leaf, &sealed.body[..cut], &key),
                Err(LeafError::Body)
            ));
        }
    }
}
