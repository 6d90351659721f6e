//! Sealing one record under a data key: AES-256-GCM, key per sealing by HKDF-SHA256, bound context, key commitment.
//!
//! Layout: format (1) ‖ key id (16) ‖ salt (32) ‖ commitment (32) ‖ ciphertext ‖ tag (16). The salt is random, so
//! every sealing has its own AES key and the nonce can be constant. The commitment is HKDF output of the same data
//! key and salt: two keys that open one ciphertext ("invisible salamander") would need a SHA-256 collision.
//! The associated data is the canonical form of domain, subject, type, id, version, part, key id and schema:
//! a ciphertext moved to another place does not open.
//!
//! Feature `plaintext-at-rest` exists for one test: the one that proves that the search for readable data finds it. With it
//! the body is written as it is, under a format byte that a real build refuses to open.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::KeyError;
use crate::secret::{Key256, random_bytes};

/// See the head of the module; decision 0004.
const PLAINTEXT: bool = cfg!(feature = "plaintext-at-rest");
const FORMAT: u8 = if PLAINTEXT { 0 } else { 1 };
/// Version of the canonical context.
const SCHEMA: u8 = 1;
const SALT: usize = 32;
const COMMITMENT: usize = 32;
const TAG: usize = 16;
const HEAD: usize = 1 + 16 + SALT + COMMITMENT;
/// Bytes that sealing adds to a plaintext.
pub const OVERHEAD: usize = HEAD + TAG;

/// What a ciphertext belongs to, beside the data key's own domain and subject.
#[derive(Clone, Copy, Debug)]
pub struct Bound<'a> {
    /// FHIR resource type, or the name of a table's content.
    pub kind: &'a str,
    pub id: Uuid,
    /// Version of the resource.
    pub version: u32,
    /// Number of the chunk and how many there are; `(0, 1)` for a whole.
    pub part: (u32, u32),
}

impl<'a> Bound<'a> {
    /// First version, one part.
    pub const fn new(kind: &'a str, id: Uuid) -> Self {
        Self {
            kind,
            id,
            version: 1,
            part: (0, 1),
        }
    }
}

/// Why a ciphertext does not open. On purpose without detail.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum OpenError {
    #[error("the sealed bytes are too short or of an unknown format")]
    Format,
    #[error("the sealed bytes were made with another key")]
    OtherKey,
    #[error("the sealed bytes do not belong here, or were altered")]
    NotAuthentic,
}

/// A data key in memory: the key and what it belongs to. Without `Debug`; cleared when dropped.
pub struct DataKey {
    id: Uuid,
    /// `group:<group>`, `registry`, …
    domain: String,
    /// Pseudonym or id of the patient in that domain.
    subject: Uuid,
    key: Key256,
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

impl DataKey {
    pub const fn new(id: Uuid, domain: String, subject: Uuid, key: Key256) -> Self {
        Self {
            id,
            domain,
            subject,
            key,
        }
    }

    /// Id of the key, as written in front of every sealing.
    pub const fn id(&self) -> Uuid {
        self.id
    }

    pub(crate) const fn key(&self) -> &Key256 {
        &self.key
    }

    /// Seals `plaintext` for this place.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] when the random generator or the cipher fails.
    pub fn seal(&self, bound: &Bound<'_>, plaintext: &[u8]) -> Result<Vec<u8>, KeyError> {
        let salt = random_bytes::<SALT>()?;
        let (cipher, commitment) = self.derive(&salt).ok_or(KeyError::Malformed)?;
        let mut sealed = Vec::with_capacity(plaintext.len() + OVERHEAD);
        sealed.push(FORMAT);
        sealed.extend_from_slice(self.id.as_bytes());
        sealed.extend_from_slice(&salt);
        sealed.extend_from_slice(&commitment);
        sealed.extend_from_slice(plaintext);
        if PLAINTEXT {
            sealed.extend_from_slice(&[0; TAG]);
            return Ok(sealed);
        }
        let (_, body) = sealed.split_at_mut(HEAD);
        let tag = cipher
            .seal_in_place_separate_tag(nonce(), Aad::from(self.context(bound)), body)
            .map_err(|_| KeyError::Malformed)?;
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// Opens what [`DataKey::seal`] made for the same place.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(&self, bound: &Bound<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (head, body) = sealed.split_at_checked(HEAD).ok_or(OpenError::Format)?;
        let (format, head) = head.split_first().ok_or(OpenError::Format)?;
        let (key_id, head) = head.split_at_checked(16).ok_or(OpenError::Format)?;
        let (salt, commitment) = head.split_at_checked(SALT).ok_or(OpenError::Format)?;
        if *format != FORMAT || body.len() < TAG {
            return Err(OpenError::Format);
        }
        if key_id != self.id.as_bytes() {
            return Err(OpenError::OtherKey);
        }
        let (cipher, expected) = self.derive(salt).ok_or(OpenError::Format)?;
        verify_slices_are_equal(&expected, commitment).map_err(|_| OpenError::OtherKey)?;
        let mut plain = Zeroizing::new(body.to_vec());
        if PLAINTEXT {
            plain.truncate(body.len() - TAG);
            return Ok(plain);
        }
        let length = cipher
            .open_in_place(nonce(), Aad::from(self.context(bound)), &mut plain)
            .map_err(|_| OpenError::NotAuthentic)?
            .len();
        plain.truncate(length);
        Ok(plain)
    }

    fn derive(&self, salt: &[u8]) -> Option<(LessSafeKey, [u8; COMMITMENT])> {
        let prk = Salt::new(HKDF_SHA256, salt).extract(self.key.as_bytes());
        let mut key = Zeroizing::new([0; 32]);
        prk.expand(&[b"dmp/v1/record-key"], Length(32))
            .ok()?
            .fill(key.as_mut())
            .ok()?;
        let mut commitment = [0; COMMITMENT];
        prk.expand(&[b"dmp/v1/commitment"], Length(COMMITMENT))
            .ok()?
            .fill(&mut commitment)
            .ok()?;
        let key = UnboundKey::new(&AES_256_GCM, key.as_ref()).ok()?;
        Some((LessSafeKey::new(key), commitment))
    }

    /// Canonical context: every field with its length in front, so that no two contexts have the same bytes.
    fn context(&self, bound: &Bound<'_>) -> Vec<u8> {
        let fields: [&[u8]; 9] = [
            &[SCHEMA],
            self.domain.as_bytes(),
            self.subject.as_bytes(),
            bound.kind.as_bytes(),
            bound.id.as_bytes(),
            &bound.version.to_be_bytes(),
            &bound.part.0.to_be_bytes(),
            &bound.part.1.to_be_bytes(),
            self.id.as_bytes(),
        ];
        let mut context = Vec::with_capacity(160);
        for field in fields {
            context.extend_from_slice(&u32::try_from(field.len()).unwrap_or(u32::MAX).to_be_bytes());
            context.extend_from_slice(field);
        }
        context
    }
}

/// The key is used for one sealing only, so the nonce is constant.
fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

#[cfg(test)]
mod tests;
