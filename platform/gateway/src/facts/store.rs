//! The newest accepted facts, indexed, with their age.
//!
//! Accepting: the number never falls; at the same number only the same content, or content that revokes more,
//! replaces what is held (replicas of the operator may have heard of different objects at one number).
//! Age: counted on the local monotonic clock from the receipt, plus what the replica itself says it is behind
//! the API server. Facts older than [`MAX_AGE`] close the door.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use dmp_client::facts::{Credential, Facts, Group, Issuer};
use dmp_core::ids::GroupName;
use jiff::{SignedDuration, Timestamp};

use super::seen::Seen;

/// Facts older than this close the door (DESIGN.md, "Facts that must be fresh").
pub const MAX_AGE: Duration = Duration::from_secs(10);

/// How far the operator's clock may be from this machine's.
pub const MAX_CLOCK_DIFFERENCE: SignedDuration = SignedDuration::from_secs(60);

/// Facts as accepted, with look-ups by credential, group and issuer.
#[derive(Debug)]
pub struct Snapshot {
    facts: Facts,
    /// When they came, on the local monotonic clock.
    received: Instant,
    /// How long before that the replica had last heard from the API server.
    behind: Duration,
    credentials: HashMap<String, usize>,
}

impl Snapshot {
    pub(crate) fn new(facts: Facts, received: Instant) -> Self {
        let behind = facts
            .stale_since
            .and_then(|since| Duration::try_from(facts.at.duration_since(since)).ok())
            .unwrap_or_default();
        let credentials = facts
            .credentials
            .iter()
            .enumerate()
            .map(|(index, credential)| (credential.name.clone(), index))
            .collect();
        Self {
            facts,
            received,
            behind,
            credentials,
        }
    }

    /// How old the truth of these facts is at `now`.
    fn age(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.received) + self.behind
    }

    pub const fn facts(&self) -> &Facts {
        &self.facts
    }

    pub fn credential(&self, name: &str) -> Option<&Credential> {
        self.credentials
            .get(name)
            .and_then(|index| self.facts.credentials.get(*index))
    }

    pub fn group(&self, name: &GroupName) -> Option<&Group> {
        self.facts.groups.iter().find(|group| group.name == *name)
    }

    pub fn group_by_tag(&self, tag: &str) -> Option<&Group> {
        self.facts.groups.iter().find(|group| group.tag == tag)
    }

    pub fn issuer(&self, url: &str) -> Option<&Issuer> {
        self.facts.issuers.iter().find(|issuer| issuer.url == url)
    }

    /// Whether the credential's software was revoked: the solution, this version, or this credential.
    pub fn revoked(&self, credential: &Credential) -> bool {
        self.facts.revocations.iter().any(|revocation| {
            revocation.solution == credential.solution
                && revocation
                    .version
                    .as_ref()
                    .is_none_or(|version| *version == credential.version)
                && revocation
                    .credential
                    .as_ref()
                    .is_none_or(|name| names_credential(name, credential))
        })
    }
}

/// A revocation names a credential in full (`<namespace>/<name>`) or, inside the solution's namespace, by its name.
fn names_credential(name: &str, credential: &Credential) -> bool {
    name == credential.name
        || (!name.contains('/')
            && credential
                .name
                .rsplit_once('/')
                .is_some_and(|(_, last)| last == name))
}

/// Why the door is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stale {
    #[error("no facts have been received yet")]
    Never,
    #[error("the newest facts are {} s old", .0.as_secs())]
    Old(Duration),
}

/// Why correctly signed facts were not taken over.
#[derive(Debug, thiserror::Error)]
pub enum FactsRefused {
    #[error("facts number {seq} is below {highest}, seen before")]
    Older { seq: u64, highest: u64 },
    #[error("facts number {seq} came again without a revocation it had before")]
    Regressed { seq: u64 },
    #[error("the operator's clock says {at}, this machine's {now}: they differ by more than 60 s")]
    Clock { at: Timestamp, now: Timestamp },
    #[error(transparent)]
    Seen(#[from] super::seen::SeenError),
}

/// The store: one writer (the stream), many readers (every request).
pub struct FactsStore {
    current: ArcSwapOption<Snapshot>,
    /// The highest number ever accepted, also by earlier runs. The lock orders writers.
    highest: Mutex<u64>,
    seen: Seen,
}

impl FactsStore {
    /// # Errors
    /// [`super::seen::SeenError`] when the number of the last run cannot be read.
    pub fn new(seen: Seen) -> Result<Self, super::seen::SeenError> {
        let highest = seen.load()?;
        Ok(Self {
            current: ArcSwapOption::empty(),
            highest: Mutex::new(highest),
            seen,
        })
    }

    /// Takes over facts whose signature was checked. `received` and `now` are the moment of receipt on the
    /// monotonic and on the wall clock.
    ///
    /// # Errors
    /// [`FactsRefused`]; what is held stays as it is and goes on ageing.
    pub fn accept(&self, facts: Facts, received: Instant, now: Timestamp) -> Result<(), FactsRefused> {
        if facts.at.duration_since(now).abs() > MAX_CLOCK_DIFFERENCE {
            return Err(FactsRefused::Clock { at: facts.at, now });
        }
        let mut highest = self.highest.lock().unwrap_or_else(PoisonError::into_inner);
        if facts.seq < *highest {
            return Err(FactsRefused::Older {
                seq: facts.seq,
                highest: *highest,
            });
        }
        let fresh = Snapshot::new(facts, received);
        let facts = &fresh.facts;
        let current = self.current.load();
        if let Some(held) = current.as_deref().filter(|held| held.facts.seq == facts.seq) {
            if held
                .facts
                .revocations
                .iter()
                .any(|revocation| !facts.revocations.contains(revocation))
            {
                return Err(FactsRefused::Regressed { seq: facts.seq });
            }
            // a line said once more is no news, nor is one of a replica that knows less
            if facts.at == held.facts.at || fresh.age(received) > held.age(received) {
                return Ok(());
            }
        }
        if facts.seq > *highest {
            self.seen.store(facts.seq)?;
            *highest = facts.seq;
        }
        self.current.store(Some(Arc::new(fresh)));
        Ok(())
    }

    /// The facts, if they are fresh at `now`.
    ///
    /// # Errors
    /// [`Stale`]: nothing may be let through.
    pub fn fresh(&self, now: Instant) -> Result<Arc<Snapshot>, Stale> {
        let snapshot = self.current.load_full().ok_or(Stale::Never)?;
        let age = snapshot.age(now);
        if age > MAX_AGE {
            Err(Stale::Old(age))
        } else {
            Ok(snapshot)
        }
    }

    /// Age of what is held, for the metrics.
    pub fn age(&self, now: Instant) -> Option<Duration> {
        self.current.load().as_ref().map(|snapshot| snapshot.age(now))
    }
}
