//! What was read in a review, or why it does not count.

use dmp_api::HomologationReview;
use dmp_homologation::signed::Read;
use dmp_homologation::statement::Review;

use crate::controller::Context;
use crate::status::{self, Error, Verdict};

/// # Errors
/// When the status cannot be written.
pub async fn update_status(
    context: &Context,
    review: &HomologationReview,
    read: Read<Review>,
) -> Result<(), Error> {
    let new = match read {
        Ok(signed) => {
            let mut new = status::concluded(review, [], &Verdict::Ready);
            new.domain = Some(signed.signer.role);
            new.decision = Some(signed.statement.decision);
            new.verdict = Some(signed.statement.verdict);
            new.body = Some(signed.signer.body.name);
            new
        }
        Err(refused) => {
            let mut new = status::concluded(review, [], &Verdict::stalled(&refused));
            (new.domain, new.decision, new.verdict, new.body) = (None, None, None, None);
            new
        }
    };
    status::write::<super::Reviews>(context, review, &new).await?;
    Ok(())
}
