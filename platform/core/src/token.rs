//! The platform's own access token: its claims and how every service verifies them.
//!
//! Issued by the gateway (RFC 8693), bound to the software's certificate (RFC 8705), at most 300 s old.
//! Verified by each service itself against the public keys of `keys.json`.

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::{Deserialize, Serialize};

use crate::ids::PatientId;

/// The longest life of a token, in seconds.
pub const MAX_LIFETIME_SECONDS: i64 = 300;

/// How far ahead the issuer's clock may be. Further, the token would live longer than [`MAX_LIFETIME_SECONDS`] here.
pub const MAX_CLOCK_DIFFERENCE_SECONDS: i64 = 60;

/// `aud` of every token.
pub const AUDIENCE: &str = "dmp";

/// `typ` header of every token (RFC 9068).
pub const TYPE: &str = "at+jwt";

/// Whom the token speaks for.
#[derive(Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Person {
    /// A caregiver: the professional's INPE and profession (code of `data`: `physician`, `pharmacist`, `nurse`, `biologist`…).
    Professional { inpe: String, profession: String },
    /// The patient.
    Patient { id: PatientId },
    /// A directory source of the State (no person).
    Directory,
}

/// Claims of the token. No `Debug`: `Person` may name a patient.
#[derive(Clone, Serialize, Deserialize)]
pub struct Claims {
    pub iss: String,
    pub aud: String,
    /// Seconds since the epoch.
    pub iat: i64,
    pub exp: i64,
    /// Token id, a UUID.
    pub jti: String,
    /// Certificate binding (RFC 8705).
    pub cnf: Confirmation,
    /// `<vendor namespace>/<Solution name>`.
    pub solution: String,
    /// Version of the product.
    pub version: String,
    /// `<vendor namespace>/<SolutionCredential name>`.
    pub credential: String,
    /// INPE of the establishment; absent for a patient's own app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub establishment: Option<String>,
    /// The health group of the establishment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    pub person: Person,
    /// Display name of the person for the patient's trail (a professional's name; never a patient's).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display: Option<String>,
    /// HL7 v3 PurposeOfUse: `TREAT`, `PATRQT`, …
    pub purpose: String,
    /// Whose people the software sees: those of one sandbox; absent: the nation's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub realm: Option<String>,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct Confirmation {
    /// SHA-256 of the client certificate's DER, base64url without padding.
    #[serde(rename = "x5t#S256")]
    pub x5t_s256: String,
}

/// One Ed25519 public key of `keys.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PublicKey {
    pub kid: String,
    /// base64url, no padding, 32 bytes.
    pub x: String,
}

#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    #[error("there is no bearer token")]
    Missing,
    #[error("the token's key `{0}` is not known here")]
    UnknownKey(String),
    #[error("the token is not valid")]
    Invalid(#[source] jsonwebtoken::errors::Error),
    #[error("the token lives longer than {MAX_LIFETIME_SECONDS} s")]
    TooLong,
    #[error(
        "the token was issued more than {MAX_CLOCK_DIFFERENCE_SECONDS} s in the future: the clocks differ"
    )]
    Early,
}

/// Verifies tokens against the platform's public keys.
pub struct Verifier {
    keys: Vec<(String, DecodingKey)>,
    issuer: String,
}

impl Verifier {
    /// `keys` of `keys.json`, `issuer` as the gateway writes it.
    ///
    /// # Errors
    /// [`TokenError::Invalid`] when a key is not base64url.
    pub fn new(keys: &[PublicKey], issuer: &str) -> Result<Self, TokenError> {
        let keys = keys
            .iter()
            .map(|key| Ok((key.kid.clone(), DecodingKey::from_ed_components(&key.x)?)))
            .collect::<Result<_, _>>()
            .map_err(TokenError::Invalid)?;
        Ok(Self {
            keys,
            issuer: issuer.to_owned(),
        })
    }

    /// Checks type, signature, issuer, audience and times (5 s of leeway at the end, 60 s for an issuer's clock ahead).
    ///
    /// # Errors
    /// Says which check failed; never repeats the token.
    pub fn verify(&self, token: &str) -> Result<Claims, TokenError> {
        let header = jsonwebtoken::decode_header(token).map_err(TokenError::Invalid)?;
        let wrong = |kind: jsonwebtoken::errors::ErrorKind| TokenError::Invalid(kind.into());
        if header.alg != Algorithm::EdDSA || header.typ.as_deref() != Some(TYPE) {
            return Err(wrong(jsonwebtoken::errors::ErrorKind::InvalidAlgorithm));
        }
        let kid = header.kid.unwrap_or_default();
        let (_, key) = self
            .keys
            .iter()
            .find(|(known, _)| *known == kid)
            .ok_or(TokenError::UnknownKey(kid))?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.leeway = 5;
        validation.set_audience(&[AUDIENCE]);
        validation.set_issuer(&[&self.issuer]);
        validation.set_required_spec_claims(&["exp", "aud", "iss"]);
        let claims = jsonwebtoken::decode::<Claims>(token, key, &validation)
            .map_err(TokenError::Invalid)?
            .claims;
        if claims.exp - claims.iat > MAX_LIFETIME_SECONDS {
            return Err(TokenError::TooLong);
        }
        if claims.iat > jiff::Timestamp::now().as_second() + MAX_CLOCK_DIFFERENCE_SECONDS {
            return Err(TokenError::Early);
        }
        Ok(claims)
    }
}
