//! Step 5: the edition, or why there is no newer one.

use dmp_homologation::feed::Draft;

use super::Catalogues;
use super::dereference::Found;
use crate::catalogue_entry::update_status::unsigned;
use crate::controller::Context;
use crate::label_key;
use crate::status::{self, Error, Verdict};

/// # Errors
/// When the status cannot be written: the next pass signs another edition.
pub async fn signed(
    context: &Context,
    found: &Found,
    draft: &Draft,
    signature: String,
) -> Result<bool, Error> {
    let mut new = status::concluded(&found.catalogue, [], &Verdict::Ready);
    new.number = Some(draft.number);
    new.entries = Some(i64::try_from(draft.entries).unwrap_or(i64::MAX));
    new.issuer = Some(draft.issuer.clone());
    new.generated_at = Some(draft.generated_at.clone());
    new.next_update = Some(draft.next_update.clone());
    new.openings.clone_from(&draft.openings);
    new.entries_sha256 = Some(draft.entries_sha256.clone());
    new.signature = Some(signature);
    new.keys.clone_from(&found.keys);
    status::write::<Catalogues>(context, &found.catalogue, &new).await
}

/// The edition there is, is the right one.
///
/// # Errors
/// When the status cannot be written.
pub async fn current(context: &Context, found: &Found) -> Result<bool, Error> {
    let mut new = status::concluded(&found.catalogue, [], &Verdict::Ready);
    new.keys.clone_from(&found.keys);
    status::write::<Catalogues>(context, &found.catalogue, &new).await
}

/// The edition there is stays, until it is too old to count.
///
/// # Errors
/// When the status cannot be written.
pub async fn failed(context: &Context, found: &Found, error: &label_key::Error) -> Result<bool, Error> {
    let new = status::concluded(&found.catalogue, [], &unsigned(error));
    status::write::<Catalogues>(context, &found.catalogue, &new).await
}
