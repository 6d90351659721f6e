//! Step 4: the national plane in Kubernetes. (Its keys in OpenBao are made by `dmpctl install`.)

use crate::apply::ApplyError;
use crate::controller::{Context, manager};
use crate::plane::{Applied, Plane, Prepared};

pub type Error = ApplyError;

/// # Errors
/// Names the first object that was refused; running it again continues.
pub async fn apply(context: &Context, plane: Plane<Prepared>) -> Result<Plane<Applied>, Error> {
    crate::apply::plane(context, &manager::<super::Platforms>(), plane).await
}
