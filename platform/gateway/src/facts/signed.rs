//! One line of the stream: the operator's Ed25519 signature over the payload, then the payload's JSON.
//!
//! The keys are those of `keys.json`, list `facts`. A line that does not verify is never looked into.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use dmp_client::facts::{Facts, SignedFacts};
use dmp_core::token::PublicKey;

/// Why a line of the stream was not believed.
#[derive(Debug, thiserror::Error)]
pub enum SignedFactsError {
    #[error("the line is not a signed-facts object")]
    Shape(#[source] serde_json::Error),
    #[error("the facts are signed with key `{0}`, which is not in keys.json")]
    UnknownKey(String),
    #[error("key `{0}` of keys.json is not 32 bytes of base64url")]
    BadKey(String),
    #[error("the signature is not base64")]
    Encoding(#[source] base64::DecodeError),
    #[error("the signature does not verify")]
    Signature,
    #[error("the signed payload is not a facts object")]
    Payload(#[source] serde_json::Error),
}

/// Checks one line and returns its facts.
///
/// # Errors
/// Says which step failed; the signature is checked before the payload is parsed.
pub fn open(line: &[u8], keys: &[PublicKey]) -> Result<Facts, SignedFactsError> {
    let signed: SignedFacts = serde_json::from_slice(line).map_err(SignedFactsError::Shape)?;
    let key = keys
        .iter()
        .find(|key| key.kid == signed.kid)
        .ok_or_else(|| SignedFactsError::UnknownKey(signed.kid.clone()))?;
    let public = URL_SAFE_NO_PAD
        .decode(&key.x)
        .ok()
        .filter(|bytes| bytes.len() == 32)
        .ok_or_else(|| SignedFactsError::BadKey(key.kid.clone()))?;
    let signature = STANDARD
        .decode(&signed.signature)
        .map_err(SignedFactsError::Encoding)?;
    UnparsedPublicKey::new(&ED25519, public)
        .verify(signed.payload.as_bytes(), &signature)
        .map_err(|_| SignedFactsError::Signature)?;
    serde_json::from_str(&signed.payload).map_err(SignedFactsError::Payload)
}
