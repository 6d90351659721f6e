//! Ed25519 signatures made by OpenBao transit: checkpoints, tokens, facts. The private key never comes here.

use crate::openbao::{Client, Error, VersionedKey};

/// One signing key of one namespace. Cheap to clone.
#[derive(Clone)]
pub struct Signer {
    client: Client,
    key: String,
}

/// A signature and the id of the key that made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// `<key>-v<version>`.
    pub kid: String,
    /// Ed25519 (RFC 8032).
    pub bytes: [u8; 64],
}

impl Signer {
    pub fn new(client: Client, key: impl Into<String>) -> Self {
        Self {
            client,
            key: key.into(),
        }
    }

    pub fn key(&self) -> &str {
        &self.key
    }

    /// Signs with the newest version of the key.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn sign(&self, message: &[u8]) -> Result<Signature, Error> {
        let (version, bytes) = self.client.sign(&self.key, message).await?;
        Ok(Signature {
            kid: self.kid(version),
            bytes,
        })
    }

    /// Signs a text in which the id of the signing key stands: made with `kid`, and once more when another version signs. `None` when
    /// the key changes at this moment.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn sign_naming<T>(
        &self,
        kid: &str,
        text: impl Fn(&str) -> T,
        message: impl Fn(&T) -> String,
    ) -> Result<Option<(T, Signature)>, Error> {
        let mut kid = kid.to_owned();
        for _ in 0..2 {
            let named = text(&kid);
            let signature = self.sign(message(&named).as_bytes()).await?;
            if signature.kid == kid {
                return Ok(Some((named, signature)));
            }
            kid = signature.kid;
        }
        Ok(None)
    }

    /// The public halves of all versions, oldest first.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn public_keys(&self) -> Result<Vec<(String, [u8; 32])>, Error> {
        let keys = self.client.public_keys(&self.key).await?;
        Ok(keys
            .into_iter()
            .map(|VersionedKey { version, public }| (self.kid(version), public))
            .collect())
    }

    fn kid(&self, version: u32) -> String {
        format!("{}-v{version}", self.key)
    }
}
