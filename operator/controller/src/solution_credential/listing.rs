//! A revoked credential's certificates, the one in force and the one before it, go on the revocation list of the solutions' CA, for
//! whoever does not go by the facts.
//!
//! A list forgets nothing: a certificate on it is never used again, also when the revocation is lifted. Then the operator signs
//! the credential's request once more.

use dmp_api::{SolutionCredential, SolutionCredentialStatus};
use dmp_core::problem::Chain;
use dmp_keys::openbao;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::controller::Context;
use crate::status::Fact;

/// Condition of a credential whose certificate was to go on the list, and its reason while it is not there.
pub const LISTED: &str = "CertificateListed";
pub const NOT_LISTED: &str = "NotListed";

/// What became of it.
#[derive(Debug)]
pub enum Listing {
    /// There is no certificate.
    Nothing,
    /// It is on the list, by its serial number.
    Listed(String),
    /// OpenBao did not take it.
    Failed(openbao::Error),
}

/// Whether the present certificate is on the list.
pub fn is_listed(status: &SolutionCredentialStatus) -> bool {
    status.serial.is_some() && status.listed_serial == status.serial
}

/// Puts the present certificate on the list, and first the one before it; unless they are there.
pub async fn list(context: &Context, credential: &SolutionCredential) -> Listing {
    let status = credential.status.as_ref();
    let Some((status, serial)) = status.and_then(|status| Some((status, status.serial.clone()?))) else {
        return Listing::Nothing;
    };
    let before = status.previous.as_ref();
    let before = before.and_then(|before| leaf(before.certificate.as_deref()?));
    if let Some(before) = before
        && let Err(error) = context.openbao.revoke_solution(before).await
    {
        return Listing::Failed(error);
    }
    if is_listed(status) {
        return Listing::Listed(serial);
    }
    let Some(leaf) = status.certificate.as_deref().and_then(leaf) else {
        return Listing::Nothing;
    };
    match context.openbao.revoke_solution(leaf).await {
        Ok(()) => Listing::Listed(serial),
        Err(error) => Listing::Failed(error),
    }
}

/// The first certificate of a chain, PEM. What is none is not sent anywhere.
pub(super) fn leaf(chain: &str) -> Option<&str> {
    const END: &str = "-----END CERTIFICATE-----";
    let end = chain.find(END)?.checked_add(END.len())?;
    let leaf = chain.get(..end)?;
    CertificateDer::from_pem_slice(leaf.as_bytes()).ok()?;
    Some(leaf)
}

impl Listing {
    /// What the status says of it. The certificate before the present one ends too, and stays while it is to be listed.
    pub(super) fn note(&self, status: &mut SolutionCredentialStatus) -> Option<Fact> {
        match self {
            Self::Nothing => {
                status.previous = None;
                None
            }
            Self::Listed(serial) => {
                status.previous = None;
                status.listed_serial = Some(serial.clone());
                Some(Fact::new(LISTED, true, "Listed", ""))
            }
            Self::Failed(error) => Some(Fact::new(LISTED, false, NOT_LISTED, Chain(error).to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use dmp_api::solution_credential::PreviousCertificate;

    use super::*;

    #[test]
    fn only_the_leaf_is_sent() {
        let one = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";
        assert_eq!(leaf(&format!("{one}\n{one}\n")), Some(one));
        for nothing in ["", "AAAA", "-----END CERTIFICATE-----"] {
            assert_eq!(leaf(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn the_one_before_is_forgotten_once_it_is_listed_and_not_sooner() {
        let status = || SolutionCredentialStatus {
            serial: Some("1".to_owned()),
            previous: Some(PreviousCertificate {
                certificate_sha256: "a".to_owned(),
                until: "2026-11-30T00:00:00Z".to_owned(),
                certificate: Some("pem".to_owned()),
            }),
            ..SolutionCredentialStatus::default()
        };
        let mut listed = status();
        Listing::Listed("1".to_owned()).note(&mut listed);
        assert!(listed.previous.is_none() && is_listed(&listed));
        let mut failed = status();
        let error = openbao::Error::Forbidden {
            path: "pki-solutions/revoke".to_owned(),
        };
        Listing::Failed(error).note(&mut failed);
        assert!(failed.previous.is_some() && !is_listed(&failed));
    }

    #[test]
    fn a_certificate_is_listed_by_its_own_serial_number() {
        let status = |serial: Option<&str>, listed: Option<&str>| SolutionCredentialStatus {
            serial: serial.map(ToOwned::to_owned),
            listed_serial: listed.map(ToOwned::to_owned),
            ..SolutionCredentialStatus::default()
        };
        assert!(is_listed(&status(Some("1"), Some("1"))));
        assert!(!is_listed(&status(Some("2"), Some("1"))), "a newer one");
        assert!(!is_listed(&status(Some("1"), None)) && !is_listed(&status(None, None)));
    }
}
