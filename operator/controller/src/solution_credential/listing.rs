//! A revoked credential's certificate goes on the revocation list of the solutions' CA, for whoever does not go by the facts.
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

/// Puts the present certificate on the list, unless it is there.
pub async fn list(context: &Context, credential: &SolutionCredential) -> Listing {
    let status = credential.status.as_ref();
    let Some((status, serial)) = status.and_then(|status| Some((status, status.serial.clone()?))) else {
        return Listing::Nothing;
    };
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
fn leaf(chain: &str) -> Option<&str> {
    const END: &str = "-----END CERTIFICATE-----";
    let end = chain.find(END)?.checked_add(END.len())?;
    let leaf = chain.get(..end)?;
    CertificateDer::from_pem_slice(leaf.as_bytes()).ok()?;
    Some(leaf)
}

impl Listing {
    /// What the status says of it. The certificate before the present one ends too.
    pub(super) fn note(&self, status: &mut SolutionCredentialStatus) -> Option<Fact> {
        status.previous = None;
        match self {
            Self::Nothing => None,
            Self::Listed(serial) => {
                status.listed_serial = Some(serial.clone());
                Some(Fact::new(LISTED, true, "Listed", ""))
            }
            Self::Failed(error) => Some(Fact::new(LISTED, false, NOT_LISTED, Chain(error).to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
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
