//! The assertion with which a person logs in: an OIDC id token of an issuer that the facts name.
//!
//! Checked here: the issuer is known, the signature is by one of its keys with an allowed algorithm, audience and
//! times. What the person may do with it is decided by [`super::exchange`] and, later, by the services.

use dmp_client::facts::Issuer;
use dmp_core::ids::Identifier;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;

use super::jwks::{Jwks, JwksError};
use crate::facts::Snapshot;

/// Clocks of issuers may differ from ours by this much, in seconds.
const LEEWAY_SECONDS: u64 = 30;

/// No `Debug`, no text of the assertion in any error: it speaks of a person.
#[derive(thiserror::Error, Debug)]
pub enum AssertionError {
    #[error("the subject token is not a signed JWT with a key id")]
    Shape,
    #[error("the algorithm of the subject token is not allowed")]
    Algorithm,
    #[error("the issuer of the subject token is not known")]
    UnknownIssuer,
    #[error("the key of the subject token is not known")]
    Keys(#[source] JwksError),
    #[error("the subject token does not verify")]
    Invalid(#[source] jsonwebtoken::errors::Error),
}

/// What a verified assertion says of the person.
pub struct Assertion<'f> {
    pub issuer: &'f Issuer,
    /// `sub`, as the issuer calls the person.
    pub subject: Option<String>,
    /// The professional's national number, if it names one.
    pub inpe: Option<String>,
    /// The patient's identifier, if it names one.
    pub patient: Option<Identifier>,
}

#[derive(Deserialize)]
struct Unverified {
    iss: String,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    sub: Option<String>,
    #[serde(default)]
    inpe: Option<String>,
    #[serde(default)]
    patient_identifier: Option<Identifier>,
    #[serde(default)]
    patient_identifier_system: Option<String>,
    #[serde(default)]
    patient_identifier_value: Option<String>,
}

/// Verifies `token` against the issuers of `facts`.
///
/// # Errors
/// [`AssertionError`]; for the log only, the answer tells none of it.
pub async fn verify<'f>(
    token: &str,
    facts: &'f Snapshot,
    jwks: &Jwks,
) -> Result<Assertion<'f>, AssertionError> {
    let header = jsonwebtoken::decode_header(token).map_err(|_| AssertionError::Shape)?;
    if !matches!(header.alg, Algorithm::ES256 | Algorithm::RS256 | Algorithm::EdDSA) {
        return Err(AssertionError::Algorithm);
    }
    let kid = header.kid.ok_or(AssertionError::Shape)?;
    let unverified: Unverified =
        jsonwebtoken::dangerous::insecure_decode_claims(token).map_err(|_| AssertionError::Shape)?;
    let issuer = facts
        .issuer(&unverified.iss)
        .ok_or(AssertionError::UnknownIssuer)?;
    let key = jwks.key(issuer, &kid).await.map_err(AssertionError::Keys)?;
    if !fits(&key, header.alg) {
        return Err(AssertionError::Algorithm);
    }
    let key = DecodingKey::from_jwk(&key).map_err(AssertionError::Invalid)?;
    let mut validation = Validation::new(header.alg);
    validation.leeway = LEEWAY_SECONDS;
    validation.validate_nbf = true;
    validation.set_audience(&[&issuer.audience]);
    validation.set_issuer(&[&issuer.url]);
    validation.set_required_spec_claims(&["exp", "aud", "iss"]);
    let claims = jsonwebtoken::decode::<Claims>(token, &key, &validation)
        .map_err(AssertionError::Invalid)?
        .claims;
    let flat = claims
        .patient_identifier_system
        .zip(claims.patient_identifier_value)
        .map(|(system, value)| Identifier { system, value });
    Ok(Assertion {
        issuer,
        subject: claims.sub,
        inpe: claims.inpe,
        patient: claims.patient_identifier.or(flat),
    })
}

/// The key's type must be the algorithm's, and its own `alg`, when it has one, the same.
fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    let kind = match (&key.algorithm, algorithm) {
        (AlgorithmParameters::EllipticCurve(parameters), Algorithm::ES256) => {
            parameters.curve == EllipticCurve::P256
        }
        (AlgorithmParameters::RSA(_), Algorithm::RS256) => true,
        (AlgorithmParameters::OctetKeyPair(parameters), Algorithm::EdDSA) => {
            parameters.curve == EllipticCurve::Ed25519
        }
        _ => false,
    };
    let own = key
        .common
        .key_algorithm
        .is_none_or(|own| own == KeyAlgorithm::from(algorithm));
    let signs = !matches!(key.common.public_key_use, Some(PublicKeyUse::Encryption));
    kind && own && signs
}
