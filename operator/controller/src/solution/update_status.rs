//! Conditions of a solution.

use dmp_api::Solution;
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
    solution: &Solution,
    valid: Result<(), Refusal>,
) -> Result<(), Error> {
    let verdict = match valid {
        Ok(()) => Verdict::Ready,
        Err(refusal) => Verdict::Stalled {
            reason: "WrongNamespace",
            message: refusal.to_string(),
        },
    };
    let generation = solution.metadata.generation;
    let mut new = solution.status.clone().unwrap_or_default();
    status::set(&mut new, generation, verdict.facts());
    new.observed_generation = generation;
    let api = Api::<Solution>::namespaced(context.client.clone(), &solution.namespace().unwrap_or_default());
    status::write(
        &api,
        &manager::<super::Solutions>(),
        solution,
        solution.status.as_ref(),
        &new,
    )
    .await?;
    Ok(())
}
