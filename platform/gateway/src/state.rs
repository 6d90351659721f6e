//! What the routes share. A clone is the same gateway.

use std::sync::Arc;
use std::time::Instant;

use dmp_core::trust::TrustBundle;
use dmp_keys::Signer;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::Config;
use crate::edge::door::Door;
use crate::facts::FactsStore;
use crate::guichet::Pace;
use crate::quota::Counters;
use crate::tokens::jwks::Jwks;
use crate::upstream::Upstream;
use crate::watch::Watched;

/// See the fields of [`Inner`].
#[derive(Clone)]
pub struct Gateway(Arc<Inner>);

pub struct Inner {
    domain: String,
    /// `iss` of the tokens.
    pub issuer: String,
    /// Base of the FHIR routes as clients see it, without a final slash.
    pub fhir_base: String,
    pub facts: Arc<FactsStore>,
    pub door: Arc<Door>,
    /// What is left of the quotas.
    pub counters: Counters,
    /// How fast people may ask at the guichet.
    pub pace: Pace,
    pub trust: TrustBundle,
    pub upstream: Upstream,
    pub jwks: Jwks,
    /// Who sits a test of the conformance suite.
    pub watched: Watched,
    /// OpenBao's transit key `token`.
    pub signer: Signer,
    memory: Arc<Semaphore>,
    memory_total: u32,
}

impl std::ops::Deref for Gateway {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Gateway {
    pub fn new(
        config: &Config,
        facts: Arc<FactsStore>,
        trust: TrustBundle,
        upstream: Upstream,
        signer: Signer,
    ) -> Self {
        let memory_total = config.gateway.body_memory;
        Self(Arc::new(Inner {
            domain: config.service.domain.clone(),
            issuer: config.service.issuer(),
            fhir_base: config.fhir_base(),
            door: Arc::new(Door::new(Arc::clone(&facts), &config.service.domain)),
            counters: Counters::new(config.gateway.quotas.clone(), Instant::now()),
            pace: Pace::new(Instant::now()),
            facts,
            trust,
            upstream,
            jwks: Jwks::default(),
            watched: Watched::default(),
            signer,
            memory: Arc::new(Semaphore::new(memory_total as usize)),
            memory_total,
        }))
    }

    /// Trust domain.
    pub fn domain(&self) -> &str {
        &self.0.domain
    }

    /// Waits for a share of the memory for bodies; a body larger than the whole takes the whole.
    pub async fn reserve_memory(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let share = u32::try_from(bytes).unwrap_or(u32::MAX).min(self.memory_total);
        Arc::clone(&self.memory).acquire_many_owned(share).await.ok()
    }
}
