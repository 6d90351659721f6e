//! Log-ins of invented people, which the portal signs with the platform's key `sandbox-people` ([`dmp_client::sandbox`]).
//!
//! They are people of one realm: software whose credential is of it may speak for them, and no other, production never.
//! Not here: log-ins of an issuer that the facts name ([`super::assertion`]); the guichet knows those alone.

use dmp_client::facts::{Credential, Mode};
use dmp_client::sandbox::{AUDIENCE, LIFETIME_SECONDS, LogIn, issuer};
use dmp_core::token::PublicKey;
use jsonwebtoken::errors::Error;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;

/// The portal's clock may differ from ours by this much, in seconds.
const LEEWAY_SECONDS: u64 = 30;

/// No text of the token in any error, as for real people.
#[derive(thiserror::Error, Debug)]
pub enum SandboxError {
    #[error("the subject token's key is none of the platform's for invented people")]
    UnknownKey,
    #[error("the subject token does not verify")]
    Invalid(#[from] Error),
    #[error("the subject token is good for too long")]
    TooLong,
}

#[derive(Deserialize)]
struct Unverified {
    iss: String,
}

/// What `token` says, when it is of the issuer of invented people beside `gateway`, the issuer of the platform's tokens;
/// `None` when it is of another.
pub fn verify(token: &str, gateway: &str, keys: &[PublicKey]) -> Option<Result<LogIn, SandboxError>> {
    let unverified: Unverified = jsonwebtoken::dangerous::insecure_decode_claims(token).ok()?;
    let issuer = issuer(gateway);
    (unverified.iss == issuer).then(|| verified(token, &issuer, keys))
}

fn verified(token: &str, issuer: &str, keys: &[PublicKey]) -> Result<LogIn, SandboxError> {
    let kid = jsonwebtoken::decode_header(token)?.kid.unwrap_or_default();
    let key = keys
        .iter()
        .find(|key| key.kid == kid)
        .ok_or(SandboxError::UnknownKey)?;
    let key = DecodingKey::from_ed_components(&key.x)?;
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.leeway = LEEWAY_SECONDS;
    validation.set_audience(&[AUDIENCE]);
    validation.set_issuer(&[issuer]);
    validation.set_required_spec_claims(&["exp", "aud", "iss"]);
    let log_in = jsonwebtoken::decode::<LogIn>(token, &key, &validation)?.claims;
    if log_in.exp.saturating_sub(log_in.iat) > LIFETIME_SECONDS {
        return Err(SandboxError::TooLong);
    }
    Ok(log_in)
}

/// Whether a person of the realm may log in with this software.
pub fn opens(log_in: &LogIn, credential: &Credential) -> bool {
    credential.mode == Mode::Sandbox && credential.realm.as_deref() == Some(log_in.realm.as_str())
}
