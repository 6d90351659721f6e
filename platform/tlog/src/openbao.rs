//! The log's keys in OpenBao transit: signing checkpoints, and data keys for bodies that only `audit` can unwrap.

use async_trait::async_trait;
use dmp_keys::Signer;
use dmp_keys::openbao::Client;
use zeroize::Zeroizing;

use crate::checkpoint::{CheckpointError, CheckpointSigner};
use crate::log::{BodyKeys, BodyKeysError, NewBodyKey};

/// The transit key (root namespace) that wraps the data keys of every log's bodies.
pub const BODY_KEY: &str = "audit-events";

/// Signs with a transit Ed25519 key: `log-registry`, `log-consent`, `log-audit`, or a group's `log`.
pub struct TransitSigner {
    signer: Signer,
    kid: String,
    public: [u8; 32],
}

#[derive(Debug, thiserror::Error)]
enum TransitError {
    #[error("the key `{0}` has no version")]
    NoVersion(String),
    #[error("the key was rotated to `{0}`; the service takes it up when it starts")]
    Rotated(String),
}

impl TransitSigner {
    /// Takes the newest version of the key: checkpoints are verified with the one public key of `keys.json`.
    ///
    /// # Errors
    /// [`CheckpointError::Signer`] when OpenBao does not answer or has no such key.
    pub async fn open(signer: Signer) -> Result<Self, CheckpointError> {
        let keys = signer.public_keys().await.map_err(boxed)?;
        let Some((kid, public)) = keys.into_iter().next_back() else {
            return Err(boxed(TransitError::NoVersion(signer.key().to_owned())));
        };
        Ok(Self { signer, kid, public })
    }
}

fn boxed(error: impl std::error::Error + Send + Sync + 'static) -> CheckpointError {
    CheckpointError::Signer(Box::new(error))
}

#[async_trait]
impl CheckpointSigner for TransitSigner {
    fn public_key(&self) -> [u8; 32] {
        self.public
    }

    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, CheckpointError> {
        let signature = self.signer.sign(message).await.map_err(boxed)?;
        if signature.kid == self.kid {
            Ok(signature.bytes.to_vec())
        } else {
            Err(boxed(TransitError::Rotated(signature.kid)))
        }
    }
}

/// Data keys from `transit/datakey/plaintext/audit-events`, derivation context = the log's origin.
pub struct TransitBodyKeys(Client);

impl TransitBodyKeys {
    /// `client` is one of the root namespace, for group services too.
    pub const fn new(client: Client) -> Self {
        Self(client)
    }
}

#[async_trait]
impl BodyKeys for TransitBodyKeys {
    async fn new_key(&self, origin: &str) -> Result<NewBodyKey, BodyKeysError> {
        let made = self
            .0
            .data_key(BODY_KEY, origin.as_bytes())
            .await
            .map_err(|error| BodyKeysError(Box::new(error)))?;
        Ok(NewBodyKey {
            key: Zeroizing::new(*made.key.as_bytes()),
            wrapped: made.wrapped,
        })
    }
}

#[cfg(test)]
#[path = "tests/openbao.rs"]
mod tests;
