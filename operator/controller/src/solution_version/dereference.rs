//! Reads the product and its other versions.

use dmp_api::{Solution, SolutionVersion};
use kube::api::ListParams;
use kube::{Api, ResourceExt};

use crate::controller::Context;
use crate::guard::Guarded;

#[derive(Debug, thiserror::Error)]
#[error("the API server does not answer")]
pub struct Error(#[from] kube::Error);

/// What there is.
#[derive(Debug, Default)]
pub struct Found {
    pub solution: Option<Solution>,
    /// Every version in the namespace, this one included.
    pub versions: Vec<SolutionVersion>,
}

/// # Errors
/// When the API server cannot be asked.
pub async fn dereference(context: &Context, version: &SolutionVersion) -> Result<Found, Error> {
    let namespace = version.namespace().unwrap_or_default();
    let solutions = Api::<Solution>::namespaced(context.client.clone(), &namespace);
    let versions = Api::<Guarded<SolutionVersion>>::namespaced(context.client.clone(), &namespace);
    Ok(Found {
        solution: solutions.get_opt(&version.spec.solution).await?,
        versions: versions
            .list(&ListParams::default())
            .await?
            .items
            .into_iter()
            .filter_map(|Guarded(version)| version.ok())
            .collect(),
    })
}
