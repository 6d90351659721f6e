//! Finding the parts of a running platform, and breaking them.

use std::time::{Duration, Instant};

use dmp_api::names::PLATFORM;
use dmp_appliance::{Name, Options, Progress};
use dmpctl::kubernetes::wait::{Look, ready};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams};
use kube::core::GroupVersionKind;
use kube::discovery::ApiResource;
use kube::{Api, Client, ResourceExt as _};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// Namespace of the group in Tanger.
pub const TANGER: &str = "dmp-tanger-tetouan-al-hoceima";
/// Namespace of the national plane.
pub const NATIONAL: &str = "dmp-national";
/// Namespace of operator and OpenBao.
pub const SYSTEM: &str = "dmp-system";

/// One appliance.
#[derive(Clone)]
pub struct Cluster {
    pub client: Client,
    pub options: Options,
}

impl Cluster {
    pub fn name(&self) -> &Name {
        &self.options.name
    }

    /// Pods of a namespace that are not on their way out.
    pub async fn pods(&self, namespace: &str, selector: &str) -> Vec<Pod> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        let list = api.list(&ListParams::default().labels(selector)).await.unwrap();
        list.items
            .into_iter()
            .filter(|pod| pod.metadata.deletion_timestamp.is_none())
            .collect()
    }

    /// Pods of one of our services.
    pub async fn service(&self, namespace: &str, name: &str) -> Vec<Pod> {
        self.pods(namespace, &format!("app.kubernetes.io/name={name}"))
            .await
    }

    /// The primary instance of a database.
    pub async fn primary(&self, namespace: &str, database: &str) -> Pod {
        let selector = format!("cnpg.io/cluster={database},cnpg.io/instanceRole=primary");
        let mut pods = self.pods(namespace, &selector).await;
        assert_eq!(pods.len(), 1, "{namespace}/{database} has one primary");
        pods.remove(0)
    }

    /// Process id of a pod's first container.
    pub fn process(&self, pod: &Pod) -> Pid {
        let node = pod.spec.as_ref().and_then(|spec| spec.node_name.clone()).unwrap();
        let statuses = pod
            .status
            .as_ref()
            .and_then(|status| status.container_statuses.clone());
        let id = statuses
            .and_then(|statuses| statuses.into_iter().next()?.container_id)
            .unwrap();
        let id = id.strip_prefix("containerd://").unwrap();
        let pid = dmp_appliance::container_process(self.name(), &node, id).unwrap();
        Pid::from_raw(pid).unwrap()
    }

    /// SIGKILL to the first process of each pod's container: the kernel ends the others of the container with it.
    pub fn kill(&self, pods: &[Pod]) {
        for pod in pods {
            kill_process(self.process(pod), Signal::KILL).unwrap();
        }
    }

    /// Deletes pods without asking them to end.
    pub async fn delete(&self, pods: &[Pod]) {
        for pod in pods {
            let api: Api<Pod> = Api::namespaced(self.client.clone(), &pod.namespace().unwrap());
            let now = DeleteParams::default().grace_period(0);
            api.delete(&pod.name_any(), &now).await.unwrap();
        }
    }

    /// Name of the operator's pod that holds the lease.
    pub async fn leader(&self) -> Option<String> {
        let api: Api<k8s_openapi::api::coordination::v1::Lease> =
            Api::namespaced(self.client.clone(), SYSTEM);
        api.get_opt("dmp-operator").await.ok()??.spec?.holder_identity
    }

    /// SIGKILL to the API server; the next [`Cluster::repair`] starts it.
    pub fn kill_api_server(&self) {
        let pid = dmp_appliance::control_plane_process(self.name(), "kube-apiserver").unwrap();
        kill_process(Pid::from_raw(pid.unwrap()).unwrap(), Signal::KILL).unwrap();
    }

    /// Starts what does not run on the appliance, as a person would: `dmpctl appliance up`.
    pub async fn repair(&self) {
        dmp_appliance::up(&self.options, &Progress::to_stderr())
            .await
            .unwrap_or_else(|error| panic!("appliance: {error}"));
    }

    /// An API for any kind, by `group/version` (or `version`) and kind.
    pub fn api(&self, api_version: &str, kind: &str, namespace: Option<&str>) -> Api<DynamicObject> {
        let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        match namespace {
            Some(namespace) => Api::namespaced_with(self.client.clone(), namespace, &resource),
            None => Api::all_with(self.client.clone(), &resource),
        }
    }

    /// Whether a health group is ready, as it now is.
    pub async fn group_is_ready(&self, name: &str) -> bool {
        let live = self
            .api("dmp.ma/v1alpha1", "HealthGroup", None)
            .get(name)
            .await
            .unwrap();
        matches!(ready(&live), Look::Done)
    }

    /// The same quota for credential, establishment and person of these kinds; returns when the gateways have it.
    pub async fn set_quotas(&self, kinds: &[&str], per_second: u32) {
        let rate = json!({ "perSecond": per_second, "burst": per_second });
        let of = |kind: &&str| match *kind {
            "patient-app" => json!({ "kind": kind, "credential": rate, "person": rate }),
            _ => json!({ "kind": kind, "credential": rate, "establishment": rate, "person": rate }),
        };
        let quotas: Vec<Value> = kinds.iter().map(of).collect();
        let api = self.api("dmp.ma/v1alpha1", "Platform", None);
        let change = json!({ "spec": { "gateway": { "quotas": quotas } } });
        self.patch(&api, PLATFORM, change).await;
        until(
            "the gateways with other quotas",
            Duration::from_secs(180),
            async || matches!(ready(&api.get(PLATFORM).await.unwrap()), Look::Done),
        )
        .await;
    }

    /// A merge patch of any object.
    pub async fn patch(&self, api: &Api<DynamicObject>, name: &str, change: Value) {
        api.patch(name, &PatchParams::default(), &Patch::Merge(change))
            .await
            .unwrap();
    }
}

/// Waits until something holds.
///
/// # Panics
/// After `limit`.
pub async fn until(what: &str, limit: Duration, holds: impl AsyncFn() -> bool) -> Duration {
    let start = Instant::now();
    while !holds().await {
        assert!(
            start.elapsed() < limit,
            "{what}: not within {} s",
            limit.as_secs()
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    start.elapsed()
}
