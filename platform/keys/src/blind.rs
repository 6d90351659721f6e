//! Blind index: HMAC-SHA256 tokens by which a value is found again without being stored.
//!
//! For identifiers of high cardinality only (CIN, IPP, document ids): equal values have equal tokens, so a field with
//! few values would show its frequencies. Fields are separated: the same value in two fields has unrelated tokens.

use aws_lc_rs::hmac;
use sqlx::PgPool;

use crate::openbao::Client;
use crate::secret::Key256;
use crate::{KeyError, service_key};

/// Length of a token, in bytes.
pub const TOKEN: usize = 32;

/// The index key in memory. Without `Debug`.
pub struct BlindIndex {
    key: hmac::Key,
}

impl BlindIndex {
    /// Opens the service's index key, or makes it at the first start. Needs [`service_key::migrate`] before.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub async fn open(
        pool: &PgPool,
        client: &Client,
        transit_key: &str,
        domain: &str,
    ) -> Result<Self, KeyError> {
        let key = service_key::load_or_create(pool, client, transit_key, domain, "blind-index").await?;
        Ok(Self::from_key(&key))
    }

    pub fn from_key(key: &Key256) -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()),
        }
    }

    /// The token of a value made of parts (`system`, `value`) in a field. Parts are kept apart by their lengths.
    pub fn token(&self, field: &str, parts: &[&[u8]]) -> [u8; TOKEN] {
        let mut context = hmac::Context::with_key(&self.key);
        for part in std::iter::once(field.as_bytes()).chain(parts.iter().copied()) {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
        let mut token = [0; TOKEN];
        token.copy_from_slice(context.sign().as_ref());
        token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_and_parts_are_kept_apart() {
        let index = BlindIndex::from_key(&Key256::from_bytes([7; 32]));
        let token = index.token("cin", &[b"a", b"b"]);
        assert_eq!(token, index.token("cin", &[b"a", b"b"]));
        assert_ne!(token, index.token("ipp", &[b"a", b"b"]));
        assert_ne!(token, index.token("cin", &[b"ab", b""]));
        assert_ne!(token, index.token("cin", &[b"", b"ab"]));
        assert_ne!(
            token,
            BlindIndex::from_key(&Key256::from_bytes([8; 32])).token("cin", &[b"a", b"b"])
        );
    }
}
