//! Transit: data keys, encryption with derivation context, HMAC, Ed25519 signatures. Mount `transit` of the namespace.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::{Zeroize, Zeroizing};

use super::{Client, Error};
use crate::KeyError;
use crate::secret::{Key256, Secret};

/// At most this many items in one batch (OpenBao limits the strings of a request to 1,000).
pub const MAX_BATCH: usize = 249;

/// A new 256-bit key, in clear and wrapped.
pub struct DataKeyAnswer {
    pub key: Key256,
    /// `vault:v<n>:…`.
    pub wrapped: String,
}

/// The public half of one version of a signing key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionedKey {
    pub version: u32,
    /// Ed25519 public key.
    pub public: [u8; 32],
}

#[derive(Deserialize)]
struct Plaintext {
    plaintext: Secret,
}

#[derive(Deserialize)]
struct Ciphertext {
    ciphertext: String,
}

impl Client {
    /// A random 256-bit key from `transit/datakey/plaintext/<key>`.
    ///
    /// # Errors
    /// [`KeyError::Service`]; [`KeyError::Malformed`] when the answer is not a 256-bit key.
    pub async fn data_key(&self, key: &str, context: &[u8]) -> Result<DataKeyAnswer, KeyError> {
        #[derive(Deserialize)]
        struct Data {
            plaintext: Secret,
            ciphertext: String,
        }
        let body = json!({ "context": STANDARD.encode(context), "bits": 256 });
        let path = format!("transit/datakey/plaintext/{key}");
        let data: Data = self.data(Method::POST, &path, Some(&body)).await?;
        Ok(DataKeyAnswer {
            key: Key256::from_base64(data.plaintext.expose())?,
            wrapped: data.ciphertext,
        })
    }

    /// Opens a wrapped 256-bit key.
    ///
    /// # Errors
    /// [`KeyError::Service`] (`Rejected` when context or ciphertext do not belong together).
    pub async fn unwrap_key(&self, key: &str, context: &[u8], wrapped: &str) -> Result<Key256, KeyError> {
        let body = json!({ "context": STANDARD.encode(context), "ciphertext": wrapped });
        let data: Plaintext = self
            .data(Method::POST, &format!("transit/decrypt/{key}"), Some(&body))
            .await?;
        Key256::from_base64(data.plaintext.expose())
    }

