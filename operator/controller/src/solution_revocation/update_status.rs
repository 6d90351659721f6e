//! Conditions of a revocation.

use dmp_api::SolutionRevocation;

use super::validate::Reach;
use crate::controller::Context;
use crate::status::{self, Error, Fact, Verdict};

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
    let mut new = status::concluded(revocation, [known], &Verdict::Ready);
    new.credentials = i64::try_from(reach.credentials).ok();
    status::write::<super::Revocations>(context, revocation, &new).await
}
