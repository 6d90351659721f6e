//! An open version has its place in the public catalogue, for ever. What the entry says is `catalogue_entry`'s.

use dmp_api::names::CATALOGUE;
use dmp_api::{Catalogue, CatalogueEntry, CatalogueEntrySpec, CatalogueSpec, SolutionHomologation};
use dmp_homologation::{Standing, catalogue};
use kube::api::PostParams;
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::controller::{Context, manager};

#[derive(Debug, thiserror::Error)]
#[error("the version cannot be put into the catalogue")]
pub struct Error(#[from] kube::Error);

/// # Errors
/// When the API server refuses or cannot be reached.
pub async fn apply(
    context: &Context,
    homologation: &SolutionHomologation,
    standing: &Standing,
) -> Result<(), Error> {
    if !standing.state.is_open() {
        return Ok(());
    }
    let spec = entry_of(homologation);
    ensure(context, CatalogueEntry::new(&catalogue::id(&spec), spec)).await?;
    begin(context).await
}

/// The catalogue begins with the first thing that is in it.
///
/// # Errors
/// When the API server refuses or cannot be reached.
pub async fn begin(context: &Context) -> Result<(), Error> {
    ensure(context, Catalogue::new(CATALOGUE, CatalogueSpec {})).await
}

/// The entry of the version that a submission is about.
pub fn entry_of(homologation: &SolutionHomologation) -> CatalogueEntrySpec {
    CatalogueEntrySpec {
        namespace: homologation.namespace().unwrap_or_default(),
        solution: homologation.spec.solution.clone(),
        version: homologation.spec.version.clone(),
    }
}

/// Makes what is not there; what is there is not touched.
async fn ensure<K>(context: &Context, object: K) -> Result<(), Error>
where
    K: Resource<DynamicType = (), Scope = kube::core::ClusterResourceScope>
        + Clone
        + std::fmt::Debug
        + Serialize
        + DeserializeOwned,
{
    let api = Api::<K>::all(context.client.clone());
    if api.get_metadata_opt(&object.name_any()).await?.is_some() {
        return Ok(());
    }
    let parameters = PostParams {
        field_manager: Some(manager::<super::Homologations>()),
        ..PostParams::default()
    };
    match api.create(&parameters, &object).await {
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
        outcome => Ok(outcome.map(|_| ())?),
    }
}
