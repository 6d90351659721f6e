//! What makes each kind reconcile beside its own changes: its children, and what it refers to.
//!
//! Children and what names an object are followed by every change. What everything of a kind depends on rings only when
//! it has changed in what they look at ([`changes`]): each status of a hundred groups would else be a hundred passes.

use std::time::Duration;

use dmp_api::names::{GROUP_LABEL, PLATFORM};
use dmp_api::{
    Catalogue, CatalogueEntry, ConformanceProfile, ConformanceRun, EvidenceItem, HealthGroup,
    HomologationProgramme, HomologationReview, ImageRelease, NonConformity, NonConformityAnswer, Platform,
    PolicyProfile, RevocationLift, Site, SiteInventory, Solution, SolutionCredential, SolutionHomologation,
    SolutionRevocation, SolutionVersion, SystemHomologation, Vendor,
};
use k8s_controller::conditions;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{
    ConfigMap, LimitRange, Namespace, Node, ResourceQuota, Service, ServiceAccount,
};
use k8s_openapi::api::networking::v1::NetworkPolicy;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{DynamicObject, PartialObjectMeta};
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::utils::Backoff;
use kube::runtime::{Controller, watcher};
use kube::{Api, Client, Resource, ResourceExt};

use crate::changes::changes;
use crate::guard::Guarded;
use crate::network_probe::Probes;
use crate::plane::ObjectKind;
use crate::solution_homologation::apply::entry_of;
use crate::solution_revocation::validate::closes;

type Watched<K> = Controller<Guarded<K>>;

/// An object that a controller can keep.
pub trait Kept:
    Resource<DynamicType = ()> + Clone + std::fmt::Debug + serde::de::DeserializeOwned + Send + Sync + 'static
{
}

impl<K> Kept for K where
    K: Resource<DynamicType = ()>
        + Clone
        + std::fmt::Debug
        + serde::de::DeserializeOwned
        + Send
        + Sync
        + 'static
{
}

/// How long watches pause after an error. The framework gives all watches of a controller one pause: after a restart of the
/// API server each of them fails twice (its connection, then its version that is too old), one after the other. With the
/// default, which grows to 30 s, a controller of fifteen watches is blind for many minutes.
#[derive(Clone, Copy, Debug)]
pub struct PauseAfterError;

impl Iterator for PauseAfterError {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(Duration::from_millis(200))
    }
}

impl Backoff for PauseAfterError {
    fn reset(&mut self) {}
}

fn ours() -> watcher::Config {
    watcher::Config::default().labels("app.kubernetes.io/managed-by=dmp-operator")
}

/// Every rendered child, by `owner` of its labels.
fn children<K>(
    mut controller: Watched<K>,
    client: &Client,
    owner: fn(Option<&str>) -> Option<ObjectRef<Guarded<K>>>,
) -> Watched<K>
where
    K: Kept,
{
    fn of<K, C: ResourceExt>(
        owner: fn(Option<&str>) -> Option<ObjectRef<Guarded<K>>>,
    ) -> impl Fn(C) -> Option<ObjectRef<Guarded<K>>> + Sync + Send + 'static
    where
        K: Resource<DynamicType = ()> + 'static,
    {
        move |child: C| owner(child.labels().get(GROUP_LABEL).map(String::as_str))
    }
    macro_rules! metadata {
        ($($kind:ty),*) => {
            $(
                let api = Api::<PartialObjectMeta<$kind>>::all(client.clone());
                controller = controller.watches(api, ours(), of(owner));
            )*
        };
    }
    metadata!(
        Namespace,
        PodDisruptionBudget,
        Deployment,
        Service,
        ConfigMap,
        ServiceAccount,
        NetworkPolicy,
        ResourceQuota,
        LimitRange
    );
    let clusters = ObjectKind::Cluster.api_resource();
    let api = Api::<DynamicObject>::all_with(client.clone(), &clusters);
    controller.watches_with(api, clusters, ours(), of(owner))
}

/// The objects of the kind of which that holds.
fn those<K>(store: &Store<Guarded<K>>, holds: impl Fn(&Guarded<K>) -> bool) -> Vec<ObjectRef<Guarded<K>>>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    store
        .state()
        .iter()
        .filter(|object| holds(object))
        .map(|object| ObjectRef::from_obj(&**object))
        .collect()
}

