//! `Platform`: the national plane, its databases, trust and services.
//!
//! Five steps: `dereference` → `validate` → `build` → `apply` → `update_status`. It also lists the groups: audit
//! pulls their logs, and their public keys are part of the national trust.

pub mod apply;
pub mod build;
pub mod dereference;
pub mod update_status;
pub mod validate;

#[cfg(test)]
mod tests;

use async_trait::async_trait;
use dmp_api::Platform;
use dmp_api::names::NATIONAL_NAMESPACE;
use k8s_controller::{Outcome, TraceMetadata};

use crate::controller::{Context, Kind, Next, normal};
use crate::network_probe::Wanted;
use crate::status::{self, Refusal as _};

/// The controller of the platform.
pub struct Platforms(pub Context);

/// Why a reconciliation failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the platform's surroundings cannot be read")]
    Dereference(#[from] dereference::Error),
    #[error("the national plane cannot be applied")]
    Apply(#[from] apply::Error),
    #[error("the platform's status cannot be written")]
    Status(#[from] status::Error),
}

#[async_trait]
impl Kind for Platforms {
    type Resource = Platform;
    type Error = Error;

    const NAME: &'static str = "platform";

    async fn reconcile(&self, platform: &Platform, trace: &mut TraceMetadata) -> Result<Next, Error> {
        let step = trace.step("dereference");
        let found = match dereference::dereference(&self.0, platform).await {
            Ok(found) => found,
            Err(error) => {
                status::failing::<Self>(&self.0, platform, "DependencyUnavailable", &error).await?;
                return Err(error.into());
            }
        };
        step.finish(Outcome::Completed);

        let valid = match validate::validate(platform, &found) {
            Ok(valid) => valid,
            Err(refusal) => {
                if status::refused::<Self>(&self.0, platform, &refusal).await? {
                    trace
                        .publish_event(normal(refusal.reason(), refusal.to_string()))
                        .await;
                }
                trace.set_outcome(Outcome::Waiting);
                return Ok(Next::Settled);
            }
        };
        let rendered = build::build(&valid);

        let step = trace.step("apply");
        let applied = match apply::apply(&self.0, rendered).await {
            Ok(applied) => applied,
            Err(error) => {
                status::failing::<Self>(&self.0, platform, "ApplyFailed", &error).await?;
                return Err(error.into());
            }
        };
        step.finish(Outcome::Completed);

        let outcome = update_status::update_status(&self.0, platform, (&found, &valid), &applied).await?;
        if outcome.became_ready {
            trace
                .publish_event(normal("Ready", "the national plane serves"))
                .await;
        }
        if outcome.ready {
            let wanted = Wanted::of(None, &valid.spec.images.dmp, &applied);
            self.0.probes.want(NATIONAL_NAMESPACE, wanted);
        }
        Ok(if outcome.ready {
            Next::settled_today()
        } else {
            Next::Waiting
        })
    }

    fn reason(error: &Error) -> &'static str {
        match error {
            Error::Dereference(_) => "DependencyUnavailable",
            Error::Apply(_) => "ApplyFailed",
            Error::Status(_) => "StatusFailed",
        }
    }
}
