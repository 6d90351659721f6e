//! One line of the stream: the operator's Ed25519 signature over the payload, then the payload's JSON.
//!
//! The keys are those of `keys.json`, list `facts`, or a replica's own key under a grant that one of them signed and that
//! is in force. A line that does not verify is never looked into.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use dmp_client::facts::{Facts, Grant, MAX_GRANT, SignedFacts, SignedGrant, grant_message};
use dmp_core::token::PublicKey;
use jiff::Timestamp;

use super::store::MAX_CLOCK_DIFFERENCE;

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
    #[error("the grant of the key that signed is not in force")]
    Grant,
    #[error("the signed payload is not a facts object")]
    Payload(#[source] serde_json::Error),
}

/// Checks one line and returns its facts.
///
/// # Errors
/// Says which step failed; the signature is checked before the payload is parsed.
pub fn open(line: &[u8], keys: &[PublicKey], now: Timestamp) -> Result<Facts, SignedFactsError> {
    let signed: SignedFacts = serde_json::from_slice(line).map_err(SignedFactsError::Shape)?;
    let message = signed.payload.as_bytes();
    match &signed.grant {
        None => verify(known(keys, &signed.kid)?, message, &signed.signature)?,
        Some(grant) => verify(&granted(grant, keys, now)?, message, &signed.signature)?,
    }
    serde_json::from_str(&signed.payload).map_err(SignedFactsError::Payload)
}

/// The key that a grant of OpenBao's lets sign now.
fn granted(signed: &SignedGrant, keys: &[PublicKey], now: Timestamp) -> Result<PublicKey, SignedFactsError> {
    let key = known(keys, &signed.kid)?;
    verify(key, &grant_message(&signed.payload), &signed.signature)?;
    let grant: Grant = serde_json::from_str(&signed.payload).map_err(SignedFactsError::Payload)?;
    let in_force = grant.not_before - MAX_CLOCK_DIFFERENCE <= now
        && now < grant.not_after
        && grant.not_before.duration_until(grant.not_after) <= MAX_GRANT;
    if !in_force {
        return Err(SignedFactsError::Grant);
    }
    Ok(PublicKey {
        kid: format!("granted by {}", signed.kid),
        x: grant.x,
    })
}

fn known<'a>(keys: &'a [PublicKey], kid: &str) -> Result<&'a PublicKey, SignedFactsError> {
    keys.iter()
        .find(|key| key.kid == kid)
        .ok_or_else(|| SignedFactsError::UnknownKey(kid.to_owned()))
}

fn verify(key: &PublicKey, message: &[u8], signature: &str) -> Result<(), SignedFactsError> {
    let public = URL_SAFE_NO_PAD
        .decode(&key.x)
        .ok()
        .filter(|bytes| bytes.len() == 32)
        .ok_or_else(|| SignedFactsError::BadKey(key.kid.clone()))?;
    let signature = STANDARD.decode(signature).map_err(SignedFactsError::Encoding)?;
    UnparsedPublicKey::new(&ED25519, public)
        .verify(message, &signature)
        .map_err(|_| SignedFactsError::Signature)
}
