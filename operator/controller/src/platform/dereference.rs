//! Step 1: reads the site, the groups, and the public keys in OpenBao.

use std::collections::{BTreeMap, BTreeSet};

use dmp_api::names::{NATIONAL_DATABASES, NATIONAL_NAMESPACE, group_log_origin, national_log_origin};
use dmp_api::{HealthGroup, Platform, Site};
use dmp_core::ids::GroupName;
use dmp_core::token::PublicKey;
use dmp_homologation::inventory::Ground;
use kube::api::ListParams;
use kube::{Api, ResourceExt};

use crate::apply::{ApplyError, get};
use crate::controller::Context;
use crate::guard::Guarded;
use crate::placement;
use crate::plane::{ObjectKind, database, trust::Trust};
use crate::system_homologation;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the API server does not answer")]
    Api(#[from] kube::Error),
    #[error(transparent)]
    Object(#[from] ApplyError),
    #[error("OpenBao does not answer, or `dmpctl install` has not finished its set-up")]
    OpenBao(#[from] dmp_keys::openbao::Error),
}

/// A group that has a key space.
#[derive(Clone, Debug)]
pub struct GroupLog {
    pub name: GroupName,
    pub key: PublicKey,
}

/// What there is.
#[derive(Clone, Debug, Default)]
pub struct Found {
    pub site: Option<Site>,
    /// By the site's signed inventory.
    pub ground: Option<Ground>,
    pub trust: Trust,
    /// What auditors and authorities said of the platform.
    pub words: system_homologation::dereference::Found,
    /// Sorted by name; groups that are going away are not in it.
    pub groups: Vec<GroupLog>,
    /// Number of `HealthGroup`s.
    pub group_count: usize,
    /// Labels of the national namespace; none before there is one.
    pub labels: BTreeMap<String, String>,
    /// Databases that have begun to exist.
    pub databases_started: BTreeSet<&'static str>,
}

/// # Errors
/// When the API server or OpenBao cannot be asked.
pub async fn dereference(context: &Context, platform: &Platform) -> Result<Found, Error> {
    let domain = &platform.spec.domain;
    let site = Api::<Site>::all(context.client.clone())
        .get_opt(&platform.spec.site)
        .await?;
    let logs =
        NATIONAL_DATABASES.map(|service| (format!("log-{service}"), national_log_origin(domain, service)));
    let origins: Vec<_> = logs
        .iter()
        .map(|(key, origin)| (key.as_str(), origin.clone()))
        .collect();
    let mut found = Found {
        site,
        ground: placement::read(&context.client, &platform.spec, &platform.spec.site).await?,
        trust: context.openbao.trust(&origins).await?,
        words: system_homologation::dereference::dereference(context, None).await?,
        ..Found::default()
    };

    let api = Api::<Guarded<HealthGroup>>::all(context.client.clone());
    let all = api.list(&ListParams::default()).await?.items;
    found.group_count = all.len();
    let mut names: Vec<GroupName> = all
        .into_iter()
        .filter_map(|Guarded(group)| group.ok())
        .filter(|group| group.metadata.deletion_timestamp.is_none())
        .filter_map(|group| group.name_any().parse().ok())
        .collect();
    names.sort();
    for name in names {
        if let Some(key) = context.openbao.group_log_key(&name).await? {
            found
                .trust
                .logs
                .insert(group_log_origin(domain, name.as_str()), key.clone());
            found.groups.push(GroupLog { name, key });
        }
    }
    let space = get(&context.client, ObjectKind::Namespace, None, NATIONAL_NAMESPACE).await?;
    found.labels = space.map(|space| space.labels()).unwrap_or_default();
    for cluster in NATIONAL_DATABASES {
        let live = get(
            &context.client,
            ObjectKind::Cluster,
            Some(NATIONAL_NAMESPACE),
            cluster,
        )
        .await?;
        if live.as_ref().is_some_and(database::has_secrets) {
            found.databases_started.insert(cluster);
        }
    }
    Ok(found)
}
