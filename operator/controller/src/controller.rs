//! The frame around every kind: bad objects, pauses, waiting times, failure events, concurrency.
//!
//! A kind says how one object is reconciled ([`Kind`]); [`Frame`] is its `k8s_controller::Context`. To add a kind:
//! a folder with the five steps, an `impl Kind`, a line in `run.rs`, rules in `manifests/operator/rbac.yaml`.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use dmp_homologation::Dossier;
use jiff::Timestamp;
use k8s_controller::events::{Event, EventRecorder, EventType, Reporter};
use k8s_controller::{Controller, Outcome, ReconcileObserver, TraceMetadata};
use kube::core::ClusterResourceScope;
use kube::runtime::controller::Action;
use kube::runtime::{Controller as KubeController, controller::Config, watcher};
use kube::{Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::acts::ActLog;
use crate::apply::Memory;
use crate::guard::Guarded;
use crate::network_probe::Probes;
use crate::openbao::OpenBao;
use crate::pace::Pace;
use crate::status::{Conditioned, is_converged};
use crate::together::Together;
use crate::watches::PauseAfterError;

/// Objects of one kind reconciled at once.
const CONCURRENCY: u16 = 8;
/// A reconciliation of what is converged, at random between these.
const RESYNC_SECONDS: std::ops::Range<u64> = 300..600;
/// A reconciliation of what is still waiting.
const WAIT_MILLISECONDS: std::ops::Range<u64> = 4_000..6_000;
/// A pass that takes longer holds a place that others wait for: it is broken off, and tried again later.
const PASS_LIMIT: Duration = Duration::from_secs(30);
const SECONDS_OF_A_DAY: i64 = 86_400;
/// Where all that depends on the day is looked at again, spread over these seconds after it has ended.
const AFTER_MIDNIGHT: std::ops::Range<u64> = 1..31;
/// The longest pause after errors.
const MAX_BACKOFF_SECONDS: u64 = 30;

/// What every reconciliation may use.
#[derive(Clone)]
pub struct Context {
    pub client: Client,
    pub openbao: OpenBao,
    /// OpenBao, at the role that sees the metadata of keys.
    pub key_metadata: dmp_keys::Client,
    pub probes: Probes,
    pub applied: Memory,
    /// Of vendors, by namespace.
    pub dossiers: Together<Dossier>,
    pub acts: ActLog,
}

/// What a reconciliation asks for next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Converged: look again in some minutes.
    Settled,
    /// Waiting for something that may not announce itself: look again in some seconds.
    Waiting,
    /// The next step is possible at once.
    Again,
    /// Converged; something happens by itself then: look again after this time, or in some minutes.
    Within(Duration),
}

impl Next {
    /// Converged as long as the day (UTC) lasts: again within half a minute after midnight, if not before.
    pub fn settled_today() -> Self {
        let since = Timestamp::now().as_second().rem_euclid(SECONDS_OF_A_DAY);
        let midnight = u64::try_from(SECONDS_OF_A_DAY - since).unwrap_or_default();
        Self::Within(Duration::from_secs(midnight + rand::random_range(AFTER_MIDNIGHT)))
    }
}

/// One kind of custom resource.
#[async_trait]
pub trait Kind: Send + Sync + Sized + 'static {
    type Resource: Resource<DynamicType = ()>
        + Conditioned
        + Clone
        + std::fmt::Debug
        + Serialize
        + DeserializeOwned
        + Send
        + Sync
        + 'static;
    type Error: std::error::Error + Send + Sync + 'static;

    /// Name of the controller in metrics, events and as field manager: `dmp-operator/<kind>`.
    const NAME: &'static str;
    const FINALIZER: Option<&'static str> = None;

    /// The five steps.
    async fn reconcile(
        &self,
        object: &Self::Resource,
        trace: &mut TraceMetadata,
    ) -> Result<Next, Self::Error>;

    /// With a finalizer: what deletion does.
    async fn retire(&self, _object: &Self::Resource, _trace: &mut TraceMetadata) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Stable reason for the failure event.
    fn reason(error: &Self::Error) -> &'static str;
}

/// A [`Kind`] as the controller framework sees it.
pub struct Frame<K> {
    kind: K,
    pace: Pace,
}

impl<K> Frame<K> {
    fn new(kind: K) -> Self {
        Self {
            kind,
            pace: Pace::default(),
        }
    }
}

#[async_trait]
impl<K: Kind> k8s_controller::Context for Frame<K> {
    type Resource = Guarded<K::Resource>;
    type Error = K::Error;

    const FINALIZER_NAME: Option<&'static str> = K::FINALIZER;

    async fn apply(
        &self,
        _client: Client,
        resource: &Self::Resource,
        trace: &mut TraceMetadata,
    ) -> Result<Option<Action>, Self::Error> {
        let object = match &resource.0 {
            Ok(object) => object,
            Err(invalid) => {
                tracing::warn!(
                    name = resource.name_any(),
                    error = invalid.error,
                    "object cannot be read"
                );
                trace
                    .publish_event(warning("Unreadable", "Read", &invalid.error))
                    .await;
                trace.set_outcome(Outcome::Skipped);
                return Ok(Some(Action::await_change()));
            }
        };
        if is_paused(object) {
            trace.set_outcome(Outcome::Skipped);
            return Ok(Some(Action::await_change()));
        }
        if let Some(later) = self.pace.wait(object.meta().uid.as_deref(), is_converged(object)) {
            trace.set_outcome(Outcome::Skipped);
            return Ok(Some(Action::requeue(later)));
        }
        let pass = tokio::time::timeout(PASS_LIMIT, self.kind.reconcile(object, trace)).await;
        let Ok(next) = pass else {
            let note = format!("broken off after {PASS_LIMIT:?}, tried again later");
            tracing::error!(name = resource.name_any(), note, "reconcile");
            trace.publish_event(warning("TooSlow", "Reconcile", &note)).await;
            trace.set_outcome(Outcome::Failed);
            return Ok(Some(Action::requeue(Duration::from_secs(MAX_BACKOFF_SECONDS))));
        };
        Ok(Some(match next? {
            Next::Settled => {
                trace.set_outcome(Outcome::Completed);
                Action::requeue(Duration::from_secs(rand::random_range(RESYNC_SECONDS)))
            }
            Next::Within(time) => {
                trace.set_outcome(Outcome::Completed);
                let resync = Duration::from_secs(rand::random_range(RESYNC_SECONDS));
                Action::requeue(time.min(resync))
            }
            Next::Waiting => Action::requeue(Duration::from_millis(rand::random_range(WAIT_MILLISECONDS))),
            Next::Again => Action::requeue(Duration::from_millis(50)),
        }))
    }

