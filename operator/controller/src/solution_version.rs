//! `SolutionVersion`: a frozen version of a product. No children: `dereference` → `validate` → `update_status`.

pub mod dereference;
pub mod update_status;
pub mod validate;

use async_trait::async_trait;
use dmp_api::SolutionVersion;
use k8s_controller::TraceMetadata;

use crate::controller::{Context, Kind, Next};
use crate::status;

/// The controller of versions.
pub struct Versions(pub Context);

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the version's surroundings cannot be read")]
    Dereference(#[from] dereference::Error),
    #[error("the version's status cannot be written")]
    Status(#[from] status::Error),
}

#[async_trait]
impl Kind for Versions {
    type Resource = SolutionVersion;
    type Error = Error;

    const NAME: &'static str = "solution-version";

    async fn reconcile(&self, version: &SolutionVersion, _trace: &mut TraceMetadata) -> Result<Next, Error> {
        let found = dereference::dereference(&self.0, version).await?;
        update_status::update_status(&self.0, version, validate::validate(version, &found)).await?;
        Ok(Next::Settled)
    }

    fn reason(error: &Error) -> &'static str {
        match error {
            Error::Dereference(_) => "DependencyUnavailable",
            Error::Status(_) => "StatusFailed",
        }
    }
}
