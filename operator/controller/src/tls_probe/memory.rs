//! Which endpoint is asked when, and what all of them are together. Pure: time is an argument.
//!
//! A pod that restarts does not answer for a while, nor does a plane that is being made: an endpoint that does not answer stays
//! what it was ([`BENEFIT`]), and only then is one without TLS.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use dmp_api::tls_probe::Endpoint;

use super::probe::{Unreachable, silent};
use super::targets::Target;

/// What answered is asked again after so long; what did not, at the next look.
pub const PERIOD: Duration = Duration::from_secs(15 * 60);
/// So long an endpoint that does not answer is what it was.
pub const BENEFIT: Duration = Duration::from_secs(30 * 60);
/// What has not changed is written again after so long: the evaluator takes nothing that is older than two hours.
pub const REWRITE: Duration = Duration::from_secs(55 * 60);

/// How many endpoints there are of each verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub good: i64,
    pub bad: i64,
    /// At the last attempt, whatever is said of them.
    pub unreachable: i64,
}

#[derive(Debug)]
struct Known {
    /// `None` while it has never answered.
    endpoint: Option<Endpoint>,
    /// When it answered last, or was first asked.
    since: Instant,
    asked: Instant,
    answers: bool,
}

/// All endpoints that are there.
#[derive(Debug, Default)]
pub struct Memory {
    known: BTreeMap<String, Known>,
    written: Option<(Instant, Vec<Endpoint>)>,
}

impl Memory {
    /// Whom to ask now; what is not among `targets` any more is forgotten.
    pub fn due(&mut self, targets: Vec<Target>, now: Instant) -> Vec<Target> {
        self.known
            .retain(|name, _| targets.iter().any(|target| target.name == *name));
        let due = |target: &Target| match self.known.get(&target.name) {
            Some(known) => !known.answers || now.duration_since(known.asked) >= PERIOD,
            None => true,
        };
        targets.into_iter().filter(due).collect()
    }

    /// What came of asking.
    pub fn done(&mut self, target: &Target, outcome: Result<Endpoint, Unreachable>, now: Instant) {
        let known = self.known.entry(target.name.clone()).or_insert(Known {
            endpoint: None,
            since: now,
            asked: now,
            answers: false,
        });
        known.asked = now;
        known.answers = outcome.is_ok();
        match outcome {
            Ok(endpoint) => {
                known.endpoint = Some(endpoint);
                known.since = now;
            }
            Err(why) if now.duration_since(known.since) >= BENEFIT => {
                known.endpoint = Some(silent(target, &why));
            }
            Err(_) => {}
        }
    }

    pub fn endpoints(&self) -> Vec<Endpoint> {
        self.known
            .values()
            .filter_map(|known| known.endpoint.clone())
            .collect()
    }

    /// What is to be written now, if anything: what differs from what was, or nothing new for too long.
    pub fn news(&self, now: Instant) -> Option<Vec<Endpoint>> {
        let endpoints = self.endpoints();
        let old = match &self.written {
            Some((at, written)) => now.duration_since(*at) >= REWRITE || *written != endpoints,
            None => !endpoints.is_empty(),
        };
        old.then_some(endpoints)
    }

    pub fn written(&mut self, endpoints: Vec<Endpoint>, now: Instant) {
        self.written = Some((now, endpoints));
    }

    pub fn count(&self) -> Count {
        let mut count = Count::default();
        for known in self.known.values() {
            match &known.endpoint {
                Some(endpoint) if known.answers && endpoint.is_good() => count.good += 1,
                Some(_) if known.answers => count.bad += 1,
                _ => count.unreachable += 1,
            }
        }
        count
    }
}
