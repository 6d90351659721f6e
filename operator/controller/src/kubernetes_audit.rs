//! What an administrator of the cluster does to the platform leaves a finding: the receiver of the API server's audit
//! webhook.
//!
//! The API server posts its audit events in batches ([`listener`]: TLS, client certificate of an authority made for
//! this alone). [`rules`] says which of them matter, from who, verb and resource, never from the content of an object;
//! [`report`] makes of each a log line, a count and a Kubernetes Event on the Platform or the HealthGroup, [`record`] an entry of the
//! platform's log. [`heard`] keeps when
//! events last came, for the condition `KubernetesAudit`, [`uses`] on which day whom they were last of. It refuses nothing: that is admission's and RBAC's.
//!
//! Every replica receives. What the API server cannot deliver it drops after some retries, so its own audit log on
//! disk remains the complete record. How to switch it on in somebody's cluster: `docs/security/kubernetes-audit.md`.

pub mod event;
pub mod heard;
pub mod listener;
pub mod record;
pub mod report;
pub mod rules;
pub mod uses;

#[cfg(test)]
mod tests;

use std::collections::{HashSet, VecDeque};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::routing::post;
use http::StatusCode;
use jiff::Timestamp;
use tokio::sync::mpsc;

use crate::acts::ActLog;
use event::{Event, EventList};
use rules::Finding;

/// Longest batch, bytes: 400 events (the API server's default) are about 1 MiB.
const MAX_BATCH: usize = 16 * 1024 * 1024;
/// Requests of which two stages may come (a long one when it begins and when it ends) that are remembered.
const REMEMBERED: usize = 8192;
/// Batches of findings that may wait to become Events; log and metrics do not wait.
const QUEUE: usize = 256;

/// Where to listen, with what.
#[derive(Clone, Debug)]
pub struct Config {
    pub listen: SocketAddr,
    /// Folder with `tls.crt`, `tls.key` and `ca.crt` (of the API server's client certificate); may appear later.
    pub files: PathBuf,
    /// Namespace of the operator.
    pub namespace: String,
}

/// Receives until it is dropped.
pub async fn run(client: kube::Client, config: Config, acts: ActLog) {
    let (findings, queue) = mpsc::channel(QUEUE);
    let (to_record, recording) = mpsc::channel(record::QUEUE);
    let events = report::publish(client.clone(), queue, to_record);
    let entries = record::deliver(acts, recording);
    let heard = heard::Heard::new(client.clone(), &config.namespace);
    let uses = Arc::new(uses::Uses::new(client));
    let router = router(Receiver::new(findings, Some(heard), Some(Arc::clone(&uses))));
    tokio::join!(events, entries, uses.run(), listener::serve(&config, router));
}

/// Takes batches in; findings go to a channel. A clone is the same.
#[derive(Clone)]
pub struct Receiver(Arc<Inner>);

struct Inner {
    seen: Mutex<Seen>,
    findings: mpsc::Sender<Vec<Finding>>,
    heard: Option<heard::Heard>,
    uses: Option<Arc<uses::Uses>>,
}

impl Receiver {
    /// `heard`: where to note that events come; `uses`: of whom.
    pub fn new(
        findings: mpsc::Sender<Vec<Finding>>,
        heard: Option<heard::Heard>,
        uses: Option<Arc<uses::Uses>>,
    ) -> Self {
        Self(Arc::new(Inner {
            seen: Mutex::default(),
            findings,
            heard,
            uses,
        }))
    }

    fn findings(&self, events: &[Event]) -> Vec<Finding> {
        let mut seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        events
            .iter()
            .filter(|event| event.is_answered() && seen.is_new(&event.audit_id))
            .flat_map(rules::findings)
            .collect()
    }
}

/// The one route.
pub fn router(receiver: Receiver) -> Router {
    Router::new()
        .route("/v1/kubernetes-audit", post(receive))
        .layer(DefaultBodyLimit::max(MAX_BATCH))
        .with_state(receiver)
}

async fn receive(State(receiver): State<Receiver>, body: Bytes) -> StatusCode {
    let list: EventList = match serde_json::from_slice(&body) {
        Ok(list) => list,
        Err(error) => {
            tracing::warn!(%error, "a batch of audit events cannot be read");
            return StatusCode::BAD_REQUEST;
        }
    };
    if let Some(heard) = &receiver.0.heard {
        let lacking = list.items.iter().filter_map(Event::lacks_request);
        heard.now(&lacking.collect()).await;
    }
    if let Some(uses) = &receiver.0.uses {
        uses.note(&list.items, Timestamp::now());
    }
    let findings = receiver.findings(&list.items);
    if !findings.is_empty() {
        report::note(&findings);
        if receiver.0.findings.try_send(findings).is_err() {
            tracing::warn!(
                "findings come faster than Events can be written: some are in log and metrics only"
            );
        }
    }
    StatusCode::OK
}

/// The last requests, by their audit id.
#[derive(Default)]
struct Seen {
    order: VecDeque<String>,
    ids: HashSet<String>,
}

impl Seen {
    fn is_new(&mut self, id: &str) -> bool {
        if !self.ids.insert(id.to_owned()) {
            return false;
        }
        self.order.push_back(id.to_owned());
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }
}
