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
    let known = match reach.absent {
        None => Fact::new("SolutionKnown", true, "Found", ""),
        Some(absent) => Fact::new("SolutionKnown", false, absent.reason(), absent.message()),
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
