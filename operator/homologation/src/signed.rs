//! A statement and who signed it: JWS compact serialisation (RFC 7515) with the signer's certificate in `x5c`.
//!
//! The chain ends at an authority of a body of the platform; the certificate is valid when the statement was signed *and*
//! when the API server got it; a statement travels a week at most. Nothing that the carrier says is believed.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use dmp_api::body::{Organisation, Role};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, errors::ErrorKind};
use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::aws_lc_rs as algorithms;
use webpki::{EndEntityCert, anchor_from_trusted_cert};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::bodies::{self, Bodies, Member};
use crate::canonical::digest;
use crate::quorum::NotCounted;
use crate::statement::Statement;

/// The longest statement.
const MAX_BYTES: usize = 65_536;
/// The longest chain of certificates.
const MAX_CHAIN: usize = 4;
/// How far ahead a signer's clock may be.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);
/// How long a statement may be under way.
const UNDER_WAY: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Why a statement is no fact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("it is not a JWS in compact form")]
    NotJws,
    #[error("it is a statement of another kind")]
    OtherType,
    #[error("its algorithm is none of EdDSA, ES256, ES384, RS256, PS256")]
    Algorithm,
    #[error("the signer's certificate comes from no body of this platform, or was not valid at that time")]
    UnknownSigner,
    #[error("the signer's certificate names no person (`serialNumber` of its subject)")]
    NoPerson,
    #[error("the signer no longer speaks for the body")]
    Withdrawn,
    #[error("the signature is not over this statement")]
    Signature,
    #[error("the statement is not understood")]
    Payload,
    #[error("it was signed after it arrived, or more than a week before")]
    Time,
}

impl Invalid {
    /// Reason of a condition.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NotJws | Self::OtherType | Self::Algorithm | Self::Payload => "NotAStatement",
            Self::UnknownSigner | Self::NoPerson => "UnknownSigner",
            Self::Withdrawn => "SignerWithdrawn",
            Self::Signature => "WrongSignature",
            Self::Time => "WrongTime",
        }
    }
}

/// Why a statement does not count, for a condition: a stable reason, and a text for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    pub reason: &'static str,
    pub message: String,
}

impl Refused {
    pub fn new(reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
        }
    }
}

impl From<Invalid> for Refused {
    fn from(invalid: Invalid) -> Self {
        Self::new(invalid.reason(), invalid.to_string())
    }
}

impl From<&bodies::Invalid> for Refused {
    fn from(invalid: &bodies::Invalid) -> Self {
        Self::new("InvalidBodies", invalid.to_string())
    }
}

impl Refused {
    /// The statement names another `Platform.spec.domain`.
    pub(crate) fn other_platform() -> Self {
        Self::new("OtherSubject", "it is about another platform (another domain)")
    }

    /// The signer's body has nothing to say here.
    pub(crate) fn wrong_body(role: Role) -> Self {
        Self::new(
            "WrongBody",
            format!("the {} body does not say this", role.as_str()),
        )
    }
}

impl From<NotCounted> for Refused {
    fn from(refusal: NotCounted) -> Self {
        Self::new(refusal.reason(), refusal.to_string())
    }
}

/// A statement as a fact, or why it is none.
pub type Read<T> = Result<Signed<T>, Refused>;

/// Whose signature it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    pub role: Role,
    /// The body.
    pub body: Organisation,
    /// `serialNumber` of the certificate's subject: one person, whatever the certificate.
    pub person: String,
    /// `organizationIdentifier` and `O` of the subject: who employs the person.
    pub employer: Vec<String>,
    /// SHA-256 of the public key, hex.
    pub key_sha256: String,
}

/// A fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed<T> {
    pub statement: T,
    pub signer: Signer,
}

/// A statement that arrived at `arrived` (creation of its carrier, by the API server's clock).
///
/// # Errors
/// Why it is no fact.
pub fn verify<T: Statement>(text: &str, bodies: &Bodies, arrived: Timestamp) -> Result<Signed<T>, Invalid> {
    let header = header::<T>(text)?;
    let chain = chain(&header)?;
    let (leaf, intermediates) = chain.split_first().ok_or(Invalid::UnknownSigner)?;
    let (_, certificate) = X509Certificate::from_der(leaf).map_err(|_| Invalid::UnknownSigner)?;
    let statement: T = check(text, &header, certificate.public_key())?;
    let signed_at = statement.signed_at();
    if signed_at > arrived + AHEAD || signed_at < arrived - UNDER_WAY {
        return Err(Invalid::Time);
    }
    let body = bodies
        .iter()
        .find(|body| {
            [signed_at, arrived]
                .iter()
                .all(|at| issued(body, leaf, intermediates, *at))
        })
        .ok_or(Invalid::UnknownSigner)?;
    let subject = |oid: &str| {
        let attributes = certificate.subject().iter_attributes();
        let of = attributes.filter(|attribute| attribute.attr_type().to_id_string() == oid);
        of.filter_map(|attribute| attribute.as_str().ok().map(ToOwned::to_owned))
            .collect::<Vec<_>>()
    };
    // X.520: serialNumber, organizationIdentifier, organizationName.
    let person = subject("2.5.4.5")
        .into_iter()
        .find(|person| !person.trim().is_empty());
    let person = person.ok_or(Invalid::NoPerson)?;
    if body.has_withdrawn(&person, arrived) {
        return Err(Invalid::Withdrawn);
    }
    Ok(Signed {
        statement,
        signer: Signer {
            role: body.role,
            body: body.organisation.clone(),
            person,
            employer: [subject("2.5.4.97"), subject("2.5.4.10")].concat(),
            key_sha256: digest(certificate.public_key().raw),
        },
    })
}

