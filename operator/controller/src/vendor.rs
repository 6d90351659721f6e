//! `Vendor`: gives an organisation that signed up its namespace and its place in the sandbox.
//!
//! Five steps: `dereference` → `validate` → `build` → `apply` (the namespace) → `update_status`. The synthetic people of the place are the
//! portal's to make; what the vendor's software may see of them follows from the realm in the status (facts).

pub mod apply;
pub mod build;
pub mod dereference;
pub mod update_status;
pub mod validate;

#[cfg(test)]
mod tests;

use async_trait::async_trait;
use dmp_api::Vendor;
use k8s_controller::{Outcome, TraceMetadata};

use crate::apply::ApplyError;
use crate::controller::{Context, Kind, Next, normal};
use crate::status::{self, Refusal as _};

/// The controller of vendors.
pub struct Vendors(pub Context);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the vendor's surroundings cannot be read")]
    Dereference(#[from] dereference::Error),
    #[error("the vendor's namespace cannot be made")]
    Apply(#[from] ApplyError),
    #[error("the vendor's status cannot be written")]
    Status(#[from] status::Error),
}

#[async_trait]
impl Kind for Vendors {
    type Resource = Vendor;
    type Error = Error;

    const NAME: &'static str = "vendor";

    async fn reconcile(&self, vendor: &Vendor, trace: &mut TraceMetadata) -> Result<Next, Error> {
        let found = dereference::dereference(&self.0, vendor).await?;
        match validate::validate(vendor, &found) {
            Ok(valid) => {
                apply::apply(&self.0, build::build(&valid)).await?;
                update_status::placed(&self.0, vendor, &valid).await?;
            }
            Err(refusal) => {
                if update_status::refused(&self.0, vendor, &refusal).await? {
                    trace
                        .publish_event(normal(refusal.reason(), refusal.to_string()))
                        .await;
                }
                trace.set_outcome(Outcome::Waiting);
            }
        }
        Ok(Next::Settled)
    }

    fn reason(error: &Error) -> &'static str {
        match error {
            Error::Dereference(_) => "DependencyUnavailable",
            Error::Apply(_) => "ApplyFailed",
            Error::Status(_) => "StatusFailed",
        }
    }
}
