//! Step 1: the catalogue as it is now, what all entries say, the platform's domain and its keys.

use dmp_api::catalogue::{Opening, PublicKey};
use dmp_api::names::PLATFORM;
use dmp_api::{Catalogue, CatalogueEntry, Platform, SystemHomologation};
use dmp_homologation::feed;
use dmp_keys::openbao;
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::{Api, ResourceExt};
use serde_json::Value;

use crate::controller::Context;
use crate::label_key;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the API server does not answer")]
    Api(#[from] kube::Error),
    #[error("OpenBao does not say its public keys")]
    OpenBao(#[from] openbao::Error),
}

/// What there is.
pub struct Found {
    /// Not the watch's: the next number follows from it.
    pub catalogue: Catalogue,
    pub issuer: String,
    /// Word for word, in order.
    pub entries: Vec<Value>,
    /// By the status that the operator gave to each word.
    pub openings: Vec<Opening>,
    pub keys: Vec<PublicKey>,
}

/// `None`: the catalogue is gone, or there is no platform.
///
/// # Errors
/// When the API server or OpenBao cannot be asked.
pub async fn dereference(context: &Context, catalogue: &Catalogue) -> Result<Option<Found>, Error> {
    let client = || context.client.clone();
    let catalogues = Api::<Catalogue>::all(client());
    let Some(catalogue) = catalogues.get_opt(&catalogue.name_any()).await? else {
        return Ok(None);
    };
    let Some(platform) = Api::<Platform>::all(client()).get_opt(PLATFORM).await? else {
        return Ok(None);
    };
    // Not by their type: an entry that another release wrote is an entry.
    let resource = ApiResource::erase::<CatalogueEntry>(&());
    let entries = Api::<DynamicObject>::all_with(client(), &resource);
    let entries = entries.list(&ListParams::default()).await?.items;
    let words = Api::<SystemHomologation>::all(client());
    let words = words.list(&ListParams::default()).await?.items;
    Ok(Some(Found {
        catalogue,
        issuer: platform.spec.domain,
        entries: feed::entries(entries.into_iter().map(|entry| entry.data)),
        openings: feed::openings(&words),
        keys: label_key::keys(context).await?,
    }))
}
