//! What there is, as one pass reads it: a few facts of each object, page by page, and of each kind whether it could be read.
//!
//! No Secret, no content of anything: of ConfigMaps only what the operator measured and left, of the texts in the platform's pods
//! only whether admission refuses them.

use std::collections::BTreeSet;

use dmp_api::names::{PLATFORM, SYSTEM_NAMESPACE};
use dmp_api::{HealthGroup, Incident, Platform, key_custody, last_uses, log_stores, node_clocks, tls_probe};
use dmp_policies::Profile;
use dmp_policies::exception::Exception;
use dmp_policies::openreports::{self, Report};
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{
    Namespace as KubeNamespace, Node as KubeNode, PersistentVolumeClaim, Pod as KubePod,
    Service as KubeService,
};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams};
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;

use crate::admission;
use crate::audit::{self, Audit};
use crate::brought::{self, Brought};
use crate::exceptions;
use crate::homologated::{self, Homologated};
use crate::images::{self, Image};
use crate::incidents::{Known, known};
use crate::left;
use crate::metrics;
pub use crate::objects::{Budget, Claim, Denial, Group, Labelled, Namespace, Node, Pod, Service};
use crate::objects::{budget, claim, denial, group, namespace, node, pod, service};
use crate::placement::{self, Placement};
use crate::profile;
use crate::rights::{self, Rights};
use crate::vulnerabilities::{self, Vulnerable};

/// Objects of a page.
const PAGE: u32 = 500;
/// The operator's lease: who does not renew it for so long does not probe the network either.
const OPERATOR_LEASE: &str = "dmp-operator";
const OPERATOR_SILENT: jiff::SignedDuration = jiff::SignedDuration::from_secs(120);

/// A kind that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} could not be read ({why})")]
pub struct Unread {
    pub kind: &'static str,
    /// `forbidden`, `not served`, `status 500`, `no answer`.
    pub why: String,
}

pub type Read<T> = Result<T, Unread>;

/// The facts of one pass.
#[derive(Clone, Debug)]
pub struct World {
    /// When it was read.
    pub at: Timestamp,
    pub namespaces: Read<Vec<Namespace>>,
    pub pods: Read<Vec<Pod>>,
    pub services: Read<Vec<Service>>,
    pub claims: Read<Vec<Claim>>,
    pub denials: Read<Vec<Denial>>,
    pub budgets: Read<Vec<Budget>>,
    pub nodes: Read<Vec<Node>>,
    pub placements: Read<Vec<Placement>>,
    /// What runs, by image.
    pub images: Read<Vec<Image>>,
    /// What is known to be wrong with these.
    pub vulnerable: Read<Vulnerable>,
    pub rights: Read<Rights>,
    /// The admission policies of this release.
    pub admission: Read<Vec<admission::Policy>>,
    pub groups: Read<Vec<Group>>,
    /// Of the platform and each production group; empty without a production group.
    pub homologated: Read<Vec<Homologated>>,
    pub sites: Read<Vec<Site>>,
    pub enforcement: Read<Enforcement>,
    /// What people brought, of each control the newest.
    pub brought: Read<Vec<Brought>>,
    /// What was asked to be tolerated.
    pub exceptions: Read<Vec<Exception>>,
    /// The platform's own values of parameters; `None` without a profile.
    pub profile: Read<Option<Profile>>,
    pub incidents: Read<Vec<Known>>,
    /// What arrives of the API server's audit.
    pub audit: Read<Audit>,
    /// TLS on the wire.
    pub endpoints: Read<tls_probe::Observation>,
    /// Keys in OpenBao.
    pub keys: Read<key_custody::Observation>,
    pub clocks: Read<node_clocks::Observation>,
    /// Copies of the platform's logs.
    pub logs: Read<log_stores::Observation>,
    /// Who came to the API server.
    pub uses: Read<last_uses::Observation>,
    /// Of the Platform; `None` without one.
    pub platform: Read<Option<Identity>>,
    /// The platform's image; empty without a platform.
    pub image: Read<String>,
    /// The ClusterReport as it stands.
    pub report: Read<Option<Report>>,
}

/// A Site that holds health data.
#[derive(Clone, Debug, Default)]
pub struct Site {
    pub name: String,
    /// Both empty when the Site does not say.
    pub level: String,
    pub expires: String,
}

/// Which platform it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub name: String,
    /// `metadata.uid` of its object.
    pub uid: String,
}

/// What the platform says of its network.
#[derive(Clone, Debug, Default)]
pub struct Enforcement {
    /// Status of the condition `NetworkPolicyEnforced`: `True`, `False`, `Unknown`.
    pub status: String,
    /// Whether who probes is alive.
    pub operator_alive: bool,
}

