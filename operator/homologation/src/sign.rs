//! Makes statements: for reviewers and vendors (`dmpctl`), laboratories and the suite. The key stays where it is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::statement::Statement;

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the certificate is not PEM")]
    Certificate,
    #[error(
        "the key is not a PKCS #8 PEM of a P-256 or P-384 key, an Ed25519 key or an RSA key of at least 2048 bits"
    )]
    Key,
}

/// A signer's key and certificates.
pub struct Signatory {
    key: EncodingKey,
    algorithm: Algorithm,
    x5c: Vec<String>,
}

impl Signatory {
    /// `chain`: PEM, the signer's own certificate first; `key`: PKCS #8, PEM.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn new(chain: &str, key: &str) -> Result<Self, Error> {
        let certificates = CertificateDer::pem_slice_iter(chain.as_bytes());
        let x5c: Vec<String> = certificates
            .map(|certificate| certificate.map(|der| STANDARD.encode(der)))
            .collect::<Result<_, _>>()
            .map_err(|_| Error::Certificate)?;
        if x5c.is_empty() {
            return Err(Error::Certificate);
        }
        Ok(Self {
            x5c,
            ..Self::of_key(key)?
        })
    }

    /// Without certificates: for a statement whose reader has the key already.
    ///
    /// # Errors
    /// [`Error::Key`].
    pub fn of_key(key: &str) -> Result<Self, Error> {
        let pem = key.as_bytes();
        let made = [
            (Algorithm::EdDSA, EncodingKey::from_ed_pem(pem)),
            (Algorithm::ES256, EncodingKey::from_ec_pem(pem)),
            (Algorithm::ES384, EncodingKey::from_ec_pem(pem)),
            (Algorithm::RS256, EncodingKey::from_rsa_pem(pem)),
        ];
        // The curve of an EC key shows when it is used.
        let works =
            |algorithm: Algorithm, key: &EncodingKey| jsonwebtoken::crypto::sign(b"", key, algorithm).is_ok();
        let fit = made.into_iter().find_map(|(algorithm, key)| {
            let key = key.ok()?;
            works(algorithm, &key).then_some((algorithm, key))
        });
        let (algorithm, key) = fit.ok_or(Error::Key)?;
        Ok(Self {
            key,
            algorithm,
            x5c: Vec::new(),
        })
    }

    /// The statement as a JWS in compact form.
    ///
    /// # Errors
    /// When the key does not sign.
    pub fn sign<T: Statement>(&self, statement: &T) -> Result<String, Error> {
        let mut header = Header::new(self.algorithm);
        header.typ = Some(T::TYP.to_owned());
        header.x5c = (!self.x5c.is_empty()).then(|| self.x5c.clone());
        jsonwebtoken::encode(&header, statement, &self.key).map_err(|_| Error::Key)
    }
}
