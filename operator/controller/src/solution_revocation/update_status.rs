//! Conditions of a revocation.

use dmp_api::SolutionRevocation;
use kube::Api;

use super::validate::Reach;
use crate::controller::{Context, manager};
use crate::status::{self, Fact, Verdict};

#[derive(Debug, thiserror::Error)]
#[error("the API server refused the status")]
pub struct Error(#[from] kube::Error);

/// Whether it is news.
///
/// # Errors
/// When the status cannot be written.
pub async fn update_status(
    context: &Context,
    revocation: &SolutionRevocation,
    reach: Reach,
) -> Result<bool, Error> {
    let known = if reach.solution {
        Fact::new("SolutionKnown", true, "Found", "")
    } else {
        let message = "there is no such Solution: it holds all the same, should one appear";
        Fact::new("SolutionKnown", false, "SolutionNotFound", message)
    };
    let generation = revocation.metadata.generation;
    let mut new = revocation.status.clone().unwrap_or_default();
    status::set(&mut new, generation, [known]);
    status::set(&mut new, generation, Verdict::Ready.facts());
    new.observed_generation = generation;
    new.credentials = i64::try_from(reach.credentials).ok();
    let api = Api::<SolutionRevocation>::all(context.client.clone());
    let manager = manager::<super::Revocations>();
    Ok(status::write(&api, &manager, revocation, revocation.status.as_ref(), &new).await?)
}
