//! `SolutionCredential`: signs a vendor's CSR, once what it names exists, and again before it expires.
//!
//! Five steps: `dereference` → `validate` → `build` (is a signature due?) → `apply` (OpenBao signs) →
//! `update_status`. Only the certificate in the status opens the door (the facts stream carries its hash).

pub mod apply;
pub mod build;
mod csr;
pub mod dereference;
pub mod update_status;
pub mod validate;

#[cfg(test)]
mod tests;

use async_trait::async_trait;
use dmp_api::SolutionCredential;
use jiff::Timestamp;
use k8s_controller::{Outcome, TraceMetadata};

use crate::controller::{Context, Kind, Next, normal};
use crate::status::{self, Refusal as _};

/// The request in the spec is not usable, or OpenBao does not sign it.
const INVALID_CSR: &str = "InvalidCsr";
const CSR_REFUSED: &str = "CsrRefused";

/// Whether a reason of `Stalled` says something against the next certificate only: the present one stays in force.
pub fn is_about_the_next_one(reason: &str) -> bool {
    matches!(reason, INVALID_CSR | CSR_REFUSED)
}

/// The controller of credentials.
pub struct Credentials(pub Context);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the credential's surroundings cannot be read")]
    Dereference(#[from] dereference::Error),
    #[error("the certificate cannot be signed")]
    Apply(#[from] apply::Error),
    #[error("the credential's status cannot be written")]
    Status(#[from] status::Error),
}

#[async_trait]
impl Kind for Credentials {
    type Resource = SolutionCredential;
    type Error = Error;

    const NAME: &'static str = "solution-credential";

    async fn reconcile(
        &self,
        credential: &SolutionCredential,
        trace: &mut TraceMetadata,
    ) -> Result<Next, Error> {
        let found = dereference::dereference(&self.0, credential).await?;
        let valid = match validate::validate(credential, &found, Timestamp::now()) {
            Ok(valid) => valid,
            Err(refusal) => {
                if update_status::refused(&self.0, credential, &refusal).await? {
                    trace
                        .publish_event(normal(refusal.reason(), refusal.to_string()))
                        .await;
                }
                trace.set_outcome(Outcome::Waiting);
                return Ok(Next::Settled);
            }
        };
        if build::build(credential, &valid, Timestamp::now()).is_none() {
            update_status::current(&self.0, credential, &valid).await?;
            return Ok(Next::Settled);
        }
        // The watch may be behind our own last signature: a second one would close the door that the first has opened.
        // Of another request, or none, the watch will tell.
        let live = dereference::live(&self.0, credential).await?;
        let Some(live) = live.filter(|live| live.spec == credential.spec) else {
            return Ok(Next::Settled);
        };
        let credential = &live;
        let Some(request) = build::build(credential, &valid, Timestamp::now()) else {
            return Ok(Next::Settled);
        };
        let step = trace.step("sign");
        match apply::apply(&self.0, request).await {
            Ok(issued) => {
                step.finish(Outcome::Completed);
                update_status::issued(&self.0, credential, &issued, &valid).await?;
                trace
                    .publish_event(normal("Issued", format!("certificate {} signed", issued.serial)))
                    .await;
                Ok(Next::Settled)
            }
            Err(error) => {
                update_status::failed(&self.0, credential, &error).await?;
                if error.is_refusal() {
                    Ok(Next::Settled)
                } else {
                    Err(error.into())
                }
            }
        }
    }

    fn reason(error: &Error) -> &'static str {
        match error {
            Error::Dereference(_) => "DependencyUnavailable",
            Error::Apply(_) => "SignatureUnavailable",
            Error::Status(_) => "StatusFailed",
        }
    }
}
