//! Step 3: is a signature due, and over what? Pure: the time is an argument.

use dmp_api::SolutionCredential;
use jiff::Timestamp;

use super::validate::Valid;
use crate::plane::digest;

/// A certificate is renewed when less than this part of a new one's life is left.
const RENEW_AT: i32 = 3;

/// What OpenBao shall sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub csr: String,
    /// The one name of the certificate.
    pub uri: String,
    pub csr_sha256: String,
    /// Its life, as OpenBao takes it.
    pub ttl: String,
}

/// A request when there is no certificate, the CSR is another one, or the end is near.
pub fn build(credential: &SolutionCredential, valid: &Valid, now: Timestamp) -> Option<Request> {
    let csr = &credential.spec.csr;
    let csr_sha256 = digest(&[csr]);
    let status = credential.status.as_ref();
    let current = status.is_some_and(|status| {
        let expires = status
            .not_after
            .as_ref()
            .and_then(|text| text.parse::<Timestamp>().ok());
        status.certificate.is_some()
            && status.csr_sha256.as_ref() == Some(&csr_sha256)
            && expires.is_some_and(|expires| now.duration_until(expires) > valid.life / RENEW_AT)
    });
    (!current).then(|| Request {
        csr: csr.clone(),
        uri: dmp_api::names::credential_uri(&valid.domain, &valid.namespace, &valid.name),
        csr_sha256,
        ttl: format!("{}s", valid.life.as_secs()),
    })
}
