//! `SolutionRevocation`: in force by itself (the facts stream carries it); here it counts what it closes, says whether it is
//! lifted, and keeps the ledger of who was told.
//!
//! No children: `dereference` → `validate` → `update_status`.

pub mod dereference;
pub mod update_status;
pub mod validate;

use async_trait::async_trait;
use dmp_api::SolutionRevocation;
use k8s_controller::TraceMetadata;

use crate::controller::{Context, Kind, Next, normal};
use crate::status;

/// The controller of revocations.
pub struct Revocations(pub Context);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the credentials cannot be read")]
    Dereference(#[from] dereference::Error),
    #[error("the revocation's status cannot be written")]
    Status(#[from] status::Error),
}

#[async_trait]
impl Kind for Revocations {
    type Resource = SolutionRevocation;
    type Error = Error;

    const NAME: &'static str = "solution-revocation";

    async fn reconcile(
        &self,
        revocation: &SolutionRevocation,
        trace: &mut TraceMetadata,
    ) -> Result<Next, Error> {
        let found = dereference::dereference(&self.0, revocation).await?;
        let reach = validate::validate(revocation, &found);
        let was_lifted = revocation.status.as_ref().and_then(|status| status.lifted);
        update_status::update_status(&self.0, revocation, &reach).await?;
        if was_lifted != Some(reach.is_lifted()) {
            let (reason, note) = if reach.is_lifted() {
                ("Lifted", "lifted by both deciding bodies".to_owned())
            } else {
                ("InForce", format!("closes {} credentials", reach.credentials))
            };
            trace.publish_event(normal(reason, note)).await;
        }
        // The credentials see to their certificates: what is left of them is looked for until nothing is.
        Ok(if reach.has_open_lines() {
            Next::Waiting
        } else {
            Next::Settled
        })
    }

    fn reason(error: &Error) -> &'static str {
        match error {
            Error::Dereference(_) => "DependencyUnavailable",
            Error::Status(_) => "StatusFailed",
        }
    }
}
