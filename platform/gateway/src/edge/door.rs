//! Live connections: which are closed when the facts change.
//!
//! A request of refused software is answered (403 with the reason) before its connection ends, so that a vendor
//! learns why. A connection that was good and is no longer (a revocation came) is closed at once, also without a
//! request. The listener asks [`Door::stays`] after the handshake, before each request and every second.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dmp_core::peer::Peer;
use jiff::Timestamp;

use super::admission::admit;
use crate::facts::FactsStore;

/// How long connections of a certificate are closed after it lost its admission: above the listener's interval of
/// review (1 s). Then new connections are accepted again, to be told why they are refused.
const CLOSING: Duration = Duration::from_millis(1_500);
/// The answer leaves before the connection is closed.
const AFTER_ANSWER: Duration = Duration::from_millis(250);
/// A certificate not seen for this long has no live connection.
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
    /// From when until when connections of a certificate are closed.
    closing: HashMap<Certificate, (Instant, Instant)>,
}

impl Door {
    pub fn new(facts: Arc<FactsStore>, domain: &str) -> Self {
        Self {
            facts,
            domain: domain.to_owned(),
            state: Mutex::default(),
        }
    }

    /// Whether the connection of `peer` goes on. Without fresh facts it does: its requests are answered with 503.
    pub fn stays(&self, peer: &Peer) -> bool {
        self.stays_at(peer, Instant::now(), Timestamp::now())
    }

    pub(super) fn stays_at(&self, peer: &Peer, now: Instant, wall: Timestamp) -> bool {
        let Ok(facts) = self.facts.fresh(now) else {
            return true;
        };
        let admitted = admit(&facts, peer, &self.domain, wall).is_ok();
        let mut state = self.state();
        let certificate = peer.certificate_sha256;
        if admitted {
            state.closing.remove(&certificate);
            if state.admitted.insert(certificate, now).is_none() {
                state.forget(now);
            }
            return true;
        }
        if state.admitted.remove(&certificate).is_some() {
            state.closing.insert(certificate, (now, now + CLOSING));
        }
        state
            .closing
            .get(&certificate)
            .is_none_or(|(from, until)| now < *from || now >= *until)
    }

    /// A request of `peer` has been refused: its connections end once the answer has left.
    pub fn answered(&self, peer: &Peer) {
        let now = Instant::now();
        let mut state = self.state();
        state.forget(now);
        let from = now + AFTER_ANSWER;
        state
            .closing
            .entry(peer.certificate_sha256)
            .or_insert((from, from + CLOSING));
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn forget(&mut self, now: Instant) {
        self.admitted
            .retain(|_, seen| now.saturating_duration_since(*seen) < FORGOTTEN);
        self.closing.retain(|_, (_, until)| now < *until);
    }
}
