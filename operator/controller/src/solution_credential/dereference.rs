//! Step 1: reads the platform, the product, its versions, the group and the revocations.

use std::sync::Arc;

use dmp_api::names::PLATFORM;
use dmp_api::{
    HealthGroup, Mode, Platform, Solution, SolutionCredential, SolutionRevocation, SolutionVersion,
};
use dmp_homologation::Dossier;
use kube::{Api, ResourceExt};

use crate::controller::Context;
use crate::dossier;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the API server does not answer")]
    Api(#[from] kube::Error),
    #[error("what decides about the version cannot be read")]
    Dossier(#[from] dossier::Error),
}

/// What there is.
#[derive(Debug, Default)]
pub struct Found {
    pub platform: Option<Platform>,
    pub solution: Option<Solution>,
    pub versions: Vec<SolutionVersion>,
    /// The group that the credential names.
    pub group: Option<HealthGroup>,
    pub revocations: Vec<SolutionRevocation>,
    /// For production: what decides about the version.
    pub dossier: Option<Arc<Dossier>>,
}

/// The credential as it is now, not as the watch last told; `None` when it is gone.
///
/// # Errors
/// When the API server cannot be asked.
pub async fn live(
    context: &Context,
    credential: &SolutionCredential,
) -> Result<Option<SolutionCredential>, Error> {
    let namespace = credential.namespace().unwrap_or_default();
    let api = Api::<SolutionCredential>::namespaced(context.client.clone(), &namespace);
    Ok(api.get_opt(&credential.name_any()).await?)
}

/// # Errors
/// When the API server cannot be asked, or a revocation is not understood.
pub async fn dereference(context: &Context, credential: &SolutionCredential) -> Result<Found, Error> {
    let client = || context.client.clone();
    let namespace = credential.namespace().unwrap_or_default();
    let spec = &credential.spec;
    let group = match &spec.health_group {
        Some(name) => Api::<HealthGroup>::all(client()).get_opt(name).await?,
        None => None,
    };
    let (dossier, revocations) = match spec.mode {
        Mode::Production => {
            let read = dossier::read(context, &namespace);
            let dossier = context.dossiers.read(&namespace, read).await?;
            let revocations = dossier.revocations.clone();
            (Some(dossier), revocations)
        }
        Mode::Sandbox => (None, dossier::revocations(context).await?),
    };
    let (solution, versions) = match &dossier {
        Some(dossier) => {
            let mut solutions = dossier.solutions.iter();
            let named = solutions.find(|solution| solution.name_any() == spec.solution);
            (named.cloned(), dossier.versions.clone())
        }
        None => {
            let solutions = Api::<Solution>::namespaced(client(), &namespace);
            let versions = dossier::namespaced(context, &namespace).await?;
            (solutions.get_opt(&spec.solution).await?, versions)
        }
    };
    Ok(Found {
        platform: Api::<Platform>::all(client()).get_opt(PLATFORM).await?,
        solution,
        versions,
        group,
        revocations,
        dossier,
    })
}