/// Everything of the kind in a namespace.
fn in_namespace<K>(store: &Store<Guarded<K>>, namespace: Option<&str>) -> Vec<ObjectRef<Guarded<K>>>
where
    K: Resource<DynamicType = ()> + Clone + 'static,
{
    those(store, |object| object.namespace().as_deref() == namespace)
}

/// `on!(controller, client, Other, store => expression over `other` and `store`)`.
macro_rules! on {
    ($controller:ident, $client:ident, $other:ty, |$store:ident, $object:ident| $refs:expr) => {{
        let $store = $controller.store();
        let api = Api::<Guarded<$other>>::all($client.clone());
        $controller.watches(
            api,
            watcher::Config::default(),
            move |$object: Guarded<$other>| $refs,
        )
    }};
}

pub fn platforms(controller: Watched<Platform>, client: &Client, probes: &Probes) -> Watched<Platform> {
    let controller = controller.reconcile_all_on(probes.changes());
    let controller = children(controller, client, |group| {
        group.is_none().then(|| ObjectRef::new(PLATFORM))
    });
    // Whose log audit pulls: it appears with the group's keys.
    let controller = controller.reconcile_all_on(changes(client, |group: &HealthGroup| {
        let status = group.status.as_ref();
        let keys = status.and_then(|status| conditions::find(&status.conditions, "KeysReady"));
        let going = group.metadata.deletion_timestamp.is_some();
        format!("{going} {:?}", keys.map(|keys| &keys.status))
    }));
    let controller = controller.reconcile_all_on(changes(client, |site: &Site| json(&site.spec)));
    let controller = on_ground(controller, client);
    controller.reconcile_all_on(changes(client, |word: &SystemHomologation| {
        // Of a group they are the group's.
        word.spec
            .health_group
            .as_ref()
            .map_or_else(|| json(&word.spec), |_| String::new())
    }))
}

pub fn groups(controller: Watched<HealthGroup>, client: &Client) -> Watched<HealthGroup> {
    let controller = children(controller, client, |group| group.map(ObjectRef::new));
    let controller = controller.reconcile_all_on(changes(client, |platform: &Platform| json(&platform.spec)));
    let controller = controller.reconcile_all_on(changes(client, |site: &Site| json(&site.spec)));
    let controller = on_ground(controller, client);
    on!(controller, client, SystemHomologation, |store, word| {
        match word.0.as_ref().map(|word| &word.spec.health_group) {
            Ok(Some(name)) => vec![ObjectRef::new(name)],
            // The platform's is everybody's, and so is what cannot be read.
            _ => those(&store, |_| true),
        }
    })
}

/// Whether its nodes are the site's machines.
pub fn sites(controller: Watched<Site>, client: &Client) -> Watched<Site> {
    on_ground(signed(controller, client), client)
}

/// Which of them is in force.
pub fn releases(controller: Watched<ImageRelease>, client: &Client) -> Watched<ImageRelease> {
    let controller = signed(controller, client);
    controller.reconcile_all_on(changes(client, |release: &ImageRelease| json(&release.spec)))
}

/// What binds pods to nodes: the inventories of sites, and which machine each node is.
fn on_ground<K: Kept>(controller: Watched<K>, client: &Client) -> Watched<K> {
    let controller =
        controller.reconcile_all_on(changes(client, |inventory: &SiteInventory| json(&inventory.spec)));
    controller.reconcile_all_on(changes(client, |node: &Node| {
        json(&dmp_homologation::inventory::machine(node))
    }))
}

/// A word counts or not by whom it is about, by who may sign, and an extension by what else was said of the same.
pub fn words(controller: Watched<SystemHomologation>, client: &Client) -> Watched<SystemHomologation> {
    let controller = on!(controller, client, SystemHomologation, |store, word| {
        match word.0.as_ref() {
            Ok(word) => about(&store, word.spec.health_group.as_deref()),
            Err(_) => Vec::new(),
        }
    });
    let controller = on!(controller, client, HealthGroup, |store, group| {
        let name = group.name_any();
        about(&store, Some(&name))
    });
    signed(controller, client)
}

/// The words about a group; `None`: about the platform.
fn about(
    store: &Store<Guarded<SystemHomologation>>,
    group: Option<&str>,
) -> Vec<ObjectRef<Guarded<SystemHomologation>>> {
    those(store, |word| {
        let word = word.0.as_ref().ok();
        word.is_some_and(|word| word.spec.health_group.as_deref() == group)
    })
}

