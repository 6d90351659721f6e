//! Whose word it is and what it says, or why it does not count.

use dmp_api::{SystemHomologation, SystemWord};
use dmp_homologation::signed::{Refused, Signer};
use jiff::civil::Date;

use crate::controller::Context;
use crate::status::{self, Error, Verdict};

/// # Errors
/// When the status cannot be written.
pub async fn update_status(
    context: &Context,
    word: &SystemHomologation,
    says: Option<(SystemWord, Option<Date>)>,
    read: Result<Signer, Refused>,
) -> Result<(), Error> {
    let verdict = read.as_ref().err().map_or(Verdict::Ready, Verdict::stalled);
    let mut new = status::concluded(word, [], &verdict);
    // What somebody says whose word does not count is shown all the same, without a body that it would be of.
    (new.says, new.until) = says.map_or((None, None), |(says, until)| {
        (Some(says), until.map(|until| until.to_string()))
    });
    let signer = read.ok();
    new.role = signer.as_ref().map(|signer| signer.role);
    new.body = signer.map(|signer| signer.body.name);
    status::write::<super::Words>(context, word, &new).await?;
    Ok(())
}
