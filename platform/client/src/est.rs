//! Enrolment over secure transport (RFC 7030): what the gateway asks the portal, and certificates as PKCS #7.
//!
//! The gateway speaks EST to software; the portal puts the request to the operator. Both directions of the certs-only message are here,
//! for who writes it (the gateway) and who reads it (`dmpctl`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cms::cert::CertificateChoices;
use cms::cert::x509::Certificate;
use cms::cert::x509::der::pem::{LineEnding, encode_string};
use cms::cert::x509::der::{Decode as _, Encode as _};
use cms::content_info::ContentInfo;
use cms::signed_data::SignedData;
use serde::{Deserialize, Serialize};

/// Longest request (PKCS #10), in bytes of base64.
pub const MAX_REQUEST: usize = 8 * 1024;

/// `POST /v1/est/reenroll`: admitted software asks for its next certificate.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct ReenrollRequest {
    /// `<vendor namespace>/<SolutionCredential name>`, as admitted.
    pub credential: String,
    /// SHA-256 (DER, hex) of the certificate it was admitted with.
    pub certificate_sha256: String,
    /// PKCS #10, base64 of the DER.
    pub csr: String,
}

/// What came of it.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum ReenrollAnswer {
    /// The certificate of this request, then its issuers, PEM.
    Issued { chain: String },
    /// The operator has not judged it yet: the same request again will tell.
    Pending,
    /// Not this one. `reason` is stable, `detail` for people.
    Refused { reason: String, detail: String },
}

/// Why bytes are no certificates, or no message of them.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("it is not base64")]
    Base64,
    #[error("it is not DER as certificates and PKCS #7 are written")]
    Der(#[from] cms::cert::x509::der::Error),
    #[error("it is not a certs-only message (PKCS #7)")]
    NotCertificates,
    #[error("a certificate would not stay the same byte for byte")]
    Altered,
}

/// A certs-only message (RFC 5652, RFC 5272) of certificates (DER), in base64 as EST sends it (RFC 8951).
///
/// # Errors
/// When a certificate is not DER.
pub fn certs_only<C: AsRef<[u8]>>(certificates: impl IntoIterator<Item = C>) -> Result<String, Error> {
    let mut path: Vec<Certificate> = Vec::new();
    for der in certificates {
        let certificate = Certificate::from_der(der.as_ref())?;
        // The signature is over the bytes.
        if certificate.to_der()? != der.as_ref() {
            return Err(Error::Altered);
        }
        path.push(certificate);
    }
    Ok(STANDARD.encode(ContentInfo::try_from(path)?.to_der()?))
}

/// The certificates (DER) of a certs-only message in base64, in no order.
///
/// # Errors
/// When it is no such message.
pub fn certificates_of(text: &[u8]) -> Result<Vec<Vec<u8>>, Error> {
    let content = ContentInfo::from_der(&from_base64(text)?)?;
    let signed: SignedData = content.content.decode_as()?;
    let certificates = signed.certificates.ok_or(Error::NotCertificates)?;
    let der = |choice: &CertificateChoices| match choice {
        CertificateChoices::Certificate(certificate) => Ok(certificate.to_der()?),
        CertificateChoices::Other(_) => Err(Error::NotCertificates),
    };
    certificates.0.iter().map(der).collect()
}

/// Base64 with line breaks or without.
///
/// # Errors
/// When it is not base64.
pub fn from_base64(text: &[u8]) -> Result<Vec<u8>, Error> {
    let digits: Vec<u8> = text
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    STANDARD.decode(digits).map_err(|_| Error::Base64)
}

/// A request (PKCS #10, DER) as PEM.
///
/// # Errors
/// When it is longer than PEM can be.
pub fn request_pem(der: &[u8]) -> Result<String, Error> {
    pem("CERTIFICATE REQUEST", der)
}

/// A certificate (DER) as PEM.
///
/// # Errors
/// When it is longer than PEM can be.
pub fn certificate_pem(der: &[u8]) -> Result<String, Error> {
    pem("CERTIFICATE", der)
}

fn pem(label: &'static str, der: &[u8]) -> Result<String, Error> {
    encode_string(label, LineEnding::LF, der).map_err(|_| Error::Base64)
}

/// The public key of a certificate: SubjectPublicKeyInfo, DER.
///
/// # Errors
/// When it is no certificate.
pub fn key_of(certificate: &[u8]) -> Result<Vec<u8>, Error> {
    let certificate = Certificate::from_der(certificate)?;
    Ok(certificate.tbs_certificate.subject_public_key_info.to_der()?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn certificate(name: &str) -> Vec<u8> {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        made.cert.der().to_vec()
    }

    #[test]
    fn certificates_come_back_byte_for_byte() {
        let mut two = vec![certificate("a.test"), certificate("b.test")];
        let text = certs_only(&two).unwrap();
        assert!(!text.contains('\n'));
        let mut read = certificates_of(text.as_bytes()).unwrap();
        two.sort();
        read.sort();
        assert_eq!(read, two);
        let broken: Vec<u8> = text.bytes().flat_map(|byte| [byte, b'\n']).collect();
        assert_eq!(certificates_of(&broken).unwrap().len(), 2, "lines of any length");
        assert!(
            certificates_of(certs_only([] as [Vec<u8>; 0]).unwrap().as_bytes())
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn what_is_no_message_of_certificates_is_an_error() {
        assert!(matches!(certificates_of(b"%%"), Err(Error::Base64)));
        for text in ["", "AAAA", "MAA="] {
            assert!(certificates_of(text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(certs_only([b"no certificate"]).is_err());
        let bare = STANDARD.encode(certificate("a.test"));
        assert!(certificates_of(bare.as_bytes()).is_err());
    }

    #[test]
    fn a_request_is_one_text() {
        let key = rcgen::KeyPair::generate().unwrap();
        let made = rcgen::CertificateParams::default()
            .serialize_request(&key)
            .unwrap();
        let text = request_pem(made.der()).unwrap();
        assert_eq!(text, made.pem().unwrap().replace("\r\n", "\n"));
    }

    #[test]
    fn an_answer_says_its_outcome() {
        let text = |answer: &ReenrollAnswer| serde_json::to_string(answer).unwrap();
        assert_eq!(text(&ReenrollAnswer::Pending), r#"{"outcome":"pending"}"#);
        let refused = ReenrollAnswer::Refused {
            reason: "NotHomologated".to_owned(),
            detail: "x".to_owned(),
        };
        let written = r#"{"outcome":"refused","reason":"NotHomologated","detail":"x"}"#;
        assert_eq!(text(&refused), written);
        assert_eq!(serde_json::from_str::<ReenrollAnswer>(written).unwrap(), refused);
    }
}
