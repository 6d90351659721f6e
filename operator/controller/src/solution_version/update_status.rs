//! Conditions of a version.

use dmp_api::SolutionVersion;

use super::validate::Refusal;
use crate::controller::Context;
use crate::status::{self, Error, Verdict};

/// # Errors
/// When the status cannot be written.
pub async fn update_status(
    context: &Context,
    version: &SolutionVersion,
    valid: Result<(), Refusal>,
) -> Result<(), Error> {
    let verdict = valid.map_or_else(|refusal| Verdict::stalled(&refusal), |()| Verdict::Ready);
    let new = status::concluded(version, [], &verdict);
    status::write::<super::Versions>(context, version, &new).await?;
    Ok(())
}