pub fn versions(controller: Watched<SolutionVersion>, client: &Client) -> Watched<SolutionVersion> {
    on!(controller, client, Solution, |store, solution| in_namespace(
        &store,
        solution.namespace().as_deref()
    ))
}

pub fn credentials(controller: Watched<SolutionCredential>, client: &Client) -> Watched<SolutionCredential> {
    let controller = on!(controller, client, Solution, |store, solution| in_namespace(
        &store,
        solution.namespace().as_deref()
    ));
    let controller = on!(
        controller,
        client,
        SolutionVersion,
        |store, version| in_namespace(&store, version.namespace().as_deref())
    );
    // What the homologation comes to: its controller has written it.
    let controller = on!(controller, client, SolutionHomologation, |store, homologation| {
        in_namespace(&store, homologation.namespace().as_deref())
    });
    let controller = on!(controller, client, HealthGroup, |store, group| named(
        &store,
        &group.name_any()
    ));
    // That it is lifted, its controller has written.
    let controller = on!(controller, client, SolutionRevocation, |store, revocation| {
        closed_by(&store, &revocation)
    });
    controller.reconcile_all_on(changes(client, |platform: &Platform| json(&platform.spec)))
}

/// What decides about a homologation: the objects of its vendor, and the rules.
pub fn homologations(
    controller: Watched<SolutionHomologation>,
    client: &Client,
) -> Watched<SolutionHomologation> {
    macro_rules! of_the_vendor {
        ($controller:ident, $($other:ty),*) => {{
            $(
                let $controller = on!($controller, client, $other, |store, object| in_namespace(
                    &store,
                    object.namespace().as_deref()
                ));
            )*
            $controller
        }};
    }
    let controller = of_the_vendor!(
        controller,
        Solution,
        SolutionVersion,
        EvidenceItem,
        ConformanceRun,
        HomologationReview,
        NonConformity,
        NonConformityAnswer,
        SolutionCredential
    );
    let controller = on!(controller, client, SolutionRevocation, |store, revocation| {
        of_the_revoked(&store, &revocation)
    });
    let controller = controller.reconcile_all_on(changes(client, |programme: &HomologationProgramme| {
        json(&programme.spec)
    }));
    let controller = controller.reconcile_all_on(changes(client, |profile: &ConformanceProfile| {
        json(&profile.spec)
    }));
    controller.reconcile_all_on(changes(client, |platform: &Platform| json(&platform.spec.bodies)))
}

/// What is answered, and who may close it.
pub fn non_conformities(controller: Watched<NonConformity>, client: &Client) -> Watched<NonConformity> {
    let controller = on!(controller, client, NonConformityAnswer, |_store, answer| {
        let namespace = answer.namespace().unwrap_or_default();
        let answer = answer.0.as_ref().ok();
        answer.map(|answer| ObjectRef::new(&answer.spec.non_conformity).within(&namespace))
    });
    signed(controller, client)
}

/// A review counts or not by what it is about.
pub fn reviews(controller: Watched<HomologationReview>, client: &Client) -> Watched<HomologationReview> {
    let controller = on!(controller, client, EvidenceItem, |store, item| {
        in_namespace(&store, item.namespace().as_deref())
    });
    on!(controller, client, SolutionHomologation, |store, homologation| {
        in_namespace(&store, homologation.namespace().as_deref())
    })
}

/// What the public sees of a version follows from its submissions.
pub fn entries(controller: Watched<CatalogueEntry>, client: &Client) -> Watched<CatalogueEntry> {
    on!(
        controller,
        client,
        SolutionHomologation,
        |_store, homologation| {
            let homologation = homologation.0.as_ref().ok();
            homologation
                .map(|homologation| ObjectRef::new(&dmp_homologation::catalogue::id(&entry_of(homologation))))
        }
    )
}

/// What the entries and the words say is what the catalogue says.
pub fn catalogues(controller: Watched<Catalogue>, client: &Client) -> Watched<Catalogue> {
    controller
        .reconcile_all_on(changes(client, |entry: &CatalogueEntry| {
            json(&entry.status.as_ref().map(|status| &status.published))
        }))
        .reconcile_all_on(changes(client, |word: &SystemHomologation| {
            json(&word.status.as_ref().map(|status| (status.says, &status.body)))
        }))
}

