//! Step 4: OpenBao signs the edition.

use dmp_homologation::feed::{self, Draft};

use super::dereference::Found;
use crate::controller::Context;
use crate::label_key::{self, Error};

/// The signature, without the text.
///
/// # Errors
/// When it is not signed.
pub async fn apply(context: &Context, found: &Found, draft: &Draft) -> Result<String, Error> {
    let signed = label_key::sign(context, &found.keys, feed::TYP, &draft.text).await?;
    Ok(signed.detached())
}
