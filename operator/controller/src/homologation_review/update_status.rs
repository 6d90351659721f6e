//! What was read in a review, or why it does not count.

use dmp_api::HomologationReview;

use super::{Spoken, Word};
use crate::controller::Context;
use crate::status::{self, Error, Verdict};

/// # Errors
/// When the status cannot be written.
pub async fn update_status(
    context: &Context,
    review: &HomologationReview,
    read: Spoken,
) -> Result<(), Error> {
    let verdict = read.as_ref().map_or_else(Verdict::stalled, |_| Verdict::Ready);
    let mut new = status::concluded(review, [], &verdict);
    (new.domain, new.decision, new.verdict, new.evidence, new.body) = (None, None, None, None, None);
    if let Ok((word, signer)) = read {
        (new.domain, new.body) = (Some(signer.role), Some(signer.body.name));
        match word {
            Word::Review(review) => {
                (new.decision, new.verdict) = (Some(review.decision), Some(review.verdict));
            }
            Word::Renewal(renewal) => new.evidence = Some(renewal.evidence),
        }
    }
    status::write::<super::Reviews>(context, review, &new).await?;
    Ok(())
}
