//! The group's keystore: one data key per patient, made by transit, kept wrapped in a database of its own.
//!
//! A data key is opened by one call of the key service and then held for at most five minutes. Erasing a
//! patient is deleting a row here and letting the transit key's epoch pass (a later part).

use std::sync::Arc;
use std::time::{Duration, Instant};

use dmp_core::ids::{GroupName, Pseudonym};
use sqlx::{PgPool, Row};
use uuid::Uuid;

use crate::KeyError;
use crate::aead::DataKey;
use crate::cache::KeyCache;
use crate::openbao::Client;

/// Transit key of the group's namespace.
pub const KEK: &str = "kek";
/// How long an opened key stays in memory.
const MAX_AGE: Duration = Duration::from_secs(300);
/// How many opened keys stay in memory.
const MAX_ENTRIES: usize = 4096;
const SWEEP_INTERVAL: Duration = Duration::from_secs(30);

/// Data keys of the patients of one group. Cheap to clone.
#[derive(Clone)]
pub struct Keystore {
    pool: PgPool,
    client: Client,
    group: GroupName,
    cache: Arc<KeyCache>,
}

impl Keystore {
    /// Runs the keystore's migrations and starts the sweeping of old keys.
    ///
    /// `client` speaks in the group's namespace; `pool` is of the keystore's own database.
    ///
    /// # Errors
    /// [`KeyError::Migration`].
    pub async fn open(pool: PgPool, client: Client, group: GroupName) -> Result<Self, KeyError> {
        sqlx::migrate!("migrations/keystore").run(&pool).await?;
        let cache = Arc::new(KeyCache::new(MAX_ENTRIES, MAX_AGE));
        let weak = Arc::downgrade(&cache);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(SWEEP_INTERVAL).await;
                match weak.upgrade() {
                    Some(cache) => cache.sweep(Instant::now()),
                    None => return,
                }
            }
        });
        Ok(Self {
            pool,
            client,
            group,
            cache,
        })
    }

    /// The patient's data key, if the group has one. At most one call of the key service.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub async fn key(&self, patient: Pseudonym) -> Result<Option<Arc<DataKey>>, KeyError> {
        if let Some(key) = self.cache.get(patient.as_uuid(), Instant::now()) {
            return Ok(Some(key));
        }
        let row = sqlx::query("SELECT id, wrapped FROM patient_key WHERE patient = $1")
            .bind(patient.as_uuid())
            .fetch_optional(&self.pool)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let (id, wrapped): (Uuid, String) = (row.try_get("id")?, row.try_get("wrapped")?);
        let key = self
            .client
            .unwrap_key(KEK, &self.context(patient), &wrapped)
            .await?;
        Ok(Some(self.remember(
            patient,
            DataKey::new(id, self.domain(), *patient.as_uuid(), key),
        )))
    }

    /// The patient's data key, made when there is none. Of two who make it at once, one wins and both use it.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub async fn key_or_create(&self, patient: Pseudonym) -> Result<Arc<DataKey>, KeyError> {
        if let Some(key) = self.key(patient).await? {
            return Ok(key);
        }
        let made = self.client.data_key(KEK, &self.context(patient)).await?;
        let id = Uuid::new_v4();
        let written = sqlx::query(
            "INSERT INTO patient_key (id, patient, wrapped) VALUES ($1, $2, $3) ON CONFLICT (patient) DO NOTHING",
        )
        .bind(id)
        .bind(patient.as_uuid())
        .bind(&made.wrapped)
        .execute(&self.pool)
        .await?;
        if written.rows_affected() == 1 {
            return Ok(self.remember(
                patient,
                DataKey::new(id, self.domain(), *patient.as_uuid(), made.key),
            ));
        }
        self.key(patient).await?.ok_or(KeyError::Malformed)
    }

    /// Forgets every opened key.
    pub fn clear(&self) {
        self.cache.clear();
    }

    fn remember(&self, patient: Pseudonym, key: DataKey) -> Arc<DataKey> {
        let key = Arc::new(key);
        self.cache
            .put(*patient.as_uuid(), Arc::clone(&key), Instant::now());
        key
    }

    fn domain(&self) -> String {
        format!("group:{}", self.group)
    }

    /// Derivation context of transit: a wrapped key moved to another patient or group does not open.
    fn context(&self, patient: Pseudonym) -> Vec<u8> {
        format!("v1|{}|{}", self.group, patient.as_uuid().hyphenated()).into_bytes()
    }
}

#[cfg(test)]
mod tests;
