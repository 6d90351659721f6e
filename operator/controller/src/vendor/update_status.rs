//! Step 5: where the place is, or why there is none.

use dmp_api::Vendor;

use super::validate::{Refusal, Valid};
use crate::controller::Context;
use crate::status::{self, Error, Verdict};

/// # Errors
/// When the status cannot be written.
pub async fn placed(context: &Context, vendor: &Vendor, valid: &Valid) -> Result<bool, Error> {
    let mut new = status::concluded(vendor, [], &Verdict::Ready);
    new.namespace = Some(valid.namespace.clone());
    new.sandbox = Some(valid.place.clone());
    status::write::<super::Vendors>(context, vendor, &new).await
}

/// No place; one that there was is none any more.
///
/// # Errors
/// When the status cannot be written.
pub async fn refused(context: &Context, vendor: &Vendor, refusal: &Refusal) -> Result<bool, Error> {
    let mut new = status::concluded(vendor, [], &Verdict::stalled(refusal));
    new.namespace = None;
    new.sandbox = None;
    status::write::<super::Vendors>(context, vendor, &new).await
}
