//! What there is, as one pass reads it: a few facts of each object, page by page, and of each kind whether it could be read.
//!
//! No Secret, no content of anything: of ConfigMaps only what the operator's probe of TLS left, of the texts in the platform's pods
//! only whether admission refuses them.

use std::collections::BTreeSet;

use dmp_api::names::{GROUP_LABEL, PLATFORM, SYSTEM_NAMESPACE, VENDOR_LABEL};
use dmp_api::tls_probe::Observation;
use dmp_api::{HealthGroup, Incident, Mode, Platform};
use dmp_homologation::inventory::machine;
use dmp_homologation::statement::Machine;
use dmp_policies::exception::Exception;
use dmp_policies::openreports::{self, Report};
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{
    Namespace as KubeNamespace, Node as KubeNode, Pod as KubePod, Service as KubeService,
};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{ApiResource, DynamicObject, GroupVersionKind, ListParams};
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::admission;
use crate::brought::{self, Brought};
use crate::endpoints;
use crate::exceptions;
use crate::homologated::{self, Homologated};
use crate::incidents::{Known, known};
use crate::metrics;
use crate::placement::{self, Placement};
use crate::refused;
use crate::rights::{self, Rights};

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
    pub denials: Read<Vec<Denial>>,
    pub budgets: Read<Vec<Budget>>,
    pub nodes: Read<Vec<Node>>,
    pub placements: Read<Vec<Placement>>,
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
    pub incidents: Read<Vec<Known>>,
    /// TLS on the wire.
    pub endpoints: Read<Observation>,
    /// The platform's image; empty without a platform.
    pub image: Read<String>,
    /// The ClusterReport as it stands.
    pub report: Read<Option<Report>>,
}

#[derive(Clone, Debug, Default)]
pub struct Namespace {
    pub name: String,
    /// Of the platform: `app.kubernetes.io/part-of=dmp`.
    pub ours: bool,
    /// Name of its HealthGroup; empty without.
    pub group: String,
    /// Of a vendor who signed up.
    pub vendors: bool,
    /// Pod Security that is enforced; empty without.
    pub enforce: String,
}

#[derive(Clone, Debug, Default)]
pub struct Pod {
    pub namespace: String,
    pub name: String,
    /// `app.kubernetes.io/name`, of a database CNPG's cluster.
    pub app: String,
    pub node: String,
    pub ready: bool,
    /// Shares its node's network, or one of its ports.
    pub on_host: bool,
    /// What admission says of secrets in its texts; of a pod of somebody else nothing.
    pub secrets: Vec<&'static str>,
    /// What it says of its token.
    pub tokens: Vec<&'static str>,
}

#[derive(Clone, Debug, Default)]
pub struct Service {
    pub namespace: String,
    pub name: String,
    /// `ClusterIP`, `NodePort`, `LoadBalancer`, `ExternalName`.
    pub kind: String,
    pub external_ips: Vec<String>,
}

/// A NetworkPolicy for all pods of its namespace that lets nothing pass.
#[derive(Clone, Debug, Default)]
pub struct Denial {
    pub namespace: String,
    pub ingress: bool,
    pub egress: bool,
}

/// A disruption budget, and which of our services it is about.
#[derive(Clone, Debug, Default)]
pub struct Budget {
    pub namespace: String,
    pub app: String,
}

#[derive(Clone, Debug, Default)]
pub struct Node {
    pub name: String,
    /// `topology.kubernetes.io/zone`; empty without.
    pub zone: String,
    pub machine: Machine,
}

/// A HealthGroup.
#[derive(Clone, Debug, Default)]
pub struct Group {
    pub name: String,
    pub site: String,
    /// There are patients in it.
    pub production: bool,
}

/// A Site that holds health data.
#[derive(Clone, Debug, Default)]
pub struct Site {
    pub name: String,
    /// Both empty when the Site does not say.
    pub level: String,
    pub expires: String,
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
            denials: nothing(),
            budgets: nothing(),
            nodes: nothing(),
            placements: nothing(),
            rights: Err(Unread {
                kind: "Things",
                why: "forbidden".to_owned(),
            }),
            admission: nothing(),
            groups: nothing(),
            homologated: nothing(),
            sites: nothing(),
            enforcement: nothing(),
            brought: nothing(),
            exceptions: nothing(),
            incidents: nothing(),
            endpoints: nothing(),
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
        let seen = placement::Seen {
            platforms: platforms.clone(),
            groups: groups.as_deref().map_err(Clone::clone),
            sites: sites.clone(),
            namespaces: namespaces.as_deref().map_err(Clone::clone),
            pods: pods.as_deref().map_err(Clone::clone),
            nodes: nodes.as_deref().map_err(Clone::clone),
        };
        Self {
            at: now,
            placements: placement::read(client, seen).await,
            namespaces,
            pods,
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
            image: platforms.clone().map(image),
            enforcement: enforcement(client, platforms, now).await,
            brought: brought::read(client).await,
            exceptions: exceptions::read(client).await,
            incidents: list(Api::<Incident>::all(all()), "Incidents", known).await,
            endpoints: endpoints::read(client, now).await,
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

fn label<'o>(object: &'o impl kube::ResourceExt, name: &str) -> &'o str {
    object.labels().get(name).map_or("", String::as_str)
}

fn namespace(object: KubeNamespace) -> Namespace {
    Namespace {
        ours: label(&object, "app.kubernetes.io/part-of") == "dmp",
        group: label(&object, GROUP_LABEL).to_owned(),
        vendors: !label(&object, VENDOR_LABEL).is_empty(),
        enforce: label(&object, "pod-security.kubernetes.io/enforce").to_owned(),
        name: object.name_any(),
    }
}