impl World {
    /// Of which nothing could be read.
    #[cfg(test)]
    pub(crate) fn unread(at: Timestamp) -> Self {
        fn nothing<T>() -> Read<T> {
            Err(Unread {
                kind: "Things",
                why: "forbidden".to_owned(),
            })
        }
        Self {
            at,
            namespaces: nothing(),
            pods: nothing(),
            services: nothing(),
            claims: nothing(),
            denials: nothing(),
            budgets: nothing(),
            nodes: nothing(),
            placements: nothing(),
            images: nothing(),
            vulnerable: nothing(),
            rights: nothing(),
            admission: nothing(),
            groups: nothing(),
            homologated: nothing(),
            sites: nothing(),
            enforcement: nothing(),
            brought: nothing(),
            exceptions: nothing(),
            profile: nothing(),
            incidents: nothing(),
            audit: nothing(),
            endpoints: nothing(),
            keys: nothing(),
            clocks: nothing(),
            logs: nothing(),
            uses: nothing(),
            platform: nothing(),
            image: nothing(),
            report: nothing(),
        }
    }

    /// Reads everything; one kind after the other, so that a pass is never many requests at once.
    pub async fn read(client: &Client, now: Timestamp) -> Self {
        let all = || client.clone();
        let platforms = list(Api::<Platform>::all(all()), "Platforms", |one| one).await;
        let platforms = platforms.as_deref().map_err(Clone::clone);
        let groups = list(Api::<HealthGroup>::all(all()), "HealthGroups", |one| one).await;
        let sites = list(Api::<dmp_api::Site>::all(all()), "Sites", |one| one).await;
        let sites = sites.as_deref().map_err(Clone::clone);
        let homologated = homologated::read(
            client,
            platforms.clone(),
            groups.as_deref().map_err(Clone::clone),
            sites.clone(),
            now,
        )
        .await;
        let groups = groups.map(|groups| groups.into_iter().map(group).collect::<Vec<_>>());
        let namespaces = list(Api::<KubeNamespace>::all(all()), "Namespaces", namespace).await;
        let spaces = namespaces.iter().flatten().filter(|space| space.ours);
        let ours: BTreeSet<&str> = spaces.map(|space| space.name.as_str()).collect();
        let pods = list(Api::<KubePod>::all(all()), "Pods", |one| pod(one, &ours)).await;
        let nodes = list(Api::<KubeNode>::all(all()), "Nodes", node).await;
        let claims = Api::<PersistentVolumeClaim>::all(all());
        let claims = list(claims, "PersistentVolumeClaims", claim).await;
        let seen = placement::Seen {
            platforms: platforms.clone(),
            groups: groups.as_deref().map_err(Clone::clone),
            sites: sites.clone(),
            namespaces: namespaces.as_deref().map_err(Clone::clone),
            pods: pods.as_deref().map_err(Clone::clone),
            claims: claims.as_deref().map_err(Clone::clone),
            nodes: nodes.as_deref().map_err(Clone::clone),
        };
        let images = images::read(
            client,
            seen.platforms.clone(),
            seen.namespaces.clone(),
            seen.pods.clone(),
        )
        .await;
        let (images, bills) = match images {
            Ok((images, bills)) => (Ok(images), Ok(bills)),
            Err(unread) => (Err(unread.clone()), Err(unread)),
        };
        Self {
            at: now,
            vulnerable: vulnerabilities::read(client, images.as_deref().map_err(Clone::clone), bills).await,
            images,
            placements: placement::read(client, seen).await,
            namespaces,
            pods,
            claims,
            services: list(Api::<KubeService>::all(all()), "Services", service).await,
            denials: list(Api::<NetworkPolicy>::all(all()), "NetworkPolicies", denial)
                .await
                .map(|found| found.into_iter().flatten().collect()),
            budgets: list(
                Api::<PodDisruptionBudget>::all(all()),
                "PodDisruptionBudgets",
                budget,
            )
            .await,
            nodes,
            rights: rights::read(client).await,
            admission: admission::read(client).await,
            sites: self::sites(platforms.clone(), groups.as_deref().map_err(Clone::clone), sites),
            groups,
            homologated,
            platform: platforms.clone().map(identity),
            image: platforms.clone().map(image),
            enforcement: enforcement(client, platforms, now).await,
            brought: brought::read(client).await,
            exceptions: exceptions::read(client).await,
            profile: profile::read(client).await,
            incidents: list(Api::<Incident>::all(all()), "Incidents", known).await,
            audit: audit::read(client, now).await,
            endpoints: left::read(client, now).await,
            keys: left::read(client, now).await,
            clocks: left::read(client, now).await,
            logs: left::read(client, now).await,
            uses: left::read(client, now).await,
            report: report(client).await,
        }
    }
}

