//! Reads the dossier of a vendor: everything that decides about its homologations. One home for the controllers that need it.

use dmp_api::names::PLATFORM;
use dmp_api::{Platform, SolutionCredential, SolutionRevocation};
use dmp_homologation::{Bodies, Dossier};
use kube::api::ListParams;
use kube::core::{ClusterResourceScope, NamespaceResourceScope};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;

use crate::controller::Context;
use crate::guard::Guarded;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the API server does not answer")]
    Api(#[from] kube::Error),
    #[error("SolutionRevocation `{0}` cannot be read: nothing is homologated until it can")]
    UnreadableRevocation(String),
}

/// The dossier of the vendor whose namespace it is. What cannot be read is left out: it opens nothing.
///
/// # Errors
/// When the API server cannot be asked, or a revocation is not understood.
pub async fn read(context: &Context, namespace: &str) -> Result<Dossier, Error> {
    Ok(Dossier {
        namespace: namespace.to_owned(),
        bodies: bodies(context).await?,
        solutions: namespaced(context, namespace).await?,
        versions: namespaced(context, namespace).await?,
        programmes: cluster(context).await?,
        profiles: cluster(context).await?,
        homologations: namespaced(context, namespace).await?,
        evidence: namespaced(context, namespace).await?,
        runs: namespaced(context, namespace).await?,
        reviews: namespaced(context, namespace).await?,
        revocations: revocations(context).await?,
        credentials: Vec::new(),
    })
}

/// The vendor's credentials, which [`read`] leaves out: there may be very many.
///
/// # Errors
/// When the API server cannot be asked.
pub async fn credentials(context: &Context, namespace: &str) -> Result<Vec<SolutionCredential>, Error> {
    Ok(namespaced(context, namespace).await?)
}

/// The platform's bodies.
///
/// # Errors
/// When the API server cannot be asked.
pub async fn bodies(
    context: &Context,
) -> Result<Result<Bodies, dmp_homologation::bodies::Invalid>, kube::Error> {
    let platform = Api::<Platform>::all(context.client.clone())
        .get_opt(PLATFORM)
        .await?;
    Ok(Bodies::new(
        &platform.map_or_else(Vec::new, |platform| platform.spec.bodies),
    ))
}

async fn namespaced<K>(context: &Context, namespace: &str) -> Result<Vec<K>, kube::Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned,
{
    readable(&Api::<Guarded<K>>::namespaced(context.client.clone(), namespace)).await
}

async fn cluster<K>(context: &Context) -> Result<Vec<K>, kube::Error>
where
    K: Resource<DynamicType = (), Scope = ClusterResourceScope> + Clone + std::fmt::Debug + DeserializeOwned,
{
    readable(&Api::<Guarded<K>>::all(context.client.clone())).await
}

async fn readable<K>(api: &Api<Guarded<K>>) -> Result<Vec<K>, kube::Error>
where
    K: Resource<DynamicType = ()> + Clone + std::fmt::Debug + DeserializeOwned,
{
    let listed = api.list(&ListParams::default()).await?.items;
    Ok(listed
        .into_iter()
        .filter_map(|Guarded(object)| object.ok())
        .collect())
}

/// Every revocation there is.
///
/// # Errors
/// When the API server cannot be asked, or one is not understood: what it closes is not known.
pub async fn revocations(context: &Context) -> Result<Vec<SolutionRevocation>, Error> {
    let api = Api::<Guarded<SolutionRevocation>>::all(context.client.clone());
    let listed = api.list(&ListParams::default()).await?.items;
    let readable = listed.into_iter().map(|Guarded(revocation)| {
        revocation.map_err(|invalid| Error::UnreadableRevocation(invalid.metadata.name.unwrap_or_default()))
    });
    readable.collect()
}
