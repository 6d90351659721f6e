//! Conditions of a version.

use dmp_api::SolutionVersion;
use kube::{Api, ResourceExt};

use super::validate::Refusal;
use crate::controller::{Context, manager};
use crate::status::{self, Verdict};

#[derive(Debug, thiserror::Error)]
#[error("the API server refused the status")]
pub struct Error(#[from] kube::Error);

/// # Errors
/// When the status cannot be written.
pub async fn update_status(
    context: &Context,
    version: &SolutionVersion,
    valid: Result<(), Refusal>,
) -> Result<(), Error> {
    let verdict = match valid {
        Ok(()) => Verdict::Ready,
        Err(refusal) => Verdict::Stalled {
            reason: refusal.reason(),
            message: refusal.to_string(),
        },
    };
    let generation = version.metadata.generation;
    let mut new = version.status.clone().unwrap_or_default();
    status::set(&mut new, generation, verdict.facts());
    new.observed_generation = generation;
    let api =
        Api::<SolutionVersion>::namespaced(context.client.clone(), &version.namespace().unwrap_or_default());
    status::write(
        &api,
        &manager::<super::Versions>(),
        version,
        version.status.as_ref(),
        &new,
    )
    .await?;
    Ok(())
}
