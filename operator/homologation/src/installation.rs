//! The installation statement: the vendor's own key says which key of which installation may have a certificate.
//!
//! The vendor names its installation key in the submission, so that the reviewers sign over it. Whoever carries a request for a
//! production certificate (the guichet, the agency, an installation itself) can therefore not make one of another key,
//! establishment or version: both the platform's authority and the vendor's key are needed. Pure: time is an argument.

use jiff::{SignedDuration, Timestamp};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateSigningRequestDer, SubjectPublicKeyInfoDer};
use serde::{Deserialize, Serialize};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::canonical::digest;
use crate::signed;
use crate::statement::Statement;

/// The weakest RSA key that signs installations, in bits.
const MIN_RSA_BITS: usize = 3072;
/// P-256, P-384 (RFC 5480).
const CURVES: [&str; 2] = ["1.2.840.10045.3.1.7", "1.3.132.0.34"];
/// RFC 8410.
const ED25519: &str = "1.3.101.112";
/// How far ahead the vendor's clock may be.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);

/// What the vendor signs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Installation {
    /// `<vendor namespace>/<SolutionCredential name>`.
    pub credential: String,
    /// `<vendor namespace>/<Solution name>`.
    pub solution: String,
    pub version: String,
    /// INPE; absent for a product without establishment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub establishment: Option<String>,
    /// SHA-256 of the request's SubjectPublicKeyInfo (DER), hex.
    pub key_sha256: String,
    /// Unique, for the vendor's and the platform's records.
    pub jti: String,
    pub signed_at: Timestamp,
}

impl Statement for Installation {
    const TYP: &'static str = "dmp-installation+jws";

    fn signed_at(&self) -> Timestamp {
        self.signed_at
    }
}

/// The installation that a certificate is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// As in [`Installation`].
    pub credential: &'a str,
    pub solution: &'a str,
    pub version: &'a str,
    pub establishment: Option<&'a str>,
    pub key_sha256: &'a str,
}

/// Why a statement opens nothing for an installation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("the homologation's installation key is not usable: {0}")]
    Key(&'static str),
    #[error("it does not count: {0}")]
    Statement(#[from] signed::Invalid),
    #[error("it was signed in the future: check the clock of who signs")]
    Future,
    #[error("it is about the key {0}, not the request's")]
    OtherKey(String),
    #[error("it is about the credential `{0}`")]
    OtherCredential(String),
    #[error("it is about version `{version}` of `{solution}`")]
    OtherVersion { solution: String, version: String },
    #[error("it is about another establishment, or none where the credential has one")]
    OtherEstablishment,
}

impl Invalid {
    /// Reason of a condition, stable.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Key(_) => "InstallationKeyUnusable",
            Self::Statement(_) | Self::Future => "InstallationInvalid",
            Self::OtherKey(_) => "InstallationOtherKey",
            Self::OtherCredential(_) => "InstallationOtherCredential",
            Self::OtherVersion { .. } => "InstallationOtherVersion",
            Self::OtherEstablishment => "InstallationOtherEstablishment",
        }
    }
}

/// The statement, if the vendor's key signed it over exactly this installation.
///
/// # Errors
/// The first reason why not.
pub fn verify(
    text: &str,
    installation_key: &str,
    asked: &Asked<'_>,
    now: Timestamp,
) -> Result<Installation, Invalid> {
    let der = key(installation_key).map_err(Invalid::Key)?;
    let (_, key) =
        SubjectPublicKeyInfo::from_der(&der).map_err(|_| Invalid::Key("it is not a public key"))?;
    let statement: Installation = signed::by_key(text, &key)?;
    if statement.signed_at > now + AHEAD {
        return Err(Invalid::Future);
    }
    if statement.credential != asked.credential {
        return Err(Invalid::OtherCredential(statement.credential));
    }
    if statement.solution != asked.solution || statement.version != asked.version {
        return Err(Invalid::OtherVersion {
            solution: statement.solution,
            version: statement.version,
        });
    }
    if statement.establishment.as_deref() != asked.establishment {
        return Err(Invalid::OtherEstablishment);
    }
    if !statement.key_sha256.eq_ignore_ascii_case(asked.key_sha256) {
        return Err(Invalid::OtherKey(statement.key_sha256));
    }
    Ok(statement)
}

/// A vendor's installation key (PEM, SubjectPublicKeyInfo) as DER, when it is strong enough.
///
/// # Errors
/// What is wrong with it.
pub fn key(pem: &str) -> Result<SubjectPublicKeyInfoDer<'static>, &'static str> {
    let der = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes())
        .map_err(|_| "it is not a PEM block `PUBLIC KEY`")?;
    let (rest, key) = SubjectPublicKeyInfo::from_der(&der).map_err(|_| "it is not a public key")?;
    if !rest.is_empty() {
        return Err("something follows the key");
    }
    let strong = match key.parsed() {
        Ok(PublicKey::RSA(rsa)) => rsa.key_size() >= MIN_RSA_BITS,
        Ok(PublicKey::EC(_)) => {
            let parameters = key.algorithm.parameters.as_ref();
            let curve = parameters.and_then(|named| named.as_oid().ok());
            curve.is_some_and(|curve| CURVES.contains(&curve.to_id_string().as_str()))
        }
        // Ed25519 has no structure of its own.
        Ok(PublicKey::Unknown(_)) => key.algorithm.algorithm.to_id_string() == ED25519,
        _ => false,
    };
    if strong {
        Ok(der)
    } else {
        Err("it is on P-256, P-384 or Ed25519, or an RSA key of at least 3072 bits")
    }
}

/// SHA-256 of the public key of a PKCS #10 request (PEM), hex.
///
/// # Errors
/// What is wrong with the request.
pub fn key_of_request(pem: &str) -> Result<String, &'static str> {
    let der = CertificateSigningRequestDer::from_pem_slice(pem.as_bytes())
        .map_err(|_| "it is not a PEM block `CERTIFICATE REQUEST`")?;
    let (_, request) = X509CertificationRequest::from_der(&der).map_err(|_| "it is not PKCS #10")?;
    Ok(digest(request.certification_request_info.subject_pki.raw))
}
