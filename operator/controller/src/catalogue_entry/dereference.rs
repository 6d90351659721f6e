//! Step 1: the entry as it is now, the vendor's dossier, the platform's domain and its keys.

use dmp_api::catalogue::PublicKey;
use dmp_api::names::PLATFORM;
use dmp_api::{CatalogueEntry, Platform};
use dmp_core::problem::Chain;
use dmp_homologation::Dossier;
use kube::{Api, ResourceExt};

use crate::controller::Context;
use crate::{dossier, label_key};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the API server does not answer")]
    Api(#[from] kube::Error),
    #[error(transparent)]
    Dossier(#[from] dossier::Error),
}

/// What there is.
pub struct Found {
    /// Not the watch's: dates are taken over from it.
    pub entry: CatalogueEntry,
    pub dossier: Dossier,
    /// The platform's domain.
    pub issuer: Option<String>,
    /// `None` while OpenBao does not say.
    pub keys: Option<Vec<PublicKey>>,
}

/// `None`: the entry is gone.
///
/// # Errors
/// When the API server cannot be asked.
pub async fn dereference(context: &Context, entry: &CatalogueEntry) -> Result<Option<Found>, Error> {
    let api = Api::<CatalogueEntry>::all(context.client.clone());
    let Some(entry) = api.get_opt(&entry.name_any()).await? else {
        return Ok(None);
    };
    let platform = Api::<Platform>::all(context.client.clone())
        .get_opt(PLATFORM)
        .await?;
    let keys = match label_key::keys(context).await {
        Ok(keys) => Some(keys),
        Err(error) => {
            tracing::warn!(error = %Chain(&error), "the keys of labels are not known at present");
            None
        }
    };
    Ok(Some(Found {
        dossier: dossier::read(context, &entry.spec.namespace).await?,
        entry,
        issuer: platform.map(|platform| platform.spec.domain),
        keys,
    }))
}
