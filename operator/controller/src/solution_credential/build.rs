//! Step 3: is a signature due, and over what? Pure: the time is an argument.

use dmp_api::{SolutionCredential, SolutionCredentialStatus};
use dmp_homologation::canonical::digest;
use jiff::Timestamp;

use super::listing::is_listed;
use super::validate::Valid;
use crate::plane;

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

/// A request when there is no certificate or the one there is was revoked once, the CSR is another one, or the end is near.
pub fn build(credential: &SolutionCredential, valid: &Valid, now: Timestamp) -> Option<Request> {
    let csr = &credential.spec.csr;
    let csr_sha256 = digest(csr.as_bytes());
    let status = credential.status.as_ref();
    let current = status.is_some_and(|status| {
        let expires = status
            .not_after
            .as_ref()
            .and_then(|text| text.parse::<Timestamp>().ok());
        status.certificate.is_some()
            && !is_listed(status)
            && is_of(status, csr)
            && expires.is_some_and(|expires| now.duration_until(expires) > valid.life / RENEW_AT)
    });
    (!current).then(|| Request {
        csr: csr.clone(),
        uri: dmp_api::names::credential_uri(&valid.domain, &valid.namespace, &valid.name),
        csr_sha256,
        ttl: format!("{}s", valid.life.as_secs()),
    })
}

/// Whether the certificate in a status was made from this CSR. An older status has the hash of the text with its length in front.
pub fn is_of(status: &SolutionCredentialStatus, csr: &str) -> bool {
    let sha256 = status.csr_sha256.as_ref();
    sha256.is_some_and(|sha256| *sha256 == digest(csr.as_bytes()) || *sha256 == plane::digest(&[csr]))
}
