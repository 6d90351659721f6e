//! What the tests of this crate share: a signer and data keys in memory, and an event.

use std::sync::Arc;

use async_trait::async_trait;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use dmp_client::audit::{Event, EventKind};
use dmp_core::ids::Pseudonym;
use sqlx::PgPool;
use zeroize::Zeroizing;

use crate::checkpoint::{CheckpointError, CheckpointSigner};
use crate::log::{BodyKeys, BodyKeysError, Log, NewBodyKey};

pub struct LocalSigner(Ed25519KeyPair);

impl LocalSigner {
    pub fn new() -> Self {
        Self(Ed25519KeyPair::generate().unwrap())
    }
}

#[async_trait]
impl CheckpointSigner for LocalSigner {
    fn public_key(&self) -> [u8; 32] {
        self.0.public_key().as_ref().try_into().unwrap()
    }

    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, CheckpointError> {
        Ok(self.0.sign(message).as_ref().to_vec())
    }
}

pub struct LocalBodies;

/// The data key of every log in these tests.
pub const DATA_KEY: [u8; 32] = [7; 32];

#[async_trait]
impl BodyKeys for LocalBodies {
    async fn new_key(&self, _origin: &str) -> Result<NewBodyKey, BodyKeysError> {
        Ok(NewBodyKey {
            key: Zeroizing::new(DATA_KEY),
            wrapped: "vault:v1:test".into(),
        })
    }
}

pub fn event(n: usize) -> Event {
    Event {
        kind: EventKind::Read,
        at: "2026-11-25T10:00:00.5Z".parse().unwrap(),
        patient: Some(Pseudonym::random()),
        who: "123456789".into(),
        who_display: None,
        establishment: None,
        purpose: "TREAT".into(),
        software: "sih 1.0".into(),
        resource: "DocumentReference".into(),
        resource_id: Some(format!("ba7816bf-{n}")),
        outcome: "permitted".into(),
        correlation: "00000000-0000-4000-8000-000000000000".into(),
    }
}

pub const ORIGIN: &str = "dmp.test/log/registry";

/// A new database.
pub async fn database() -> PgPool {
    dmp_testkit::Postgres::shared().pool().await
}

/// The log in `pool`, with a signing key of its own.
pub async fn open(pool: &PgPool) -> Log {
    open_as(pool, Arc::new(LocalSigner::new())).await
}

pub async fn open_as(pool: &PgPool, signer: Arc<dyn CheckpointSigner>) -> Log {
    Log::open(pool.clone(), ORIGIN, signer, &LocalBodies)
        .await
        .unwrap()
}

/// A log of `count` entries in one signed tree.
pub async fn filled(pool: &PgPool, count: usize) -> Log {
    let log = open(pool).await;
    let mut tx = pool.begin().await.unwrap();
    for n in 0..count {
        log.append(&mut tx, &event(n)).await.unwrap();
    }
    tx.commit().await.unwrap();
    while log.sequence_once().await.unwrap().integrated > 0 {}
    log
}
