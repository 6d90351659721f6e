//! Step 5: the certificate, or why there is none.

use dmp_api::solution_credential::{AcceptedInstallation, PreviousCertificate};
use dmp_api::{SolutionCredential, SolutionCredentialStatus};
use dmp_core::problem::Chain;
use dmp_homologation::canonical::digest;
use jiff::Timestamp;

use super::apply::Issued;
use super::listing::Listing;
use super::validate::{Entitled, Refusal, Valid};
use crate::controller::Context;
use crate::status::{self, Error, Fact, Verdict};

/// What a status says beside a new certificate.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    /// The certificate before it.
    pub previous: Option<PreviousCertificate>,
    /// The vendor's statement about its key.
    pub installation: Option<AcceptedInstallation>,
}

/// A new certificate.
///
/// # Errors
/// When the status cannot be written: then the certificate is lost, and the next pass signs another one.
pub async fn issued(
    context: &Context,
    credential: &SolutionCredential,
    issued: &Issued,
    valid: &Valid,
    beside: Beside,
) -> Result<bool, Error> {
    let mut new = status::concluded(credential, [not_revoked()], &Verdict::Ready);
    new.certificate = Some(issued.certificate.clone());
    new.certificate_sha256 = Some(issued.certificate_sha256.clone());
    new.serial = Some(issued.serial.clone());
    new.not_after = Some(issued.not_after.to_string());
    new.csr_sha256 = Some(issued.csr_sha256.clone());
    new.previous = beside.previous;
    new.installation = beside.installation;
    entitle(&mut new, &valid.entitled);
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
    now: Timestamp,
) -> Result<bool, Error> {
    let mut new = status::concluded(credential, [not_revoked()], &Verdict::Ready);
    entitle(&mut new, &valid.entitled);
    new.csr_sha256 = Some(digest(credential.spec.csr.as_bytes()));
    if new.previous.as_ref().is_some_and(|before| has_ended(before, now)) {
        new.previous = None;
    }
    status::write::<super::Credentials>(context, credential, &new).await
}

/// No certificate until somebody does something; the one there was opens nothing any more, unless only the request for
/// the next one is at fault ([`super::is_about_the_next_one`]): then it keeps what it is `entitled` to now.
///
/// # Errors
/// When the status cannot be written.
pub async fn refused(
    context: &Context,
    credential: &SolutionCredential,
    refusal: &Refusal,
    entitled: Option<&Entitled>,
) -> Result<bool, Error> {
    let verdict = Verdict::stalled(refusal);
    let mut new = status::concluded(credential, [not_revoked()], &verdict);
    if let Some(entitled) = entitled {
        entitle(&mut new, entitled);
    }
    status::write::<super::Credentials>(context, credential, &new).await
}

/// It is revoked: nothing of it opens anything.
///
/// # Errors
/// When the status cannot be written.
pub async fn revoked(
    context: &Context,
    credential: &SolutionCredential,
    refusal: &Refusal,
    listing: &Listing,
) -> Result<bool, Error> {
    let revoked = Fact::new("Revoked", true, "Revoked", refusal.to_string());
    let mut new = status::concluded(credential, [revoked], &Verdict::stalled(refusal));
    let fact = listing.note(&mut new);
    status::set(&mut new, credential.metadata.generation, fact);
    status::write::<super::Credentials>(context, credential, &new).await
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

fn entitle(status: &mut SolutionCredentialStatus, entitled: &Entitled) {
    status.scopes.clone_from(&entitled.scopes);
    status.quota = entitled.quota;
}

/// One whose end is not understood has ended.
fn has_ended(before: &PreviousCertificate, now: Timestamp) -> bool {
    before
        .until
        .parse::<Timestamp>()
        .ok()
        .is_none_or(|until| until <= now)
}

fn not_revoked() -> Fact {
    Fact::new("Revoked", false, "NotRevoked", "")
}