/// What carries signatures, by those who may sign.
pub fn signed<K: Kept>(controller: Watched<K>, client: &Client) -> Watched<K> {
    controller.reconcile_all_on(changes(client, |platform: &Platform| json(&platform.spec.bodies)))
}

/// What is measured by parameters of the catalogue: the platform may have stricter ones.
pub fn by_the_catalogue<K: Kept>(controller: Watched<K>, client: &Client) -> Watched<K> {
    controller.reconcile_all_on(changes(client, |profile: &PolicyProfile| json(&profile.spec)))
}

/// The credentials that name a group.
fn named(
    store: &Store<Guarded<SolutionCredential>>,
    group: &str,
) -> Vec<ObjectRef<Guarded<SolutionCredential>>> {
    let names = |credential: &Guarded<SolutionCredential>| {
        credential
            .0
            .as_ref()
            .is_ok_and(|credential| credential.spec.health_group.as_deref() == Some(group))
    };
    those(store, names)
}

/// The credentials that a revocation closes: of one that cannot be read, all.
fn closed_by(
    store: &Store<Guarded<SolutionCredential>>,
    revocation: &Guarded<SolutionRevocation>,
) -> Vec<ObjectRef<Guarded<SolutionCredential>>> {
    let is_closed = |credential: &Guarded<SolutionCredential>| match (&revocation.0, &credential.0) {
        (Ok(revocation), Ok(credential)) => closes(&revocation.spec, credential),
        _ => true,
    };
    those(store, is_closed)
}

/// The submissions of the vendor whom a revocation is about: of one that cannot be read, all.
fn of_the_revoked(
    store: &Store<Guarded<SolutionHomologation>>,
    revocation: &Guarded<SolutionRevocation>,
) -> Vec<ObjectRef<Guarded<SolutionHomologation>>> {
    let read = revocation.0.as_ref().ok();
    match read.and_then(|revocation| revocation.spec.namespace()) {
        Some(namespace) => in_namespace(store, Some(&namespace)),
        None => those(store, |_| true),
    }
}

/// A lift counts or not by what it is about, and by who may sign.
pub fn lifts(controller: Watched<RevocationLift>, client: &Client) -> Watched<RevocationLift> {
    let controller = signed(controller, client);
    let controller = controller.reconcile_all_on(changes(client, |solution: &Solution| {
        json(&solution.spec.organisation)
    }));
    controller.reconcile_all_on(changes(client, |revocation: &SolutionRevocation| {
        json(&revocation.metadata.uid)
    }))
}

pub fn revocations(controller: Watched<SolutionRevocation>, client: &Client) -> Watched<SolutionRevocation> {
    let controller = signed(controller, client);
    let controller = on!(controller, client, RevocationLift, |_store, lift| {
        let lift = lift.0.as_ref().ok();
        lift.map(|lift| ObjectRef::<Guarded<SolutionRevocation>>::new(&lift.spec.revocation))
    });
    let controller = on!(controller, client, SolutionCredential, |store, credential| {
        closing(&store, &credential)
    });
    controller.reconcile_all_on(changes(client, |solution: &Solution| json(&solution.spec)))
}

/// The revocations that close a credential.
fn closing(
    store: &Store<Guarded<SolutionRevocation>>,
    credential: &Guarded<SolutionCredential>,
) -> Vec<ObjectRef<Guarded<SolutionRevocation>>> {
    let close = |revocation: &Guarded<SolutionRevocation>| match (&revocation.0, &credential.0) {
        (Ok(revocation), Ok(credential)) => closes(&revocation.spec, credential),
        _ => false,
    };
    those(store, close)
}

/// A vendor's place follows from the platform's sandbox, and from who signed up before.
pub fn vendors(controller: Watched<Vendor>, client: &Client) -> Watched<Vendor> {
    let controller = controller.reconcile_all_on(changes(client, |platform: &Platform| {
        json(&platform.spec.sandbox_group)
    }));
    let controller =
        controller.reconcile_all_on(changes(client, |group: &HealthGroup| json(&group.spec.mode)));
    controller.reconcile_all_on(changes(client, |vendor: &Vendor| json(&vendor.spec.organisation)))
}

fn json(spec: &impl serde::Serialize) -> String {
    serde_json::to_string(spec).unwrap_or_default()
}
