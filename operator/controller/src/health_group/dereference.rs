//! Step 1: reads what the group refers to and what there is of it already.

use std::collections::BTreeMap;

use dmp_api::names::{GROUP_DATABASES, PLATFORM};
use dmp_api::{HealthGroup, Mode, Platform, Site};
use dmp_core::ids::GroupName;
use dmp_core::token::PublicKey;
use dmp_homologation::inventory::Ground;
use kube::{Api, ResourceExt};

use crate::apply::{ApplyError, get};
use crate::controller::Context;
use crate::placement;
use crate::plane::{ObjectKind, database, trust::Trust};
use crate::system_homologation;

/// Something could not be read. That something does not exist is no error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the API server does not answer")]
    Api(#[from] kube::Error),
    #[error(transparent)]
    Object(#[from] ApplyError),
    #[error("OpenBao does not answer")]
    OpenBao(#[from] dmp_keys::openbao::Error),
}

/// What there is.
#[derive(Clone, Debug, Default)]
pub struct Found {
    pub platform: Option<Platform>,
    pub site: Option<Site>,
    /// By the site's signed inventory.
    pub ground: Option<Ground>,
    pub trust: Trust,
    /// Public key of the group's log, when its key space exists.
    pub log_key: Option<PublicKey>,
    /// Of a production group: what auditors and authorities said of it.
    pub words: Option<system_homologation::dereference::Found>,
    /// Labels of the group's namespace; none before there is one.
    pub labels: BTreeMap<String, String>,
    /// Both databases have begun to exist: their Secrets can be mounted.
    pub databases_started: bool,
}

/// # Errors
/// When the API server or OpenBao cannot be asked.
pub async fn dereference(context: &Context, group: &HealthGroup) -> Result<Found, Error> {
    let platform = Api::<Platform>::all(context.client.clone())
        .get_opt(PLATFORM)
        .await?;
    let site = Api::<Site>::all(context.client.clone())
        .get_opt(&group.spec.site)
        .await?;
    let ground = match &platform {
        Some(platform) => placement::read(&context.client, &platform.spec, &group.spec.site).await?,
        None => None,
    };
    let trust = context.openbao.trust(&[]).await?;
    let mut found = Found {
        platform,
        site,
        ground,
        trust,
        ..Found::default()
    };
    // An unusable name is the next step's to refuse.
    let Ok(name) = group.name_any().parse::<GroupName>() else {
        return Ok(found);
    };
    if group.spec.mode == Mode::Production {
        found.words =
            Some(system_homologation::dereference::dereference(context, Some(name.as_str())).await?);
    }
    found.log_key = context.openbao.group_log_key(&name).await?;
    let namespace = name.namespace();
    let space = get(&context.client, ObjectKind::Namespace, None, &namespace).await?;
    found.labels = space.map(|space| space.labels()).unwrap_or_default();
    found.databases_started = true;
    for cluster in GROUP_DATABASES {
        let live = get(&context.client, ObjectKind::Cluster, Some(&namespace), cluster).await?;
        found.databases_started &= live.as_ref().is_some_and(database::has_secrets);
    }
    Ok(found)
}