    async fn cleanup(
        &self,
        _client: Client,
        resource: &Self::Resource,
        trace: &mut TraceMetadata,
    ) -> Result<Option<Action>, Self::Error> {
        match &resource.0 {
            Ok(object) => self.kind.retire(object, trace).await?,
            // Its name is all that retiring needs, but a kind it does not understand is not the operator's to touch.
            Err(invalid) => tracing::warn!(
                name = resource.name_any(),
                error = invalid.error,
                "deleted unread"
            ),
        }
        Ok(Some(Action::await_change()))
    }

    fn error_action(
        self: Arc<Self>,
        _resource: Arc<Self::Resource>,
        _error: &k8s_controller::Error<Self::Error>,
        consecutive: u32,
    ) -> Action {
        let seconds = 2u64.saturating_pow(consecutive.min(6)).min(MAX_BACKOFF_SECONDS);
        Action::requeue(Duration::from_millis(rand::random_range(
            seconds * 500..=seconds * 1000,
        )))
    }

    fn failure_event(
        &self,
        _resource: &Self::Resource,
        _phase: k8s_controller::Phase,
        error: &k8s_controller::Error<Self::Error>,
    ) -> Option<Event> {
        let reason = match error {
            k8s_controller::Error::ControllerError(own) => K::reason(own),
            k8s_controller::Error::FinalizerError(
                kube::runtime::finalizer::Error::ApplyFailed(own)
                | kube::runtime::finalizer::Error::CleanupFailed(own),
            ) => K::reason(own),
            k8s_controller::Error::FinalizerError(_) => "FinalizerFailed",
        };
        (!error.is_conflict()).then(|| warning(reason, "Reconcile", &error.display_chain()))
    }
}

/// An event that somebody should see.
pub fn warning(reason: &str, action: &str, note: &str) -> Event {
    Event {
        type_: EventType::Warning,
        reason: reason.to_owned(),
        action: action.to_owned(),
        note: Some(note.to_owned()),
        related: None,
    }
}

/// An ordinary event.
pub fn normal(reason: &str, note: impl Into<String>) -> Event {
    Event {
        type_: EventType::Normal,
        reason: reason.to_owned(),
        action: "Reconcile".to_owned(),
        note: Some(note.into()),
        related: None,
    }
}

/// `dmp.ma/paused: "true"`: nothing is done for the object while it is there; its deletion completes.
fn is_paused(object: &impl ResourceExt) -> bool {
    object
        .annotations()
        .get(dmp_api::names::PAUSED_ANNOTATION)
        .is_some_and(|value| value == "true")
}

/// The field manager of a kind.
pub fn manager<K: Kind>() -> String {
    format!("dmp-operator/{}", K::NAME)
}

/// Runs the controller of a cluster-scoped kind; `watches` adds its children and what it refers to.
pub async fn run_cluster<K: Kind>(
    client: Client,
    kind: K,
    observer: Arc<dyn ReconcileObserver>,
    watches: impl FnOnce(KubeController<Guarded<K::Resource>>) -> KubeController<Guarded<K::Resource>>,
) where
    K::Resource: Resource<DynamicType = (), Scope = ClusterResourceScope>,
{
    let controller = Controller::cluster(client.clone(), Frame::new(kind), watcher::Config::default());
    framed(client, controller, K::NAME, observer, watches).run().await;
}

/// As [`run_cluster`], for a namespaced kind, in all namespaces.
pub async fn run_namespaced<K: Kind>(
    client: Client,
    kind: K,
    observer: Arc<dyn ReconcileObserver>,
    watches: impl FnOnce(KubeController<Guarded<K::Resource>>) -> KubeController<Guarded<K::Resource>>,
) where
    K::Resource: Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
{
    let controller = Controller::namespaced_all(client.clone(), Frame::new(kind), watcher::Config::default());
    framed(client, controller, K::NAME, observer, watches).run().await;
}

fn framed<K: Kind>(
    client: Client,
    controller: Controller<Frame<K>>,
    name: &'static str,
    observer: Arc<dyn ReconcileObserver>,
    watches: impl FnOnce(KubeController<Guarded<K::Resource>>) -> KubeController<Guarded<K::Resource>>,
) -> Controller<Frame<K>> {
    let reporter = Reporter {
        controller: format!("dmp-operator/{name}"),
        instance: std::env::var("HOSTNAME").ok(),
    };
    controller
        .with_name(name)
        .with_observer(observer)
        .with_event_recorder(Arc::new(EventRecorder::new(client, reporter)))
        .with_controller(|controller| {
            let config = Config::default().concurrency(CONCURRENCY);
            watches(controller.with_config(config)).trigger_backoff(PauseAfterError)
        })
}