    /// Encrypts a short text; `vault:v<n>:…`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn encrypt(&self, key: &str, context: &[u8], plaintext: &[u8]) -> Result<String, Error> {
        let mut body =
            json!({ "context": STANDARD.encode(context), "plaintext": STANDARD.encode(plaintext) });
        let data = self
            .data::<Ciphertext>(Method::POST, &format!("transit/encrypt/{key}"), Some(&body))
            .await;
        if let Some(Value::String(text)) = body.get_mut("plaintext") {
            text.zeroize();
        }
        data.map(|data| data.ciphertext)
    }

    /// Decrypts what [`Client::encrypt`] made under the same context.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn decrypt(
        &self,
        key: &str,
        context: &[u8],
        ciphertext: &str,
    ) -> Result<Zeroizing<Vec<u8>>, Error> {
        let path = format!("transit/decrypt/{key}");
        let body = json!({ "context": STANDARD.encode(context), "ciphertext": ciphertext });
        let data: Plaintext = self.data(Method::POST, &path, Some(&body)).await?;
        STANDARD
            .decode(data.plaintext.expose())
            .map(Zeroizing::new)
            .map_err(|_| Error::malformed(&path))
    }

    /// Decrypts many at once: one result per item, in order; a bad item does not spoil the others.
    ///
    /// # Errors
    /// See [`Error`]; an item's own failure is its own `Err` with the server's reason.
    pub async fn decrypt_batch(
        &self,
        key: &str,
        items: &[(&[u8], &str)],
    ) -> Result<Vec<Result<Zeroizing<Vec<u8>>, String>>, Error> {
        #[derive(Deserialize)]
        struct Item {
            #[serde(default)]
            plaintext: Option<Secret>,
            #[serde(default)]
            error: Option<String>,
        }
        #[derive(Deserialize)]
        struct Data {
            batch_results: Vec<Item>,
        }
        #[derive(Deserialize)]
        struct Batch {
            data: Data,
        }
        let path = format!("transit/decrypt/{key}");
        let mut results = Vec::with_capacity(items.len());
        for items in items.chunks(MAX_BATCH) {
            let input: Vec<Value> = items
                .iter()
                .map(|(context, ciphertext)| json!({ "context": STANDARD.encode(context), "ciphertext": ciphertext }))
                .collect();
            let body = json!({ "batch_input": input });
            let answer = self
                .authorised(self.namespace(), Method::POST, &path, Some(&body))
                .await?;
            // One bad item makes the whole answer a 400, with the results of all items in its body.
            let batch = match serde_json::from_slice::<Batch>(&answer.bytes) {
                Ok(batch) if answer.status.is_success() || answer.status == StatusCode::BAD_REQUEST => batch,
                _ => return Err(Error::rejected(&path, answer.status, &answer.bytes)),
            };
            if batch.data.batch_results.len() != items.len() {
                return Err(Error::malformed(&path));
            }
            for item in batch.data.batch_results {
                results.push(
                    match (item.plaintext, item.error.filter(|error| !error.is_empty())) {
                        (Some(text), None) => STANDARD
                            .decode(text.expose())
                            .map(Zeroizing::new)
                            .map_err(|_| "not base64".to_owned()),
                        (_, error) => Err(error.unwrap_or_else(|| "no reason given".to_owned())),
                    },
                );
            }
        }
        Ok(results)
    }

    /// HMAC-SHA256 under a transit key; `vault:v<n>:<base64>`.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn hmac(&self, key: &str, input: &[u8]) -> Result<String, Error> {
        #[derive(Deserialize)]
        struct Data {
            hmac: String,
        }
        let body = json!({ "input": STANDARD.encode(input), "algorithm": "sha2-256" });
        let data: Data = self
            .data(Method::POST, &format!("transit/hmac/{key}"), Some(&body))
            .await?;
        Ok(data.hmac)
    }

    /// Ed25519 signature with the newest version of the key: version and 64 bytes.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn sign(&self, key: &str, message: &[u8]) -> Result<(u32, [u8; 64]), Error> {
        #[derive(Deserialize)]
        struct Data {
            signature: String,
        }
        let path = format!("transit/sign/{key}");
        let body = json!({ "input": STANDARD.encode(message) });
        let data: Data = self.data(Method::POST, &path, Some(&body)).await?;
        parse_signature(&data.signature).ok_or_else(|| Error::malformed(&path))
    }

    /// The public halves of all versions of a signing key, oldest first.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn public_keys(&self, key: &str) -> Result<Vec<VersionedKey>, Error> {
        #[derive(Deserialize)]
        struct Version {
            #[serde(default)]
            public_key: String,
        }
        #[derive(Deserialize)]
        struct Data {
            keys: BTreeMap<String, Version>,
        }
        let path = format!("transit/keys/{key}");
        let data: Data = self.data(Method::GET, &path, None).await?;
        let mut keys = Vec::with_capacity(data.keys.len());
        for (version, value) in data.keys {
            let public = STANDARD
                .decode(&value.public_key)
                .ok()
                .and_then(|bytes| bytes.try_into().ok());
            let (Ok(version), Some(public)) = (version.parse(), public) else {
                return Err(Error::malformed(&path));
            };
            keys.push(VersionedKey { version, public });
        }
        keys.sort_by_key(|key| key.version);
        Ok(keys)
    }
}

/// `vault:v<version>:<base64>`.
fn parse_signature(text: &str) -> Option<(u32, [u8; 64])> {
    let (version, signature) = text.strip_prefix("vault:v")?.split_once(':')?;
    Some((
        version.parse().ok()?,
        STANDARD.decode(signature).ok()?.try_into().ok()?,
    ))
}
