//! Software that was revoked, tried again and again while something else happens to the platform: it is never answered.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use dmpctl::demo::gateway::Gateway;
use tokio::task::JoinHandle;

use super::software::{Software, newcomer};
use super::subject::Run;
use super::{BAR, Level, Seen};
use crate::stage::Stage;

const PAUSE: Duration = Duration::from_millis(250);

/// Software that was answered once.
pub struct Revoked {
    gateway: Gateway,
    identity: String,
}

/// Its attempts; ended with [`Attempts::end`], or dropped.
pub struct Attempts {
    seen: Arc<Seen>,
    task: JoinHandle<()>,
}

impl Revoked {
    /// A credential that the gateways answer, then revoked.
    ///
    /// # Panics
    /// When it is not answered before.
    pub async fn new(stage: &Stage) -> Self {
        let run = Run::new(stage);
        let subject = run.subject(0, Level::Credential);
        let identity = run.issue(&subject).await;
        drop(Software::connect(&stage.gateway, &identity).await);
        run.revoke(&subject).await;
        tokio::time::sleep(BAR).await;
        Self {
            gateway: stage.gateway.clone(),
            identity,
        }
    }

    /// Tries on new connections, from now on.
    pub fn attempts(&self) -> Attempts {
        let seen = Arc::new(Seen::default());
        let (gateway, identity, own) = (self.gateway.clone(), self.identity.clone(), Arc::clone(&seen));
        let task = tokio::spawn(async move {
            loop {
                own.take(newcomer(&gateway, &identity).await);
                tokio::time::sleep(PAUSE).await;
            }
        });
        Attempts { seen, task }
    }
}

impl Attempts {
    /// How often it was tried, and how often it was answered.
    pub fn end(self) -> (u64, usize) {
        self.task.abort();
        let answered = self.seen.good.lock().unwrap().len();
        (self.seen.tried.load(Ordering::Relaxed), answered)
    }
}

impl Drop for Attempts {
    fn drop(&mut self) {
        self.task.abort();
    }
}
