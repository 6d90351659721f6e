//! Which gateways know which credentials are watched. A test begins when all of them do: no exchange goes unseen.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use dmp_conformance::wire::WatchAnswer;
use tokio::sync::watch;
use uuid::Uuid;

/// The longest a poll is held.
pub(crate) const HOLD: Duration = Duration::from_secs(3);
/// A gateway that has not asked for this long is gone.
const GONE: Duration = Duration::from_secs(8);

/// The list, and what each gateway has of it.
pub(crate) struct Watchers {
    first: u64,
    list: watch::Sender<WatchAnswer>,
    seen: Mutex<HashMap<Uuid, Seen>>,
    changed: watch::Sender<()>,
}

#[derive(Clone, Copy)]
struct Seen {
    revision: Option<u64>,
    at: Instant,
}

impl Watchers {
    /// Nobody is watched. `first` differs from process to process, so that no gateway takes one's list for another's.
    pub(crate) fn new(first: u64) -> Self {
        let list = WatchAnswer {
            revision: first,
            credentials: BTreeSet::new(),
        };
        Self {
            first,
            list: watch::Sender::new(list),
            seen: Mutex::default(),
            changed: watch::Sender::new(()),
        }
    }

    /// Of the list as it is.
    pub(crate) fn revision(&self) -> u64 {
        self.list.borrow().revision
    }

    /// Sets the list; the revision that tells of it.
    pub(crate) fn set(&self, credentials: BTreeSet<String>) -> u64 {
        self.list.send_if_modified(|list| {
            let differs = list.credentials != credentials;
            if differs {
                list.credentials = credentials;
                list.revision = list.revision.saturating_add(1);
            }
            differs
        });
        self.revision()
    }

    /// The list, once it is not what the gateway has, at most after [`HOLD`].
    pub(crate) async fn poll(&self, replica: Uuid, revision: Option<u64>) -> WatchAnswer {
        self.note(replica, revision);
        let mut list = self.list.subscribe();
        let other = list.wait_for(|list| Some(list.revision) != revision);
        let news = tokio::time::timeout(HOLD, other).await;
        let answer = match news {
            Ok(Ok(list)) => list.clone(),
            _ => self.list.borrow().clone(),
        };
        self.note(replica, revision);
        answer
    }

    /// Waits until every gateway that is there has asked with `revision` or a later one; false when that takes longer than `patience`, or
    /// there is none.
    pub(crate) async fn all_know(&self, revision: u64, patience: Duration) -> bool {
        let mut changed = self.changed.subscribe();
        let known = async {
            while !self.known(revision) {
                // A gateway that is gone changes nothing by itself.
                let _ = tokio::time::timeout(Duration::from_secs(1), changed.changed()).await;
            }
        };
        tokio::time::timeout(patience, known).await.is_ok()
    }

    fn known(&self, revision: u64) -> bool {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let mut here = seen.values().filter(|seen| seen.at.elapsed() <= GONE).peekable();
        // A later list has what this one had, until a sitting ends.
        here.peek().is_some() && here.all(|seen| seen.revision.is_some_and(|has| has >= revision))
    }

    fn note(&self, replica: Uuid, revision: Option<u64>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.retain(|_, seen| seen.at.elapsed() <= GONE);
        let at = Instant::now();
        // What another process of the portal said is nothing here.
        let ours = self.first..=self.revision();
        let revision = revision.filter(|has| ours.contains(has));
        seen.insert(replica, Seen { revision, at });
        drop(seen);
        self.changed.send_replace(());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use super::*;

    fn list(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_poll_is_held_until_there_is_news() {
        let watchers = Arc::new(Watchers::new(7));
        let replica = Uuid::new_v4();
        let first = watchers.poll(replica, None).await;
        assert_eq!((first.revision, first.credentials.len()), (7, 0));
        let polling = tokio::spawn({
            let watchers = Arc::clone(&watchers);
            async move { watchers.poll(replica, Some(7)).await }
        });
        tokio::task::yield_now().await;
        assert!(!polling.is_finished(), "nothing is new");
        watchers.set(list(&["vendor-a/x"]));
        assert!(polling.await.unwrap().credentials.contains("vendor-a/x"));
    }

    #[tokio::test]
    async fn a_test_waits_for_every_gateway_and_for_none_that_is_gone() {
        let watchers = Arc::new(Watchers::new(1));
        assert!(
            !watchers.all_know(1, Duration::from_millis(20)).await,
            "no gateway at all"
        );
        let (one, two) = (Uuid::new_v4(), Uuid::new_v4());
        watchers.note(one, Some(1));
        watchers.note(two, Some(1));
        let revision = watchers.set(list(&["vendor-a/x"]));
        watchers.note(one, Some(revision));
        assert!(
            !watchers.all_know(revision, Duration::from_millis(20)).await,
            "one has not"
        );
        watchers.note(two, Some(revision));
        assert!(watchers.all_know(revision, Duration::from_millis(20)).await);
        let later = watchers.set(list(&["vendor-a/x", "vendor-b/y"]));
        for replica in [one, two] {
            watchers.note(replica, Some(later));
        }
        assert!(
            watchers.all_know(revision, Duration::from_millis(20)).await,
            "others come meanwhile"
        );
        watchers.note(two, Some(later + 1));
        let foreign = watchers.all_know(revision, Duration::from_millis(20)).await;
        assert!(!foreign, "a number of another process says nothing");
        watchers.note(two, Some(later));
        watchers.set(list(&["vendor-a/x"]));
        let revision = watchers.set(list(&["vendor-a/x"]));
        assert_eq!(
            watchers.set(list(&["vendor-a/x"])),
            revision,
            "the same list is no news"
        );
    }
}