/// Every object of a kind, made small at once.
pub(crate) async fn list<K, T>(api: Api<K>, kind: &'static str, small: impl Fn(K) -> T) -> Read<Vec<T>>
where
    K: Resource + Clone + DeserializeOwned + std::fmt::Debug,
{
    let mut found = Vec::new();
    let mut parameters = ListParams::default().limit(PAGE);
    loop {
        let page = api
            .list(&parameters)
            .await
            .map_err(|error| unread(kind, &error))?;
        found.extend(page.items.into_iter().map(&small));
        match page.metadata.continue_ {
            Some(token) if !token.is_empty() => parameters.continue_token = Some(token),
            _ => {
                metrics::read(kind, true);
                return Ok(found);
            }
        }
    }
}

pub(crate) fn unread(kind: &'static str, error: &kube::Error) -> Unread {
    let why = match error {
        kube::Error::Api(status) if status.code == 403 => "forbidden".to_owned(),
        kube::Error::Api(status) if status.code == 404 => "not served".to_owned(),
        kube::Error::Api(status) => format!("status {}", status.code),
        _ => "no answer".to_owned(),
    };
    tracing::warn!(kind, why, "not read");
    metrics::read(kind, false);
    Unread { kind, why }
}

/// The Sites of the platform and of its groups, the ones that are named and not there included.
fn sites(
    platforms: Read<&[Platform]>,
    groups: Read<&[Group]>,
    known: Read<&[dmp_api::Site]>,
) -> Read<Vec<Site>> {
    let known = known?;
    let platforms = platforms?.iter().map(|one| one.spec.site.clone());
    let groups = groups?.iter().map(|one| one.site.clone());
    let named: BTreeSet<String> = platforms.chain(groups).collect();
    let site = |name: String| {
        let qualification = known.iter().find(|site| site.name_any() == name);
        let qualification = qualification.and_then(|site| site.spec.qualification.clone());
        let (level, expires) = qualification.map(|it| (it.level, it.expires)).unwrap_or_default();
        Site { name, level, expires }
    };
    Ok(named.into_iter().map(site).collect())
}

fn identity(platforms: &[Platform]) -> Option<Identity> {
    let platform = platforms.iter().find(|one| one.name_any() == PLATFORM)?;
    Some(Identity {
        name: platform.name_any(),
        uid: platform.uid()?,
    })
}

fn image(platforms: &[Platform]) -> String {
    let platform = platforms.iter().find(|one| one.name_any() == PLATFORM);
    platform.map_or_else(String::new, |platform| platform.spec.images.dmp.clone())
}

async fn enforcement(client: &Client, platforms: Read<&[Platform]>, now: Timestamp) -> Read<Enforcement> {
    let platform = platforms?.iter().find(|one| one.name_any() == PLATFORM);
    let mut conditions = platform
        .and_then(|platform| platform.status.as_ref())
        .into_iter()
        .flat_map(|status| &status.conditions);
    let condition = conditions.find(|one| one.type_ == "NetworkPolicyEnforced");
    let leases = Api::<Lease>::namespaced(client.clone(), SYSTEM_NAMESPACE);
    let lease = leases.get_opt(OPERATOR_LEASE).await;
    let lease = lease.map_err(|error| unread("Leases", &error))?;
    metrics::read("Leases", true);
    let renewed = lease.and_then(|lease| lease.spec?.renew_time);
    Ok(Enforcement {
        status: condition.map_or_else(|| "Unknown".to_owned(), |one| one.status.clone()),
        operator_alive: renewed.is_some_and(|at| now.duration_since(at.0).abs() < OPERATOR_SILENT),
    })
}

async fn report(client: &Client) -> Read<Option<Report>> {
    let api = Api::<DynamicObject>::all_with(client.clone(), &resource("ClusterReport"));
    let live = api.get_opt(openreports::NAME).await;
    let live = live.map_err(|error| unread("ClusterReports", &error))?;
    metrics::read("ClusterReports", true);
    // What is no report of ours is as none: it is written anew.
    Ok(live.and_then(|live| serde_json::from_value(live.data).ok()))
}

/// `Report` or `ClusterReport`, as the API addresses it.
pub fn resource(kind: &str) -> ApiResource {
    let plural = format!("{}s", kind.to_ascii_lowercase());
    let kind = GroupVersionKind::gvk(openreports::GROUP, openreports::VERSION, kind);
    ApiResource::from_gvk_with_plural(&kind, &plural)
}
