//! The suite's signature: a key of this process, with a certificate of the suite's own authority in OpenBao (`pki-suite`).
//!
//! The authority is what `Platform.spec.bodies` has for the role `suite`; nothing but the portal may ask it.

use dmp_homologation::sign::Signatory;
use dmp_homologation::statement::Run;
use dmp_keys::Client;
use dmp_keys::openbao::CertificateRequest;
use jiff::{SignedDuration, Timestamp};
use rcgen::{CertificateParams, KeyPair};
use tokio::sync::Mutex;

/// Mount and role in OpenBao.
const MOUNT: &str = "pki-suite";
const ROLE: &str = "suite";
const TTL: &str = "24h";
/// A certificate that ends sooner is not used any more.
const REST: SignedDuration = SignedDuration::from_mins(30);
/// The signer's name in the certificate: a machine, not a person.
const COMMON_NAME: &str = "DMP conformance suite";

#[derive(Debug, thiserror::Error)]
pub(crate) enum SigningError {
    #[error("the suite's certificate cannot be had")]
    OpenBao(#[from] dmp_keys::openbao::Error),
    #[error("a key or its request cannot be made")]
    Key(#[from] rcgen::Error),
    #[error("the certificate cannot be used")]
    Certificate(#[from] dmp_homologation::sign::Error),
}

/// Signs results. The certificate is asked for when it is needed.
pub(crate) struct SuiteSignatory {
    openbao: Client,
    held: Mutex<Option<Held>>,
}

struct Held {
    signatory: Signatory,
    not_after: Timestamp,
}

impl SuiteSignatory {
    pub(crate) fn new(openbao: Client) -> Self {
        Self {
            openbao,
            held: Mutex::default(),
        }
    }

    /// The result as a JWS.
    ///
    /// # Errors
    /// When OpenBao gives no certificate.
    pub(crate) async fn sign(&self, run: &Run) -> Result<String, SigningError> {
        let mut held = self.held.lock().await;
        let usable = held
            .take()
            .filter(|held| held.not_after > Timestamp::now() + REST);
        let current = match usable {
            Some(current) => current,
            None => self.obtain().await?,
        };
        let signed = current.signatory.sign(run)?;
        *held = Some(current);
        Ok(signed)
    }

    async fn obtain(&self) -> Result<Held, SigningError> {
        let key = KeyPair::generate()?;
        let request = CertificateRequest {
            csr: CertificateParams::default().serialize_request(&key)?.pem()?,
            common_name: COMMON_NAME.to_owned(),
            uri_sans: Vec::new(),
            dns_sans: Vec::new(),
            ip_sans: Vec::new(),
            ttl: TTL.to_owned(),
            serial_number: Some("dmp-suite".to_owned()),
        };
        let signed = self.openbao.sign_certificate(MOUNT, ROLE, &request).await?;
        let not_after = Timestamp::from_second(signed.expiration).unwrap_or_else(|_| Timestamp::now());
        Ok(Held {
            signatory: Signatory::new(&signed.chain_pem(), &key.serialize_pem())?,
            not_after,
        })
    }
}
