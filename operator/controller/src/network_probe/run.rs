//! Probes the namespaces that are due, a few at a time.

use std::time::{Duration, Instant};

use dmp_core::problem::Chain;
use futures::future::join_all;
use kube::Client;
use kube::api::DeleteParams;
use tokio::time::sleep;

use super::verdict::Verdict;
use super::{LISTENER, PROBE, Probes, Wanted, pods};
use crate::apply::{self, ApplyError};
use crate::plane::{Object, ObjectKind};

/// Field manager of the pods.
const MANAGER: &str = "dmp-operator/network-probe";
/// Namespaces probed at once: two pods each.
const AT_ONCE: usize = 4;
/// After news, so that the planes of one installation are probed together rather than interrupted by each other.
const SETTLE: Duration = Duration::from_secs(3);
/// Between two looks at a pod.
const LOOK: Duration = Duration::from_millis(500);
/// A pod that does not get on within this will not.
const PATIENCE: Duration = Duration::from_secs(60);
const LONGEST_SLEEP: Duration = Duration::from_secs(300);

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("pod `{pod}` did not get on within {PATIENCE:?}: {obstacle}")]
    Stuck { pod: &'static str, obstacle: String },
    #[error("the listener ended before it was probed")]
    ListenerEnded,
    #[error(transparent)]
    Object(#[from] ApplyError),
    #[error("pod `{pod}` cannot be removed")]
    Removal {
        pod: &'static str,
        #[source]
        source: kube::Error,
    },
}

/// Probes for ever.
pub async fn run(client: Client, probes: Probes) {
    loop {
        let due = probes.schedule().due(Instant::now(), AT_ONCE);
        if due.is_empty() {
            let quiet = probes.schedule().quiet(Instant::now()).min(LONGEST_SLEEP);
            tokio::select! {
                () = probes.work.notified() => sleep(SETTLE).await,
                () = sleep(quiet) => {}
            }
            continue;
        }
        let each = |(namespace, wanted)| one(&client, &probes, namespace, wanted);
        join_all(due.into_iter().map(each)).await;
    }
}

async fn one(client: &Client, probes: &Probes, namespace: String, wanted: Wanted) {
    let other = probes.schedule().other_group(&namespace);
    let outcome = probe(client, &namespace, &wanted, other.as_deref()).await;
    let verdict = outcome.unwrap_or_else(|error| Verdict::Unknown(Chain(&error).to_string()));
    match &verdict {
        Verdict::Enforced => tracing::info!(namespace, "the network enforces its policies"),
        Verdict::NotEnforced(text) => {
            tracing::error!(namespace, text, "the network does not enforce its policies");
        }
        Verdict::Unknown(text) => tracing::warn!(namespace, text, "the network's probe proved nothing"),
    }
    probes.done(&namespace, wanted, verdict);
}

/// One namespace: the pods of a run that was interrupted go first, those of this one at its end.
async fn probe(
    client: &Client,
    namespace: &str,
    wanted: &Wanted,
    other: Option<&str>,
) -> Result<Verdict, Error> {
    remove(client, namespace).await?;
    let outcome = attempt(client, namespace, wanted, other).await;
    let removed = remove(client, namespace).await;
    let verdict = outcome?;
    removed?;
    Ok(verdict)
}

async fn attempt(
    client: &Client,
    namespace: &str,
    wanted: &Wanted,
    other: Option<&str>,
) -> Result<Verdict, Error> {
    apply::object(client, MANAGER, pods::listener(namespace, wanted)).await?;
    let address = until(client, namespace, LISTENER, |pod| match pod {
        Some(pod) if pods::ended(pod).is_some() => Some(Err(Error::ListenerEnded)),
        pod => pod.and_then(pods::running).map(Ok),
    })
    .await??;
    apply::object(client, MANAGER, pods::probe(namespace, wanted, &address, other)).await?;
    let message = until(client, namespace, PROBE, |pod| pod.and_then(pods::ended)).await?;
    Ok(Verdict::of_message(&message))
}

/// Deletes both pods and waits until they are gone.
async fn remove(client: &Client, namespace: &str) -> Result<(), Error> {
    let api = apply::api(client, ObjectKind::Pod, Some(namespace));
    for pod in [PROBE, LISTENER] {
        match api.delete(pod, &DeleteParams::default()).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(source) => return Err(Error::Removal { pod, source }),
        }
    }
    for pod in [PROBE, LISTENER] {
        until(client, namespace, pod, |live| live.is_none().then_some(())).await?;
    }
    Ok(())
}

/// Looks at a pod until `found` finds what it looks for.
async fn until<T>(
    client: &Client,
    namespace: &str,
    pod: &'static str,
    found: impl Fn(Option<&Object>) -> Option<T>,
) -> Result<T, Error> {
    let start = Instant::now();
    loop {
        let live = apply::get(client, ObjectKind::Pod, Some(namespace), pod).await?;
        if let Some(found) = found(live.as_ref()) {
            return Ok(found);
        }
        if start.elapsed() > PATIENCE {
            let obstacle = pods::obstacle(live.as_ref());
            return Err(Error::Stuck { pod, obstacle });
        }
        sleep(LOOK).await;
    }
}
