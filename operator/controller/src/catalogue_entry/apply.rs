//! Step 4: OpenBao signs the label.

use dmp_homologation::label::{self, Label};

use super::dereference::Found;
use crate::controller::Context;
use crate::label_key::{self, Error};

/// The label as a JWS.
///
/// # Errors
/// When it is not signed.
pub async fn apply(context: &Context, found: &Found, label: &Label) -> Result<String, Error> {
    let known = match &found.keys {
        Some(keys) => keys.clone(),
        None => label_key::keys(context).await?,
    };
    let signed = label_key::sign(context, &known, label::TYP, &label.payload()).await?;
    Ok(signed.compact())
}
