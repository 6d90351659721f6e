//! Step 1: reads the platform, its sandbox group and the other vendors.

use std::collections::BTreeMap;

use dmp_api::names::PLATFORM;
use dmp_api::{HealthGroup, Platform, Vendor};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::ListParams;
use kube::{Api, ResourceExt as _};

use crate::controller::Context;
use crate::guard::Guarded;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the API server does not answer")]
    Api(#[from] kube::Error),
}

/// What there is.
#[derive(Debug, Default)]
pub struct Found {
    pub platform: Option<Platform>,
    /// The group that the platform names.
    pub group: Option<HealthGroup>,
    pub vendors: Vec<Vendor>,
    /// Labels of the vendor's namespace, when there is one.
    pub namespace: Option<BTreeMap<String, String>>,
}

/// # Errors
/// When the API server cannot be asked.
pub async fn dereference(context: &Context, vendor: &Vendor) -> Result<Found, Error> {
    let client = || context.client.clone();
    let platform = Api::<Platform>::all(client()).get_opt(PLATFORM).await?;
    let name = platform
        .as_ref()
        .and_then(|platform| platform.spec.sandbox_group.as_deref());
    let group = match name {
        Some(name) => Api::<HealthGroup>::all(client()).get_opt(name).await?,
        None => None,
    };
    let vendors = Api::<Guarded<Vendor>>::all(client())
        .list(&ListParams::default())
        .await?;
    let namespace = Api::<Namespace>::all(client())
        .get_opt(&Vendor::namespace_of(&vendor.name_any()))
        .await?;
    Ok(Found {
        namespace: namespace.map(|namespace| namespace.metadata.labels.unwrap_or_default()),
        platform,
        group,
        vendors: vendors
            .items
            .into_iter()
            .filter_map(|Guarded(vendor)| vendor.ok())
            .collect(),
    })
}
