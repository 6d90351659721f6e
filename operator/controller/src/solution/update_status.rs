//! Conditions of a solution.

use dmp_api::Solution;

use super::validate::Refusal;
use crate::controller::Context;
use crate::status::{self, Error, Verdict};

/// # Errors
/// When the status cannot be written.
pub async fn update_status(
    context: &Context,
    solution: &Solution,
    valid: Result<(), Refusal>,
) -> Result<(), Error> {
    let verdict = valid.map_or_else(|refusal| Verdict::stalled(&refusal), |()| Verdict::Ready);
    let new = status::concluded(solution, [], &verdict);
    status::write::<super::Solutions>(context, solution, &new).await?;
    Ok(())
}
