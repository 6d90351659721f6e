//! Step 5: the certificate, or why there is none.

use dmp_api::{SolutionCredential, SolutionCredentialStatus};
use dmp_core::problem::Chain;
use kube::{Api, ResourceExt};

use super::apply::Issued;
use super::validate::Refusal;
use crate::controller::{Context, manager};
use crate::status::{self, Fact, Verdict};

#[derive(Debug, thiserror::Error)]
#[error("the API server refused the status")]
pub struct Error(#[from] kube::Error);

/// A new certificate.
///
/// # Errors
/// When the status cannot be written: then the certificate is lost, and the next pass signs another one.
pub async fn issued(
    context: &Context,
    credential: &SolutionCredential,
    issued: &Issued,
) -> Result<bool, Error> {
    let mut new = concluded(credential, &Verdict::Ready, not_revoked());
    new.certificate = Some(issued.certificate.clone());
    new.certificate_sha256 = Some(issued.certificate_sha256.clone());
    new.serial = Some(issued.serial.clone());
    new.not_after = Some(issued.not_after.to_string());
    new.csr_sha256 = Some(issued.csr_sha256.clone());
    write(context, credential, &new).await
}

/// The certificate there is, is the right one.
///
/// # Errors
/// When the status cannot be written.
pub async fn current(context: &Context, credential: &SolutionCredential) -> Result<bool, Error> {
    write(
        context,
        credential,
        &concluded(credential, &Verdict::Ready, not_revoked()),
    )
    .await
}

/// No certificate until somebody does something; the one there was opens nothing any more.
///
/// # Errors
/// When the status cannot be written.
pub async fn refused(
    context: &Context,
    credential: &SolutionCredential,
    refusal: &Refusal,
) -> Result<bool, Error> {
    let verdict = Verdict::Stalled {
        reason: refusal.reason(),
        message: refusal.to_string(),
    };
    let revoked = match refusal {
        Refusal::Revoked(_) => Fact::new("Revoked", true, "Revoked", refusal.to_string()),
        _ => not_revoked(),
    };
    write(context, credential, &concluded(credential, &verdict, revoked)).await
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
            reason: "CsrRefused",
            message,
        }
    } else {
        Verdict::Failing {
            reason: "SignatureUnavailable",
            message,
        }
    };
    write(
        context,
        credential,
        &concluded(credential, &verdict, not_revoked()),
    )
    .await
}

fn not_revoked() -> Fact {
    Fact::new("Revoked", false, "NotRevoked", "")
}

fn concluded(credential: &SolutionCredential, verdict: &Verdict, revoked: Fact) -> SolutionCredentialStatus {
    let generation = credential.metadata.generation;
    let mut new = credential.status.clone().unwrap_or_default();
    status::set(&mut new, generation, [revoked]);
    status::set(&mut new, generation, verdict.facts());
    new.observed_generation = generation;
    new
}

async fn write(
    context: &Context,
    credential: &SolutionCredential,
    new: &SolutionCredentialStatus,
) -> Result<bool, Error> {
    let namespace = credential.namespace().unwrap_or_default();
    let api = Api::<SolutionCredential>::namespaced(context.client.clone(), &namespace);
    Ok(status::write(
        &api,
        &manager::<super::Credentials>(),
        credential,
        credential.status.as_ref(),
        new,
    )
    .await?)
}
