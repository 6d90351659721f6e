//! The newest accepted facts, indexed, with their age.
//!
//! Accepting: the number never falls; whatever the number, a revocation that is held is there again, or lifted at a
//! higher number: one that is simply gone was lost (a restored etcd, an object that the operator cannot read). At the same number
//! only content that revokes as much or more replaces what is held (replicas of the operator may have heard of different
//! objects at one number).
//! Age: counted on the local monotonic clock from the receipt, plus what the replica itself says it is behind
//! the API server. Facts older than [`MAX_AGE`] close the door.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use dmp_client::facts::{Credential, Facts, Gate, Group, Issuer, Mode, Revocation};
use dmp_core::ids::GroupName;
use jiff::{SignedDuration, Timestamp};

use super::credentials::{Complete, Credentials};
use super::seen::{Known, Seen};

/// Facts older than this close the door (DESIGN.md, "Facts that must be fresh").
pub const MAX_AGE: Duration = Duration::from_secs(10);

/// How far the operator's clock may be from this machine's.
pub const MAX_CLOCK_DIFFERENCE: SignedDuration = SignedDuration::from_secs(60);

/// No namespace.
const ANYWHERE: &str = "";

/// Facts as accepted, with look-ups by credential, group and issuer.
#[derive(Debug)]
pub struct Snapshot {
    facts: Facts,
    /// When they came, on the local monotonic clock.
    received: Instant,
    /// How long before that the replica had last heard from the API server.
    behind: Duration,
    credentials: Credentials,
    /// Revocations by the namespace in which alone they close something; [`ANYWHERE`] when there is none.
    revocations: HashMap<String, Vec<usize>>,
}

impl Snapshot {
    pub(crate) fn new(facts: Facts, credentials: Credentials, received: Instant) -> Self {
        let behind = facts
            .stale_since
            .and_then(|since| Duration::try_from(facts.at.duration_since(since)).ok())
            .unwrap_or_default();
        let mut revocations: HashMap<String, Vec<usize>> = HashMap::new();
        for (index, revocation) in facts.revocations.iter().enumerate() {
            let namespace = revocation.namespace().unwrap_or(ANYWHERE);
            revocations.entry(namespace.to_owned()).or_default().push(index);
        }
        Self {
            facts,
            received,
            behind,
            credentials,
            revocations,
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
        self.credentials.get(name)
    }

    pub fn credentials(&self) -> impl Iterator<Item = &Credential> {
        self.credentials.iter()
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

    /// Whether what is real is open to the credential; the sandbox always is.
    pub fn gate(&self, credential: &Credential) -> Gate {
        if credential.mode == Mode::Sandbox {
            return Gate::Open;
        }
        let group = credential.group.as_ref().and_then(|name| self.group(name));
        group
            .filter(|group| group.mode == Mode::Production)
            .map_or(self.facts.gate, |group| group.gate)
    }

    /// Whether the credential's software was revoked: the vendor, the solution, this version, installation or credential.
    pub fn revoked(&self, credential: &Credential) -> bool {
        let product = credential.solution.split_once('/');
        let places = [
            ANYWHERE,
            product.map_or(ANYWHERE, |(namespace, _)| namespace),
            credential.namespace(),
        ];
        let within = places
            .iter()
            .filter_map(|place| self.revocations.get(*place))
            .flatten();
        let mut revocations = within.filter_map(|index| self.facts.revocations.get(*index));
        revocations.any(|revocation| revocation.closes(credential))
    }
}

/// Whether something that was revoked no longer is, without having been lifted at a higher number.
fn lost_one(before: &Known, now: &Facts) -> bool {
    if before.revocations == now.revocations {
        return false;
    }
    let lifted = now.lifted.iter().filter(|_| now.seq > before.seq);
    let known: HashSet<&Revocation> = now.revocations.iter().chain(lifted).collect();
    before
        .revocations
        .iter()
        .any(|revocation| !known.contains(revocation))
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
    #[error("facts number {seq} lack a revocation that was in force before and was not lifted")]
    Regressed { seq: u64 },
    #[error("the operator's clock says {at}, this machine's {now}: they differ by more than 60 s")]
    Clock { at: Timestamp, now: Timestamp },
    #[error(transparent)]
    Seen(#[from] super::seen::SeenError),
}

/// The store: one writer (the stream), many readers (every request).
pub struct FactsStore {
    current: ArcSwapOption<Snapshot>,
    /// Of the newest facts ever accepted, also by earlier runs. The lock orders writers.
    known: Mutex<Known>,
    seen: Seen,
}

impl FactsStore {
    /// # Errors
    /// [`super::seen::SeenError`] when what the last run knew cannot be read.
    pub fn new(seen: Seen) -> Result<Self, super::seen::SeenError> {
        let known = seen.load()?;
        Ok(Self {
            current: ArcSwapOption::empty(),
            known: Mutex::new(known),
            seen,
        })
    }

    /// Takes over facts whose signature and shards were checked.
    ///
    /// # Errors
    /// [`FactsRefused`]; what is held stays as it is and goes on ageing.
    pub fn accept(&self, complete: Complete) -> Result<(), FactsRefused> {
        let Complete {
            facts,
            credentials,
            received,
            now,
        } = complete;
        if facts.at.duration_since(now).abs() > MAX_CLOCK_DIFFERENCE {
            return Err(FactsRefused::Clock { at: facts.at, now });
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if facts.seq < known.seq {
            return Err(FactsRefused::Older {
                seq: facts.seq,
                highest: known.seq,
            });
        }
        if lost_one(&known, &facts) {
            return Err(FactsRefused::Regressed { seq: facts.seq });
        }
        let revocations_changed = facts.revocations != known.revocations;
        let fresh = Snapshot::new(facts, credentials, received);
        let facts = &fresh.facts;
        let current = self.current.load();
        // a line said once more is no news, nor is one of a replica that knows less
        if let Some(held) = current.as_deref()
            && held.facts.seq == facts.seq
            && !revocations_changed
            && (facts.at == held.facts.at || fresh.age(received) > held.age(received))
        {
            return Ok(());
        }
        if revocations_changed {
            self.seen.store_revocations(&facts.revocations)?;
            known.revocations.clone_from(&facts.revocations);
        }
        if facts.seq > known.seq {
            self.seen.store(facts.seq)?;
            known.seq = facts.seq;
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
