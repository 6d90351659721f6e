//! Live connections: which are closed when the facts change.
//!
//! A connection that was good and is no longer (a revocation came) is closed at once, also without a request. A connection
//! that begins after that is let in and every request on it refused with the reason, so that a vendor learns why. The
//! listener asks [`Door::stays`] after the handshake, before each request and every second.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dmp_core::peer::Peer;
use jiff::Timestamp;

use super::admission::admit;
use crate::facts::FactsStore;

/// A certificate not seen for this long has no live connection, and those that were to end have ended: above the listener's
/// interval of review (1 s).
const FORGOTTEN: Duration = Duration::from_secs(10);

type Certificate = [u8; 32];

/// One door for all connections of the public listener.
pub struct Door {
    facts: Arc<FactsStore>,
    domain: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Certificates with a live, admitted connection, and when one was last reviewed.
    admitted: HashMap<Certificate, Instant>,
    /// Certificates that lost their admission: when they last had it, and when the loss was seen. Connections that began
    /// while they had it end.
    lost: HashMap<Certificate, (Instant, Instant)>,
}

impl Door {
    pub fn new(facts: Arc<FactsStore>, domain: &str) -> Self {
        Self {
            facts,
            domain: domain.to_owned(),
            state: Mutex::default(),
        }
    }

    /// Whether the connection of `peer`, open since a moment, goes on. Without fresh facts it does: its requests are answered
    /// with 503.
    pub fn stays(&self, peer: &Peer, since: Instant) -> bool {
        self.stays_at(peer, since, Instant::now(), Timestamp::now())
    }

    pub(super) fn stays_at(&self, peer: &Peer, since: Instant, now: Instant, wall: Timestamp) -> bool {
        let Ok(facts) = self.facts.fresh(now) else {
            return true;
        };
        let admitted = admit(&facts, peer, &self.domain, wall).is_ok();
        let mut state = self.state();
        let certificate = peer.certificate_sha256;
        if admitted {
            state.lost.remove(&certificate);
            if state.admitted.insert(certificate, now).is_none() {
                state.forget(now);
            }
            return true;
        }
        if let Some(last) = state.admitted.remove(&certificate) {
            state.forget(now);
            state.lost.insert(certificate, (last, now));
        }
        state.lost.get(&certificate).is_none_or(|(last, _)| since > *last)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn forget(&mut self, now: Instant) {
        self.admitted
            .retain(|_, seen| now.saturating_duration_since(*seen) < FORGOTTEN);
        self.lost
            .retain(|_, (_, seen)| now.saturating_duration_since(*seen) < FORGOTTEN);
    }
}
