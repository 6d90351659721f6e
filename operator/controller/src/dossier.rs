//! Reads the dossier of a vendor: everything that decides about its homologations. One home for the controllers that need it.

use dmp_api::names::PLATFORM;
use dmp_api::{NonConformity, Platform, SolutionCredential, SolutionRevocation};
use dmp_homologation::{Bodies, Dossier};
use kube::api::ListParams;
use kube::core::{ClusterResourceScope, NamespaceResourceScope};
use kube::{Api, Resource};
use serde::de::DeserializeOwned;

use crate::controller::Context;
use crate::guard::Guarded;
use crate::lifts;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the API server does not answer")]
    Api(#[from] kube::Error),
    #[error("SolutionRevocation `{0}` cannot be read: nothing is homologated until it can")]
    UnreadableRevocation(String),
    #[error("NonConformity `{0}` cannot be read: nothing of its vendor is homologated until it can")]
    UnreadableNonConformity(String),
}

/// The dossier of the vendor whose namespace it is. What cannot be read is left out: it opens nothing.
///
/// # Errors
/// When the API server cannot be asked, or a revocation is not understood.
pub async fn read(context: &Context, namespace: &str) -> Result<Dossier, Error> {
    // What takes away is read when the words have been: words that came after it are never read beside what was before it.
    // Within that at once: a pass waits for the slowest, not for all of them.
    let own = futures::future::try_join5(
        namespaced(context, namespace),
        namespaced(context, namespace),
        namespaced(context, namespace),
        namespaced(context, namespace),
        namespaced(context, namespace),
    );
    let words = futures::future::try_join(namespaced(context, namespace), namespaced(context, namespace));
    let rules = futures::future::try_join3(bodies(context), cluster(context), cluster(context));
    let against = futures::future::try_join(non_conformities(context, namespace), revocations(context));
    let (own, words) = futures::join!(own, words);
    let (rules, against) = futures::join!(rules, against);
    let (solutions, versions, homologations, evidence, runs) = own?;
    let (reviews, answers) = words?;
    let (bodies, programmes, profiles) = rules?;
    let (non_conformities, revocations) = against?;
    Ok(Dossier {
        namespace: namespace.to_owned(),
        bodies,
        solutions,
        versions,
        programmes,
        profiles,
        homologations,
        evidence,
        runs,
        reviews,
        non_conformities,
        answers,
        revocations,
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

/// Those of a vendor's that can be read.
pub(crate) async fn namespaced<K>(context: &Context, namespace: &str) -> Result<Vec<K>, kube::Error>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + std::fmt::Debug
        + DeserializeOwned,
{
    readable(&Api::<Guarded<K>>::namespaced(context.client.clone(), namespace)).await
}

/// All that can be read.
pub(crate) async fn cluster<K>(context: &Context) -> Result<Vec<K>, kube::Error>
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

/// What is left out here would suspend nothing.
async fn non_conformities(context: &Context, namespace: &str) -> Result<Vec<NonConformity>, Error> {
    let api = Api::<Guarded<NonConformity>>::namespaced(context.client.clone(), namespace);
    let listed = api.list(&ListParams::default()).await?.items;
    let readable = listed.into_iter().map(|Guarded(one)| {
        one.map_err(|invalid| Error::UnreadableNonConformity(invalid.metadata.name.unwrap_or_default()))
    });
    readable.collect()
}

/// Every revocation in force: what both bodies lifted closes nothing any more.
///
/// # Errors
/// When the API server cannot be asked, or one is not understood: what it closes is not known.
pub async fn revocations(context: &Context) -> Result<Vec<SolutionRevocation>, Error> {
    let api = Api::<Guarded<SolutionRevocation>>::all(context.client.clone());
    let listed = api.list(&ListParams::default()).await?.items;
    let readable = listed.into_iter().map(|Guarded(revocation)| {
        revocation.map_err(|invalid| Error::UnreadableRevocation(invalid.metadata.name.unwrap_or_default()))
    });
    let revocations: Result<Vec<_>, Error> = readable.collect();
    Ok(lifts::in_force(context, revocations?).await?)
}
