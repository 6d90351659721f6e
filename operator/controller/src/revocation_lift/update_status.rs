//! Whose word a lift is, or why it does not count.

use dmp_api::RevocationLift;
use dmp_homologation::signed::{Refused, Signer};

use crate::controller::Context;
use crate::status::{self, Error, Verdict};

/// # Errors
/// When the status cannot be written.
pub async fn update_status(
    context: &Context,
    lift: &RevocationLift,
    read: Result<Signer, Refused>,
) -> Result<(), Error> {
    let new = match read {
        Ok(signer) => {
            let mut new = status::concluded(lift, [], &Verdict::Ready);
            new.role = Some(signer.role);
            new.body = Some(signer.body.name);
            new
        }
        Err(refused) => {
            let mut new = status::concluded(lift, [], &Verdict::stalled(&refused));
            (new.role, new.body) = (None, None);
            new
        }
    };
    status::write::<super::Lifts>(context, lift, &new).await?;
    Ok(())
}