/// What a text says, whoever signed it: for who signs the same anew. Never a fact.
pub fn said<T: Statement>(text: &str) -> Option<T> {
    let payload = URL_SAFE_NO_PAD.decode(text.split('.').nth(1)?).ok()?;
    is::<T>(text).then(|| serde_json::from_slice(&payload).ok())?
}

/// Whether a text says that it is a statement of this kind.
pub fn is<T: Statement>(text: &str) -> bool {
    header::<T>(text).is_ok()
}

/// A statement signed with the very key of a certificate.
pub(crate) fn by_key_of<T: Statement>(text: &str, certificate: &CertificateDer<'_>) -> Result<T, Invalid> {
    let (_, certificate) = X509Certificate::from_der(certificate).map_err(|_| Invalid::UnknownSigner)?;
    by_key(text, certificate.public_key())
}

/// A statement signed with this very key, whoever has it.
pub(crate) fn by_key<T: Statement>(text: &str, key: &SubjectPublicKeyInfo<'_>) -> Result<T, Invalid> {
    check(text, &header::<T>(text)?, key)
}

/// Whether a body's authority stands behind a certificate at a time.
fn issued(
    body: &Member,
    leaf: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    at: Timestamp,
) -> bool {
    let Ok(leaf) = EndEntityCert::try_from(leaf) else {
        return false;
    };
    let anchors: Vec<_> = body
        .anchors
        .iter()
        .filter_map(|anchor| anchor_from_trusted_cert(anchor).ok())
        .collect();
    let seconds = u64::try_from(at.as_second()).unwrap_or_default();
    let at = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
    let supported = [
        algorithms::ED25519,
        algorithms::ECDSA_P256_SHA256,
        algorithms::ECDSA_P384_SHA384,
        algorithms::RSA_PKCS1_2048_8192_SHA256,
        algorithms::RSA_PKCS1_2048_8192_SHA384,
    ];
    let usage = webpki::KeyUsage::client_auth();
    leaf.verify_for_usage(&supported, &anchors, intermediates, at, usage, None, None)
        .is_ok()
}

fn chain(header: &Header) -> Result<Vec<CertificateDer<'static>>, Invalid> {
    let decode = |text: &String| STANDARD.decode(text).map(CertificateDer::from);
    let x5c = header.x5c.iter().flatten().take(MAX_CHAIN);
    x5c.map(decode)
        .collect::<Result<_, _>>()
        .map_err(|_| Invalid::UnknownSigner)
}

fn header<T: Statement>(text: &str) -> Result<Header, Invalid> {
    if text.len() > MAX_BYTES {
        return Err(Invalid::NotJws);
    }
    let header = jsonwebtoken::decode_header(text).map_err(|_| Invalid::NotJws)?;
    if header.crit.is_some() || header.zip.is_some() || header.enc.is_some() {
        return Err(Invalid::NotJws);
    }
    if header.typ.as_deref() == Some(T::TYP) {
        Ok(header)
    } else {
        Err(Invalid::OtherType)
    }
}

/// The payload, once the signature is over it and by the key.
fn check<T: Statement>(text: &str, header: &Header, key: &SubjectPublicKeyInfo<'_>) -> Result<T, Invalid> {
    let bytes = &key.subject_public_key.data;
    // PKIX object identifiers of RSA, EC and Ed25519 keys.
    let key = match (header.alg, key.algorithm.algorithm.to_id_string().as_str()) {
        (Algorithm::RS256 | Algorithm::PS256, "1.2.840.113549.1.1.1") => DecodingKey::from_rsa_der(bytes),
        (Algorithm::ES256 | Algorithm::ES384, "1.2.840.10045.2.1") => DecodingKey::from_ec_der(bytes),
        (Algorithm::EdDSA, "1.3.101.112") => DecodingKey::from_ed_der(bytes),
        _ => return Err(Invalid::Algorithm),
    };
    let mut validation = Validation::new(header.alg);
    validation.required_spec_claims.clear();
    (validation.validate_exp, validation.validate_aud) = (false, false);
    let decoded = jsonwebtoken::decode::<T>(text, &key, &validation);
    decoded
        .map(|decoded| decoded.claims)
        .map_err(|error| match error.kind() {
            ErrorKind::Json(_) | ErrorKind::Utf8(_) => Invalid::Payload,
            _ => Invalid::Signature,
        })
}
