//! A patient's trail: her entries in all copied logs, opened, each with its proof against the newest checkpoint held.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dmp_client::audit::TrailEntry;
use dmp_core::ids::Pseudonym;
use dmp_keys::BlindIndex;
use dmp_tlog::leaf::Leaf;
use dmp_tlog::tiles::{TreeError, inclusion_needs};
use sqlx::postgres::PgPool;

use crate::bodies::{Bodies, BodyError};
use crate::index::token;
use crate::store;
use crate::store::entry::Entry;

#[derive(Debug, thiserror::Error)]
pub enum TrailError {
    #[error("the database does not answer")]
    Database(#[from] sqlx::Error),
    #[error("an entry cannot be opened")]
    Body(#[from] BodyError),
    #[error("an entry cannot be proven from our copy")]
    Tree(#[from] TreeError),
    #[error("an entry is indexed, but its log has no checkpoint")]
    NoCheckpoint,
}

pub struct Trail {
    pool: PgPool,
    bodies: Arc<Bodies>,
    index: Arc<BlindIndex>,
}

impl Trail {
    pub const fn new(pool: PgPool, bodies: Arc<Bodies>, index: Arc<BlindIndex>) -> Self {
        Self { pool, bodies, index }
    }

    /// All entries that speak of the patient, newest last.
    ///
    /// # Errors
    /// [`TrailError`]: an entry is never left out because it could not be opened or proven.
    pub async fn of(&self, patient: &Pseudonym) -> Result<Vec<TrailEntry>, TrailError> {
        let mut tx = self.pool.begin().await?;
        let mut by_log: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
        for entry in store::entry::of_patient(&mut tx, &token(&self.index, patient)).await? {
            by_log.entry(entry.origin.clone()).or_default().push(entry);
        }
        let mut found = Vec::new();
        for (origin, entries) in by_log {
            let state = store::source::read(&mut tx, &origin)
                .await?
                .ok_or(TrailError::NoCheckpoint)?;
            let checkpoint = state.note.ok_or(TrailError::NoCheckpoint)?;
            let needs: BTreeSet<_> = entries
                .iter()
                .flat_map(|entry| inclusion_needs(state.size, entry.index))
                .collect();
            let tiles = store::tile::read(&mut tx, &origin, &needs).await?;
            for entry in entries {
                let proof = tiles.inclusion(state.size, entry.index)?;
                let proof = proof.iter().map(|hash| STANDARD.encode(hash.0)).collect();
                found.push((entry, proof, checkpoint.clone()));
            }
        }
        tx.commit().await?;
        let mut trail = Vec::with_capacity(found.len());
        for (entry, proof, checkpoint) in found {
            let time = Leaf::parse(&entry.leaf).map_err(BodyError::from)?.time;
            let opened = self.bodies.open(&entry).await?;
            let Entry {
                origin: log,
                index,
                leaf,
                ..
            } = entry;
            let salt = STANDARD.encode(opened.salt);
            trail.push((
                time,
                TrailEntry {
                    log,
                    index,
                    leaf,
                    event: opened.event,
                    salt,
                    proof,
                    checkpoint,
                },
            ));
        }
        // RFC 3339 in one fixed form sorts as text; entries of one log keep their order within a millisecond.
        trail.sort_by(|(a, _), (b, _)| a.cmp(b));
        Ok(trail.into_iter().map(|(_, entry)| entry).collect())
    }
}
