//! Which namespace is probed when, and what the results are together. Pure: time is an argument.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use dmp_api::names::NATIONAL_NAMESPACE;

use super::verdict::Verdict;
use crate::plane::{Applied, Object, Plane, digest};

/// What holds is asked again at random between these: the network may have been changed.
const REPEAT_SECONDS: std::ops::Range<u64> = 3_300..3_900;
/// What does not hold, or could not be told.
const RETRY_SECONDS: std::ops::Range<u64> = 270..330;

/// A namespace to probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The health group whose namespace it is.
    pub group: Option<String>,
    /// Image of the pods.
    pub image: String,
    /// Changes when a policy does, be it that somebody deleted one and it came back.
    pub policies: String,
}

impl Wanted {
    /// From a plane as the API server has it.
    pub fn of(group: Option<&str>, image: &str, plane: &Plane<Applied>) -> Self {
        let texts: Vec<String> = plane.network_policies.iter().map(version).collect();
        Self {
            group: group.map(ToOwned::to_owned),
            image: image.to_owned(),
            policies: digest(&texts.iter().map(String::as_str).collect::<Vec<_>>()),
        }
    }
}

fn version(policy: &Object) -> String {
    let uid = policy.text("/metadata/uid").unwrap_or_default();
    format!("{}/{uid}/{}", policy.name, policy.integer("/metadata/generation"))
}

#[derive(Debug)]
struct Done {
    wanted: Wanted,
    verdict: Verdict,
    again: Instant,
}

/// All namespaces.
#[derive(Debug, Default)]
pub struct Schedule {
    wanted: BTreeMap<String, Wanted>,
    done: BTreeMap<String, Done>,
}

impl Schedule {
    /// Whether it is news.
    pub fn want(&mut self, namespace: &str, wanted: Wanted) -> bool {
        let news = self.wanted.get(namespace) != Some(&wanted);
        self.wanted.insert(namespace.to_owned(), wanted);
        news
    }

    pub fn forget(&mut self, namespace: &str) {
        self.wanted.remove(namespace);
        self.done.remove(namespace);
    }

    /// The first namespaces that are due, `most` of them.
    pub fn due(&self, now: Instant, most: usize) -> Vec<(String, Wanted)> {
        self.wanted
            .iter()
            .filter(|(namespace, wanted)| match self.done.get(*namespace) {
                Some(done) => done.wanted != **wanted || done.again <= now,
                None => true,
            })
            .take(most)
            .map(|(namespace, wanted)| (namespace.clone(), wanted.clone()))
            .collect()
    }

    /// How long nothing is due, if nothing becomes news.
    pub fn quiet(&self, now: Instant) -> Duration {
        self.done
            .values()
            .map(|done| done.again.saturating_duration_since(now))
            .min()
            .unwrap_or(Duration::from_secs(RETRY_SECONDS.start))
    }

    /// A group other than that of `namespace`: what one group's pods must not reach.
    pub fn other_group(&self, namespace: &str) -> Option<String> {
        self.wanted
            .iter()
            .find(|(name, wanted)| *name != namespace && wanted.group.is_some())
            .map(|(name, _)| name.clone())
    }

    pub fn done(&mut self, namespace: &str, wanted: Wanted, verdict: Verdict, now: Instant) {
        // It may have been forgotten meanwhile.
        if !self.wanted.contains_key(namespace) {
            return;
        }
        let seconds = match verdict {
            Verdict::Enforced => rand::random_range(REPEAT_SECONDS),
            Verdict::NotEnforced(_) | Verdict::Unknown(_) => rand::random_range(RETRY_SECONDS),
        };
        let done = Done {
            wanted,
            verdict,
            again: now + Duration::from_secs(seconds),
        };
        self.done.insert(namespace.to_owned(), done);
    }

    /// One namespace without enforcement is enough for the whole; that all have it is known when all have been probed,
    /// the national plane's among them.
    pub fn verdict(&self) -> Option<Verdict> {
        let results = || {
            self.done
                .iter()
                .map(|(namespace, done)| (namespace, &done.verdict))
        };
        let said = |text: &str, namespace: &str| format!("namespace `{namespace}`: {text}");
        for (namespace, verdict) in results() {
            if let Verdict::NotEnforced(text) = verdict {
                return Some(Verdict::NotEnforced(said(text, namespace)));
            }
        }
        for (namespace, verdict) in results() {
            if let Verdict::Unknown(text) = verdict {
                return Some(Verdict::Unknown(said(text, namespace)));
            }
        }
        let probed = |name: &str| self.done.contains_key(name);
        let all = probed(NATIONAL_NAMESPACE) && self.wanted.keys().all(|name| probed(name));
        all.then_some(Verdict::Enforced)
    }
}
