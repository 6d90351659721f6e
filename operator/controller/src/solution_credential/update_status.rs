//! Step 5: the certificate, or why there is none.

use dmp_api::SolutionCredential;
use dmp_core::problem::Chain;

use super::apply::Issued;
use super::validate::{Refusal, Valid};
use crate::controller::Context;
use crate::status::{self, Error, Fact, Verdict};

/// A new certificate.
///
/// # Errors
/// When the status cannot be written: then the certificate is lost, and the next pass signs another one.
pub async fn issued(
    context: &Context,
    credential: &SolutionCredential,
    issued: &Issued,
    valid: &Valid,
) -> Result<bool, Error> {
    let mut new = status::concluded(credential, [not_revoked()], &Verdict::Ready);
    new.certificate = Some(issued.certificate.clone());
    new.certificate_sha256 = Some(issued.certificate_sha256.clone());
    new.serial = Some(issued.serial.clone());
    new.not_after = Some(issued.not_after.to_string());
    new.csr_sha256 = Some(issued.csr_sha256.clone());
    new.scopes.clone_from(&valid.scopes);
    new.quota = valid.quota;
    status::write::<super::Credentials>(context, credential, &new).await
}

/// The certificate there is, is the right one.
///
/// # Errors
/// When the status cannot be written.
pub async fn current(
    context: &Context,
    credential: &SolutionCredential,
    valid: &Valid,
) -> Result<bool, Error> {
    let mut new = status::concluded(credential, [not_revoked()], &Verdict::Ready);
    new.scopes.clone_from(&valid.scopes);
    new.quota = valid.quota;
    status::write::<super::Credentials>(context, credential, &new).await
}

/// No certificate until somebody does something; the one there was opens nothing any more, unless only the request for
/// the next one is at fault ([`super::is_about_the_next_one`]).
///
/// # Errors
/// When the status cannot be written.
pub async fn refused(
    context: &Context,
    credential: &SolutionCredential,
    refusal: &Refusal,
) -> Result<bool, Error> {
    let verdict = Verdict::stalled(refusal);
    let revoked = match refusal {
        Refusal::Revoked(_) => Fact::new("Revoked", true, "Revoked", refusal.to_string()),
        _ => not_revoked(),
    };
    status::write::<super::Credentials>(
        context,
        credential,
        &status::concluded(credential, [revoked], &verdict),
    )
    .await
}

/// OpenBao did not sign. A certificate that is still good stays in force.
///
/// # Errors
/// When the status cannot be written.
pub async fn failed(
    context: &Context,
    credential: &SolutionCredential,
    error: &super::apply::Error,
) -> Result<bool, Error> {
    let message = Chain(error).to_string();
    let verdict = if error.is_refusal() {
        Verdict::Stalled {
            reason: super::CSR_REFUSED,
            message,
        }
    } else {
        Verdict::Failing {
            reason: "SignatureUnavailable",
            message,
        }
    };
    status::write::<super::Credentials>(
        context,
        credential,
        &status::concluded(credential, [not_revoked()], &verdict),
    )
    .await
}

fn not_revoked() -> Fact {
    Fact::new("Revoked", false, "NotRevoked", "")
}
