//! Step 5: what the public reads. Where a version stands is written whether its label could be signed or not.

use dmp_api::CatalogueEntry;
use dmp_core::problem::Chain;

use super::build::Wanted;
use crate::controller::Context;
use crate::label_key;
use crate::status::{self, Error, Verdict};

/// # Errors
/// When the status cannot be written: a label that was signed is lost, and the next pass signs another one.
pub async fn update_status(
    context: &Context,
    entry: &CatalogueEntry,
    wanted: Wanted,
    signed: &Result<Option<String>, label_key::Error>,
) -> Result<bool, Error> {
    let mut published = wanted.published;
    let verdict = match signed {
        Ok(label) => {
            if let Some(label) = label {
                published.label = Some(label.clone());
            }
            Verdict::Ready
        }
        Err(error) => unsigned(error),
    };
    let mut new = status::concluded(entry, [], &verdict);
    new.homologation = wanted.homologation;
    new.published = Some(published);
    status::write::<super::Entries>(context, entry, &new).await
}

/// It was listed, and closed before anything could be published.
///
/// # Errors
/// When the status cannot be written.
pub async fn never_open(context: &Context, entry: &CatalogueEntry) -> Result<bool, Error> {
    let verdict = Verdict::Stalled {
        reason: "NotHomologated",
        message: "production does not open to this version: look at its SolutionHomologation".to_owned(),
    };
    let new = status::concluded(entry, [], &verdict);
    status::write::<super::Entries>(context, entry, &new).await
}

/// What an absent signature comes to.
pub(crate) fn unsigned(error: &label_key::Error) -> Verdict {
    let message = Chain(error).to_string();
    match error {
        label_key::Error::Missing => Verdict::Stalled {
            reason: label_key::MISSING,
            message,
        },
        label_key::Error::Changing | label_key::Error::OpenBao(_) => Verdict::Failing {
            reason: "SignatureUnavailable",
            message,
        },
    }
}
