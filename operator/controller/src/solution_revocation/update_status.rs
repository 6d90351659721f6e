//! Conditions and ledger of a revocation.

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
    reach: &Reach,
) -> Result<bool, Error> {
    let known = if reach.known {
        Fact::new("SolutionKnown", true, "Found", "")
    } else {
        let message =
            "there is no such Solution, or none of this vendor: it holds all the same, should one appear";
        Fact::new("SolutionKnown", false, "SolutionNotFound", message)
    };
    let mut new = status::concluded(revocation, [known, in_force(reach)], &Verdict::Ready);
    new.credentials = i64::try_from(reach.credentials).ok();
    new.lifted = Some(reach.is_lifted());
    new.ledger.clone_from(&reach.ledger);
    status::write::<super::Revocations>(context, revocation, &new).await
}

fn in_force(reach: &Reach) -> Fact {
    if reach.is_lifted() {
        return Fact::new(
            "InForce",
            false,
            "Lifted",
            "lifted by the interop and the security entity",
        );
    }
    let lacking: Vec<_> = reach.lacking.iter().map(|role| role.as_str()).collect();
    let message = if reach.begun {
        format!(
            "lifted by one body; missing: the {} entity",
            lacking.join(" and the ")
        )
    } else {
        String::new()
    };
    Fact::new("InForce", true, "InForce", message)
}