fn pod(object: KubePod, ours: &BTreeSet<&str>) -> Pod {
    let app = match label(&object, "cnpg.io/cluster") {
        "" => label(&object, "app.kubernetes.io/name"),
        cluster => cluster,
    };
    let app = app.to_owned();
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    let ready = object
        .status
        .as_ref()
        .and_then(|status| status.conditions.as_ref());
    let ready = ready.is_some_and(|conditions| {
        let mut conditions = conditions.iter();
        conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True")
    });
    let spec = object.spec.unwrap_or_default();
    let ports = spec
        .containers
        .iter()
        .flat_map(|container| container.ports.iter().flatten());
    let on_host = spec.host_network == Some(true) || ports.into_iter().any(|port| port.host_port.is_some());
    let ours = ours.contains(namespace.as_str()).then(|| json!({ "spec": spec }));
    let said = |policy| {
        ours.as_ref()
            .map_or_else(Vec::new, |pod| refused::by(policy, pod))
    };
    Pod {
        namespace,
        name,
        app,
        node: spec.node_name.unwrap_or_default(),
        ready,
        on_host,
        secrets: said(refused::POD_SECRETS),
        tokens: said(refused::POD_TOKENS),
    }
}

fn service(object: KubeService) -> Service {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    let spec = object.spec.unwrap_or_default();
    Service {
        namespace,
        name,
        kind: spec.type_.unwrap_or_else(|| "ClusterIP".to_owned()),
        external_ips: spec.external_ips.unwrap_or_default(),
    }
}

fn denial(object: NetworkPolicy) -> Option<Denial> {
    let namespace = object.namespace().unwrap_or_default();
    let spec = object.spec?;
    let everything = spec.pod_selector.is_none_or(|selector| {
        selector.match_labels.is_none_or(|labels| labels.is_empty())
            && selector.match_expressions.is_none_or(|list| list.is_empty())
    });
    let about = |kind: &str| spec.policy_types.iter().flatten().any(|one| one == kind);
    let ingress = about("Ingress") && spec.ingress.as_ref().is_none_or(Vec::is_empty);
    let egress = about("Egress") && spec.egress.as_ref().is_none_or(Vec::is_empty);
    (everything && (ingress || egress)).then_some(Denial {
        namespace,
        ingress,
        egress,
    })
}

fn budget(object: PodDisruptionBudget) -> Budget {
    let namespace = object.namespace().unwrap_or_default();
    let labels = object
        .spec
        .and_then(|spec| spec.selector?.match_labels)
        .unwrap_or_default();
    let app = labels
        .get("cnpg.io/cluster")
        .or_else(|| labels.get("app.kubernetes.io/name"));
    Budget {
        namespace,
        app: app.cloned().unwrap_or_default(),
    }
}

fn group(object: HealthGroup) -> Group {
    Group {
        name: object.name_any(),
        site: object.spec.site,
        production: object.spec.mode == Mode::Production,
    }
}

fn node(object: KubeNode) -> Node {
    Node {
        zone: label(&object, "topology.kubernetes.io/zone").to_owned(),
        machine: machine(&object),
        name: object.name_any(),
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(spec: serde_json::Value) -> NetworkPolicy {
        serde_json::from_value(json!({ "metadata": { "name": "a", "namespace": "n" }, "spec": spec }))
            .unwrap()
    }

    #[test]
    fn a_policy_denies_when_it_is_for_every_pod_and_opens_nothing() {
        let both = json!({ "podSelector": {}, "policyTypes": ["Ingress", "Egress"] });
        let found = denial(policy(both)).unwrap();
        assert!(found.ingress && found.egress);
        let one = denial(policy(
            json!({ "podSelector": {}, "policyTypes": ["Ingress"], "ingress": [] }),
        ))
        .unwrap();
        assert!(one.ingress && !one.egress);
        for open in [
            json!({ "podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{}] }),
            json!({ "podSelector": { "matchLabels": { "app": "x" } }, "policyTypes": ["Ingress"] }),
            json!({ "podSelector": { "matchExpressions": [{ "key": "app", "operator": "Exists" }] },
                    "policyTypes": ["Ingress"] }),
            json!({ "podSelector": {} }),
        ] {
            assert!(denial(policy(open.clone())).is_none(), "{open}");
        }
    }

    #[test]
    fn a_pod_is_on_its_node_by_network_or_by_port() {
        let of = |spec: serde_json::Value| {
            let object = json!({ "metadata": { "name": "p", "namespace": "n" }, "spec": spec });
            pod(serde_json::from_value(object).unwrap(), &BTreeSet::new())
        };
        assert!(!of(json!({ "containers": [{ "name": "c", "ports": [{ "containerPort": 80 }] }] })).on_host);
        assert!(of(json!({ "containers": [], "hostNetwork": true })).on_host);
        let port =
            json!({ "containers": [{ "name": "c", "ports": [{ "containerPort": 80, "hostPort": 80 }] }] });
        assert!(of(port).on_host);
    }

    #[test]
    fn texts_of_the_platforms_pods_are_judged_and_of_no_others() {
        let object = json!({
            "metadata": { "name": "p", "namespace": "dmp-tanger" },
            "spec": { "containers": [{ "name": "c", "env": [{ "name": "DB_PASSWORD", "value": "letmein" }] }] },
        });
        let of = |ours: &[&'static str]| {
            let object = serde_json::from_value(object.clone()).unwrap();
            pod(object, &ours.iter().copied().collect())
        };
        let ours = of(&["dmp-tanger"]);
        assert_eq!((ours.secrets.len(), ours.tokens.len()), (1, 1));
        let theirs = of(&["dmp-national"]);
        assert_eq!((theirs.secrets.len(), theirs.tokens.len()), (0, 0));
    }
}
