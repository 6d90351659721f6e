//! Is the API server heard? Asked every second, with a read that must reach etcd.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::ResourceExt;

use super::watch::Shared;

/// How often.
pub const INTERVAL: Duration = Duration::from_secs(1);
/// An answer that takes longer is none.
const TIMEOUT: Duration = Duration::from_millis(900);
/// Silence that is still called fresh.
const PATIENCE: SignedDuration = SignedDuration::from_secs(2);

/// When the API server was last heard and the watches had kept up with it.
#[derive(Clone, Copy, Debug)]
pub struct Pulse {
    heard: Timestamp,
    /// Version of the lease that the previous question was answered with: the watch must have seen it by now.
    asked: u64,
}

impl Pulse {
    /// Nothing has been heard since `now`.
    pub const fn new(now: Timestamp) -> Self {
        Self { heard: now, asked: 0 }
    }

    /// An answer: the lease's version as read, and the highest one the watch has delivered.
    pub fn answered(&mut self, now: Timestamp, read: u64, watched: u64) {
        if watched >= self.asked {
            self.heard = now;
        }
        self.asked = read;
    }

    /// Since when it has been silent, if for more than 2 s.
    pub fn stale_since(&self, now: Timestamp) -> Option<Timestamp> {
        (self.heard.duration_until(now) > PATIENCE).then_some(self.heard)
    }
}

/// Asks once; `None` when there was no answer in time.
pub async fn ask(leases: &Api<Lease>, name: &str) -> Option<u64> {
    match tokio::time::timeout(TIMEOUT, leases.get_opt(name)).await {
        Ok(Ok(lease)) => Some(
            lease
                .and_then(|lease| lease.resource_version())
                .and_then(|text| text.parse().ok())
                .unwrap_or_default(),
        ),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the API server does not answer");
            None
        }
        Err(_) => {
            tracing::warn!("the API server does not answer in time");
            None
        }
    }
}

/// Asks every second and keeps `pulse`.
pub async fn run(
    leases: Api<Lease>,
    name: String,
    shared: Shared,
    pulse: std::sync::Arc<std::sync::Mutex<Pulse>>,
) {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        if let Some(read) = ask(&leases, &name).await {
            let watched = shared.with(|index| index.leases.seq());
            let mut pulse = pulse.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            pulse.answered(Timestamp::now(), read, watched);
        }
    }
}
