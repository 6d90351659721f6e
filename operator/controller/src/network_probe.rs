//! Does the cluster's network enforce NetworkPolicies? Asked of the network itself, in every namespace of the platform.
//!
//! In a namespace two pods live for some seconds ([`pods`]): a listener on three ports, and a probe. Policies of
//! [`crate::plane::network`] let the first port pass, deny the second on the listener's side and the third on the
//! probe's side; the rest of the platform must be out of the probe's reach. As probe, listener and program are the same
//! for all three ports, only enforcement can tell them apart ([`verdict`]): that nothing passes at all proves nothing.
//!
//! Planes say what they are ([`Probes::want`]); [`run`] probes a few namespaces at a time, by the replica that leads:
//! each when its policies have changed, and every hour. The `Platform` shows the sum in its condition
//! `NetworkPolicyEnforced`; a reconciliation by itself probes nothing.

mod pods;
mod run;
mod schedule;
mod verdict;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use futures::Stream;
use tokio::sync::{Notify, watch};

pub use pods::{LISTENER, PORTS, PROBE};
pub use run::run;
use schedule::Schedule;
pub use schedule::Wanted;
pub use verdict::Verdict;

/// What is to be probed and what came of it. A clone is the same.
#[derive(Clone)]
pub struct Probes {
    schedule: Arc<Mutex<Schedule>>,
    work: Arc<Notify>,
    news: watch::Sender<()>,
}

impl Default for Probes {
    fn default() -> Self {
        Self {
            schedule: Arc::default(),
            work: Arc::default(),
            news: watch::Sender::new(()),
        }
    }
}

impl Probes {
    /// A namespace is to be probed: now, if this is news.
    pub fn want(&self, namespace: &str, wanted: Wanted) {
        if self.schedule().want(namespace, wanted) {
            self.work.notify_one();
        }
    }

    /// Nothing runs in the namespace any more.
    pub fn forget(&self, namespace: &str) {
        self.schedule().forget(namespace);
        self.news.send_replace(());
    }

    /// What the probes say together; `None` while that is not known.
    pub fn verdict(&self) -> Option<Verdict> {
        self.schedule().verdict()
    }

    /// Rings when [`Probes::verdict`] may have changed.
    pub fn changes(&self) -> impl Stream<Item = ()> + Send + 'static {
        futures::stream::unfold(self.news.subscribe(), |mut news| async {
            news.changed().await.ok().map(|()| ((), news))
        })
    }

    fn done(&self, namespace: &str, wanted: Wanted, verdict: Verdict) {
        self.schedule().done(namespace, wanted, verdict, Instant::now());
        self.news.send_replace(());
    }

    fn schedule(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
