//! `SolutionCredential`: signs a vendor's CSR, once what it names exists, and again before it expires.
//!
//! Five steps: `dereference` → `validate` → `build` (is a signature due?) → `apply` (OpenBao signs) →
//! `update_status`. In production the vendor's own key has signed the installation ([`installation`]). Only the certificates in the
//! status open the door: the one in force and, for a while, the one before it ([`overlap`]); the facts stream carries their hashes.

pub mod apply;
pub mod build;
mod csr;
pub mod dereference;
pub mod installation;
pub mod listing;
pub mod overlap;
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

/// What every reason that concerns the vendor's statement begins with.
const INSTALLATION: &str = "Installation";

/// Whether a reason of `Stalled` says something against the next certificate only: the present one stays in force.
pub fn is_about_the_next_one(reason: &str) -> bool {
    matches!(reason, INVALID_CSR | CSR_REFUSED) || reason.starts_with(INSTALLATION)
}

/// The controller of credentials.
pub struct Credentials(pub Context);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the credential's surroundings cannot be read")]
    Dereference(#[from] dereference::Error),
    #[error("the certificate cannot be signed")]
    Apply(#[from] apply::Error),
    #[error("the revoked certificate cannot be put on the revocation list")]
    Listing(#[source] dmp_keys::openbao::Error),
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
            Err(refused) if matches!(refused.refusal, validate::Refusal::Revoked(_)) => {
                return self.revoke(credential, &refused.refusal, trace).await;
            }
            Err(refused) => {
                let entitled = refused.entitled.as_deref();
                return self.refuse(credential, &refused.refusal, entitled, trace).await;
            }
        };
        let now = Timestamp::now();
        if build::build(credential, &valid, now).is_none() {
            update_status::current(&self.0, credential, &valid, now).await?;
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
        let installation = match installation::accept(credential, &valid, now) {
            Ok(accepted) => accepted,
            Err(refusal) => {
                return self
                    .refuse(credential, &refusal, Some(&valid.entitled), trace)
                    .await;
            }
        };
        let beside = update_status::Beside {
            previous: overlap::previous(credential, &request.csr, now)
                .filter(|_| !credential.status.as_ref().is_some_and(listing::is_listed)),
            installation,
        };
        let step = trace.step("sign");
        match apply::apply(&self.0, request).await {
            Ok(issued) => {
                step.finish(Outcome::Completed);
                update_status::issued(&self.0, credential, &issued, &valid, beside).await?;
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
            Error::Listing(_) => listing::NOT_LISTED,
            Error::Status(_) => "StatusFailed",
        }
    }
}

impl Credentials {
    /// Its certificate goes on the revocation list; tried again until it is there.
    async fn revoke(
        &self,
        credential: &SolutionCredential,
        refusal: &validate::Refusal,
        trace: &mut TraceMetadata,
    ) -> Result<Next, Error> {
        // The watch may not have told of the newest certificate.
        let Some(credential) = dereference::live(&self.0, credential).await? else {
            return Ok(Next::Settled);
        };
        let listing = listing::list(&self.0, &credential).await;
        if update_status::revoked(&self.0, &credential, refusal, &listing).await? {
            trace
                .publish_event(normal(refusal.reason(), refusal.to_string()))
                .await;
        }
        trace.set_outcome(Outcome::Waiting);
        match listing {
            listing::Listing::Failed(error @ dmp_keys::openbao::Error::Forbidden { .. }) => {
                // An installation whose policy is from before the list: it says so, and is looked at again in some minutes.
                tracing::warn!(%error, "the revocation list is not the operator's to write");
                Ok(Next::Settled)
            }
            listing::Listing::Failed(error) => Err(Error::Listing(error)),
            listing::Listing::Nothing | listing::Listing::Listed(_) => Ok(Next::Settled),
        }
    }

    /// Says why there is no next certificate, until somebody does something.
    async fn refuse(
        &self,
        credential: &SolutionCredential,
        refusal: &validate::Refusal,
        entitled: Option<&validate::Entitled>,
        trace: &mut TraceMetadata,
    ) -> Result<Next, Error> {
        if update_status::refused(&self.0, credential, refusal, entitled).await? {
            trace
                .publish_event(normal(refusal.reason(), refusal.to_string()))
                .await;
        }
        trace.set_outcome(Outcome::Waiting);
        Ok(Next::Settled)
    }
}
