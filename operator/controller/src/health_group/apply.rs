//! Step 4: the group's key space in OpenBao, then its objects in Kubernetes.

use super::validate::Valid;
use crate::apply::ApplyError;
use crate::controller::{Context, manager};
use crate::plane::{Applied, Plane, Prepared};

/// What could not be made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the group's key space cannot be completed")]
    Keys(#[from] dmp_keys::openbao::Error),
    #[error(transparent)]
    Object(#[from] ApplyError),
}

impl Error {
    /// Condition and event reason, stable.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Keys(_) => "KeysUnavailable",
            Self::Object(_) => "ApplyFailed",
        }
    }
}

/// # Errors
/// The first step that failed; running it again continues.
pub async fn apply(
    context: &Context,
    valid: &Valid,
    plane: Plane<Prepared>,
) -> Result<Plane<Applied>, Error> {
    context.openbao.ensure_group(&valid.name).await?;
    let plane = crate::apply::plane(context, &manager::<super::Groups>(), plane).await?;
    Ok(plane)
}
