//! A text signed with a key of the platform: JWS compact (RFC 7515), EdDSA, key by its id, whole or without its payload.
//!
//! The header is exactly `alg`, `typ`, `kid`: nothing in it says where a key is to be found. The signature itself is made
//! where the key is (OpenBao). Not here: statements of people, whose key comes with a certificate (`signed`).

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dmp_api::catalogue::PublicKey;
use serde::{Deserialize, Serialize};

const ALGORITHM: &str = "EdDSA";

/// Why a signature does not count.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("it is not a JWS in compact form")]
    NotJws,
    #[error("it is a signature over something of another kind")]
    OtherType,
    #[error("its algorithm is not EdDSA")]
    Algorithm,
    #[error("its key `{0}` is none of the platform's")]
    UnknownKey(String),
    #[error("the signature is not over this text")]
    Signature,
    #[error("the signed text is not understood")]
    Payload,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    typ: String,
    kid: String,
}

/// A text that waits for its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsigned {
    header: String,
    payload: String,
}

impl Unsigned {
    /// `typ`: what kind of text it is; `kid`: the key that will sign.
    pub fn new(typ: &str, kid: &str, payload: &[u8]) -> Self {
        let header = Header {
            alg: ALGORITHM.to_owned(),
            typ: typ.to_owned(),
            kid: kid.to_owned(),
        };
        let header = serde_json::to_vec(&header).unwrap_or_default();
        Self {
            header: URL_SAFE_NO_PAD.encode(header),
            payload: URL_SAFE_NO_PAD.encode(payload),
        }
    }

    /// What is signed.
    pub fn message(&self) -> String {
        format!("{}.{}", self.header, self.payload)
    }

    /// The whole.
    pub fn compact(&self, signature: &[u8]) -> String {
        format!("{}.{}", self.message(), URL_SAFE_NO_PAD.encode(signature))
    }

    /// Without the payload, which goes beside it (RFC 7515, appendix F).
    pub fn detached(&self, signature: &[u8]) -> String {
        format!("{}..{}", self.header, URL_SAFE_NO_PAD.encode(signature))
    }
}

/// The payload of a JWS of this kind, signed with one of these keys.
///
/// # Errors
/// Why it does not count.
pub fn verify(text: &str, typ: &str, keys: &[PublicKey]) -> Result<Vec<u8>, Invalid> {
    let [header, payload, signature] = parts(text)?;
    let bytes = decoded(payload)?;
    check(header, payload, signature, typ, keys)?;
    Ok(bytes)
}

/// Whether a JWS without payload is over `payload`.
///
/// # Errors
/// Why it does not count.
pub fn verify_detached(text: &str, payload: &[u8], typ: &str, keys: &[PublicKey]) -> Result<(), Invalid> {
    let [header, empty, signature] = parts(text)?;
    if !empty.is_empty() {
        return Err(Invalid::NotJws);
    }
    check(header, &URL_SAFE_NO_PAD.encode(payload), signature, typ, keys)
}

/// The payload, whoever signed: for what is decided by comparing, never for what is believed.
pub fn unverified(text: &str) -> Option<Vec<u8>> {
    let [_, payload, _] = parts(text).ok()?;
    decoded(payload).ok()
}

fn parts(text: &str) -> Result<[&str; 3], Invalid> {
    let parts: Vec<&str> = text.trim().split('.').collect();
    parts.try_into().map_err(|_| Invalid::NotJws)
}

fn decoded(text: &str) -> Result<Vec<u8>, Invalid> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Invalid::NotJws)
}

fn check(header: &str, payload: &str, signature: &str, typ: &str, keys: &[PublicKey]) -> Result<(), Invalid> {
    let read: Header = serde_json::from_slice(&decoded(header)?).map_err(|_| Invalid::NotJws)?;
    if read.alg != ALGORITHM {
        return Err(Invalid::Algorithm);
    }
    if read.typ != typ {
        return Err(Invalid::OtherType);
    }
    let key = keys.iter().find(|key| key.kid == read.kid);
    let key = key.and_then(|key| URL_SAFE_NO_PAD.decode(&key.x).ok());
    let key = key.ok_or(Invalid::UnknownKey(read.kid))?;
    let message = format!("{header}.{payload}");
    UnparsedPublicKey::new(&ED25519, key)
        .verify(message.as_bytes(), &decoded(signature)?)
        .map_err(|_| Invalid::Signature)
}
