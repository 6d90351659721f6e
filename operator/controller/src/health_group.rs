//! `HealthGroup`: a tenant's namespace, databases, key space, record store.
//!
//! Five steps: `dereference` → `validate` → `build` → `apply` → `update_status`. Deleting the object retires the
//! group ([`retire`]): the record store goes, the databases sleep, everything that holds data stays and belongs to
//! no object. Applying it again wakes it up.

pub mod apply;
pub mod build;
pub mod dereference;
pub mod retire;
pub mod update_status;
pub mod validate;

#[cfg(test)]
mod tests;

use async_trait::async_trait;
use dmp_api::HealthGroup;
use jiff::Timestamp;
use k8s_controller::{Outcome, TraceMetadata};

use crate::controller::{Context, Kind, Next, normal};
use crate::network_probe::Wanted;
use crate::status::{self, Refusal as _};

/// Whether a group has a plane, and is not being retired.
pub(crate) fn has_a_plane(group: &HealthGroup) -> bool {
    let status = group.status.as_ref();
    group.metadata.deletion_timestamp.is_none() && status.is_some_and(|status| status.namespace.is_some())
}

/// The controller of groups.
pub struct Groups(pub Context);

/// Why a reconciliation failed; what the platform itself can do nothing about is a status, not an error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the group's surroundings cannot be read")]
    Dereference(#[from] dereference::Error),
    #[error("the group cannot be applied")]
    Apply(#[from] apply::Error),
    #[error("the group cannot be retired")]
    Retire(#[from] retire::Error),
    #[error("the group's status cannot be written")]
    Status(#[from] status::Error),
}

#[async_trait]
impl Kind for Groups {
    type Resource = HealthGroup;
    type Error = Error;

    const NAME: &'static str = "health-group";
    const FINALIZER: Option<&'static str> = Some(dmp_api::names::RETIRE_FINALIZER);

    async fn reconcile(&self, group: &HealthGroup, trace: &mut TraceMetadata) -> Result<Next, Error> {
        let step = trace.step("dereference");
        let found = dereference::dereference(&self.0, group).await;
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                status::failing::<Self>(&self.0, group, "DependencyUnavailable", &error).await?;
                return Err(error.into());
            }
        };
        step.finish(Outcome::Completed);

        let valid = match validate::validate(group, &found) {
            Ok(valid) => valid,
            Err(refusal) => {
                if status::refused::<Self>(&self.0, group, &refusal).await? {
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
        let applied = match apply::apply(&self.0, &valid, rendered).await {
            Ok(applied) => applied,
            Err(error) => {
                status::failing::<Self>(&self.0, group, error.reason(), &error).await?;
                return Err(error.into());
            }
        };
        step.finish(Outcome::Completed);

        let homologated = update_status::homologated(group, &found, Timestamp::now());
        let outcome = update_status::update_status(&self.0, group, &valid, &applied, homologated).await?;
        if outcome.became_ready {
            trace.publish_event(normal("Ready", "the group serves")).await;
        }
        if outcome.ready {
            let wanted = Wanted::of(Some(valid.name.as_str()), &valid.platform.images.dmp, &applied);
            self.0.probes.want(&valid.namespace, wanted);
        }
        if valid.log_key.is_none() {
            return Ok(Next::Again);
        }
        Ok(if outcome.ready {
            Next::settled_today()
        } else {
            Next::Waiting
        })
    }

    async fn retire(&self, group: &HealthGroup, trace: &mut TraceMetadata) -> Result<(), Error> {
        retire::retire(&self.0, group).await?;
        trace
            .publish_event(normal("Retired", "the record store is gone; data and keys stay"))
            .await;
        Ok(())
    }

    fn reason(error: &Error) -> &'static str {
        match error {
            Error::Dereference(_) => "DependencyUnavailable",
            Error::Apply(error) => error.reason(),
            Error::Retire(_) => "RetireFailed",
            Error::Status(_) => "StatusFailed",
        }
    }
}
