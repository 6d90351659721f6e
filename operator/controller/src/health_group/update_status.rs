//! Step 5: conditions, from what the API server answered.

use dmp_api::{HealthGroup, HealthGroupStatus};
use dmp_core::problem::Chain;
use kube::Api;

use super::validate::{Refusal, Valid};
use crate::controller::{Context, manager};
use crate::plane::{Applied, Plane, database, service};
use crate::status::{self, Fact, Verdict};

#[derive(Debug, thiserror::Error)]
#[error("the API server refused the status")]
pub struct Error(#[from] kube::Error);

/// What a reconciliation came to.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    pub ready: bool,
    pub became_ready: bool,
}

/// # Errors
/// When the status cannot be written.
pub async fn update_status(
    context: &Context,
    group: &HealthGroup,
    valid: &Valid,
    plane: &Plane<Applied>,
) -> Result<Outcome, Error> {
    let new = status(group, valid, plane);
    let ready = is_ready(&new);
    let was_ready = group.status.as_ref().is_some_and(is_ready);
    write(context, group, &new).await?;
    Ok(Outcome {
        ready,
        became_ready: ready && !was_ready,
    })
}

fn is_ready(status: &HealthGroupStatus) -> bool {
    k8s_controller::conditions::find(&status.conditions, "Ready").is_some_and(|ready| ready.status == "True")
}

/// The status that follows from the applied objects. Pure.
pub fn status(group: &HealthGroup, valid: &Valid, plane: &Plane<Applied>) -> HealthGroupStatus {
    let waiting: Vec<&str> = plane
        .databases
        .iter()
        .filter(|cluster| !database::is_ready(cluster))
        .map(|c| c.name.as_str())
        .collect();
    let databases = waiting.is_empty();
    let keys = valid.log_key.is_some();
    let served = plane.deployments.iter().all(service::is_ready) && !plane.deployments.is_empty();
    let facts = [
        if databases {
            Fact::new("DatabaseReady", true, "Healthy", "")
        } else {
            Fact::new(
                "DatabaseReady",
                false,
                "Starting",
                format!("CloudNativePG is bringing up: {}", waiting.join(", ")),
            )
        },
        if keys {
            Fact::new("KeysReady", true, "Complete", "")
        } else {
            Fact::new(
                "KeysReady",
                false,
                "Creating",
                "the key space is being made in OpenBao",
            )
        },
        if served {
            Fact::new("ServiceReady", true, "Available", "")
        } else {
            Fact::new(
                "ServiceReady",
                false,
                "Unavailable",
                "`records` is not available yet",
            )
        },
    ];
    let verdict = match facts
        .iter()
        .find(|fact| fact.holds != k8s_controller::conditions::ConditionStatus::True)
    {
        None => Verdict::Ready,
        Some(fact) => Verdict::Progressing {
            reason: unready(fact.name),
            message: fact.message.clone(),
        },
    };
    let generation = group.metadata.generation;
    let mut new = group.status.clone().unwrap_or_default();
    status::set(&mut new, generation, facts);
    status::set(&mut new, generation, verdict.facts());
    new.observed_generation = generation;
    new.namespace = Some(valid.namespace.clone());
    new.tag = Some(valid.name.tag());
    if served {
        new.release = Some(valid.platform.release.clone());
    }
    new
}

fn unready(condition: &str) -> &'static str {
    match condition {
        "DatabaseReady" => "DatabaseNotReady",
        "KeysReady" => "KeysNotReady",
        _ => "ServiceNotReady",
    }
}

/// The group cannot be, until somebody does something; whether that is news.
///
/// # Errors
/// When the status cannot be written.
pub async fn refused(context: &Context, group: &HealthGroup, refusal: &Refusal) -> Result<bool, Error> {
    let verdict = Verdict::Stalled {
        reason: refusal.reason(),
        message: refusal.to_string(),
    };
    concluded(context, group, &verdict).await
}

/// Something failed that is tried again.
///
/// # Errors
/// When the status cannot be written.
pub async fn failing(
    context: &Context,
    group: &HealthGroup,
    reason: &'static str,
    error: &(dyn std::error::Error + Send + Sync),
) -> Result<bool, Error> {
    let verdict = Verdict::Failing {
        reason,
        message: Chain(error).to_string(),
    };
    concluded(context, group, &verdict).await
}

async fn concluded(context: &Context, group: &HealthGroup, verdict: &Verdict) -> Result<bool, Error> {
    let mut new = group.status.clone().unwrap_or_default();
    status::set(&mut new, group.metadata.generation, verdict.facts());
    new.observed_generation = group.metadata.generation;
    write(context, group, &new).await
}

async fn write(context: &Context, group: &HealthGroup, new: &HealthGroupStatus) -> Result<bool, Error> {
    let api = Api::<HealthGroup>::all(context.client.clone());
    Ok(status::write(
        &api,
        &manager::<super::Groups>(),
        group,
        group.status.as_ref(),
        new,
    )
    .await?)
}
