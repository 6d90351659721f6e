//! Step 5: conditions, from what the API server answered.

use dmp_api::names::NATIONAL_SERVICES;
use dmp_api::{Platform, PlatformStatus};
use dmp_core::problem::Chain;
use k8s_controller::conditions::ConditionStatus;
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
    platform: &Platform,
    valid: &Valid,
    plane: &Plane<Applied>,
) -> Result<Outcome, Error> {
    let new = status(platform, valid, plane);
    let ready = is_ready(&new);
    let was_ready = platform.status.as_ref().is_some_and(is_ready);
    write(context, platform, &new).await?;
    Ok(Outcome {
        ready,
        became_ready: ready && !was_ready,
    })
}

fn is_ready(status: &PlatformStatus) -> bool {
    k8s_controller::conditions::find(&status.conditions, "Ready").is_some_and(|ready| ready.status == "True")
}

/// The status that follows from the applied objects. Pure.
pub fn status(platform: &Platform, valid: &Valid, plane: &Plane<Applied>) -> PlatformStatus {
    let databases: Vec<&str> = plane
        .databases
        .iter()
        .filter(|cluster| !database::is_ready(cluster))
        .map(|c| c.name.as_str())
        .collect();
    let services: Vec<&str> = NATIONAL_SERVICES
        .into_iter()
        .filter(|name| {
            !plane
                .deployments
                .iter()
                .any(|d| d.name == *name && service::is_ready(d))
        })
        .collect();
    let necessary = [
        if databases.is_empty() {
            Fact::new("DatabaseReady", true, "Healthy", "")
        } else {
            let message = format!("CloudNativePG is bringing up: {}", databases.join(", "));
            Fact::new("DatabaseReady", false, "Starting", message)
        },
        Fact::new("KeysReady", true, "Complete", ""),
        if services.is_empty() {
            Fact::new("ServiceReady", true, "Available", "")
        } else {
            let message = format!("not available yet: {}", services.join(", "));
            Fact::new("ServiceReady", false, "Unavailable", message)
        },
    ];
    let verdict = match necessary.iter().find(|fact| fact.holds != ConditionStatus::True) {
        None => Verdict::Ready,
        Some(fact) if fact.name == "DatabaseReady" => Verdict::Progressing {
            reason: "DatabaseNotReady",
            message: fact.message.clone(),
        },
        Some(fact) => Verdict::Progressing {
            reason: "ServiceNotReady",
            message: fact.message.clone(),
        },
    };
    let generation = platform.metadata.generation;
    let mut new = platform.status.clone().unwrap_or_default();
    status::set(&mut new, generation, necessary);
    status::set(&mut new, generation, warnings(valid));
    status::set(&mut new, generation, verdict.facts());
    new.observed_generation = generation;
    new.groups = i64::try_from(valid.group_count).ok();
    if services.is_empty() {
        new.release = Some(valid.spec.release.clone());
    }
    new
}

/// What is not wrong but must be known.
fn warnings(valid: &Valid) -> [Fact; 3] {
    [
        Fact::new(
            "NetworkPolicyEnforced",
            false,
            "NotProbed",
            "policies are applied, but no probe has shown that this cluster's network enforces them",
        ),
        if valid.spec.openbao.managed {
            let message =
                "OpenBao unseals itself with a key of the same cluster: never for production groups";
            Fact::new("InsecureSeal", true, "StaticSeal", message)
        } else {
            Fact::new("InsecureSeal", false, "ExistingOpenBao", "")
        },
        if valid.spec.demonstration {
            let message = "synthetic people may log in; production groups refuse them";
            Fact::new("DemonstrationOn", true, "Demonstration", message)
        } else {
            Fact::new("DemonstrationOn", false, "Off", "")
        },
    ]
}

/// The platform cannot be, until somebody does something; whether that is news.
///
/// # Errors
/// When the status cannot be written.
pub async fn refused(context: &Context, platform: &Platform, refusal: &Refusal) -> Result<bool, Error> {
    let verdict = Verdict::Stalled {
        reason: refusal.reason(),
        message: refusal.to_string(),
    };
    concluded(context, platform, &verdict).await
}

/// Something failed that is tried again.
///
/// # Errors
/// When the status cannot be written.
pub async fn failing(
    context: &Context,
    platform: &Platform,
    reason: &'static str,
    error: &(dyn std::error::Error + Send + Sync),
) -> Result<bool, Error> {
    let verdict = Verdict::Failing {
        reason,
        message: Chain(error).to_string(),
    };
    concluded(context, platform, &verdict).await
}

async fn concluded(context: &Context, platform: &Platform, verdict: &Verdict) -> Result<bool, Error> {
    let mut new = platform.status.clone().unwrap_or_default();
    status::set(&mut new, platform.metadata.generation, verdict.facts());
    new.observed_generation = platform.metadata.generation;
    write(context, platform, &new).await
}

async fn write(context: &Context, platform: &Platform, new: &PlatformStatus) -> Result<bool, Error> {
    let api = Api::<Platform>::all(context.client.clone());
    Ok(status::write(
        &api,
        &manager::<super::Platforms>(),
        platform,
        platform.status.as_ref(),
        new,
    )
    .await?)
}
