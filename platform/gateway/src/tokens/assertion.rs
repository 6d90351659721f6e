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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::{Value, json};

    use super::*;

    fn fits(key: &Value, algorithm: Algorithm) -> bool {
        super::fits(&serde_json::from_value(key.clone()).unwrap(), algorithm)
    }

    fn with(key: &Value, name: &str, value: &str) -> Value {
        let mut key = key.clone();
        key[name] = json!(value);
        key
    }

    #[test]
    fn a_key_signs_with_its_own_algorithm_and_for_signatures() {
        let p256 = json!({ "kty": "EC", "crv": "P-256", "x": "AA", "y": "AA" });
        let p384 = with(&p256, "crv", "P-384");
        let rsa = json!({ "kty": "RSA", "n": "AA", "e": "AQAB" });
        let ed25519 = json!({ "kty": "OKP", "crv": "Ed25519", "x": "AA" });
        let shared = json!({ "kty": "oct", "k": "AA" });
        let all = [Algorithm::ES256, Algorithm::RS256, Algorithm::EdDSA];
        for (key, own) in [
            (&p256, Some(Algorithm::ES256)),
            (&rsa, Some(Algorithm::RS256)),
            (&ed25519, Some(Algorithm::EdDSA)),
            (&p384, None),
            (&shared, None),
        ] {
            for algorithm in all {
                assert_eq!(
                    fits(key, algorithm),
                    Some(algorithm) == own,
                    "{key} {algorithm:?}"
                );
            }
        }
        // What the issuer says of it.
        assert!(fits(&with(&rsa, "alg", "RS256"), Algorithm::RS256));
        assert!(!fits(&with(&rsa, "alg", "PS256"), Algorithm::RS256));
        assert!(!fits(&with(&rsa, "alg", "RSA-OAEP"), Algorithm::RS256));
        assert!(fits(&with(&p256, "use", "sig"), Algorithm::ES256));
        assert!(!fits(&with(&p256, "use", "enc"), Algorithm::ES256));
    }
}
