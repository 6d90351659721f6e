//! Indexing copied entries by patient: bodies are opened here, and only the token of the pseudonym is kept.

use dmp_core::ids::Pseudonym;
use dmp_keys::BlindIndex;
use serde::Deserialize;
use sqlx::postgres::PgPool;

use crate::bodies::{Bodies, BodyError};
use crate::pull::record;
use crate::store;
use crate::store::finding::Finding;

/// Entries opened per transaction.
const PAGE: i64 = 500;

/// The token under which a patient's entries are found.
pub fn token(index: &BlindIndex, patient: &Pseudonym) -> [u8; 32] {
    index.token("patient", &[patient.as_uuid().as_bytes()])
}

/// What the index needs of an event: a newer service may say more than this one knows.
#[derive(Deserialize)]
struct Mention {
    patient: Option<Pseudonym>,
}

#[derive(Debug, thiserror::Error)]
#[error("the event of an entry is not one")]
struct NoEvent;

/// Indexes what has been copied of log `origin` and not yet looked at. An entry that cannot be read is a finding, and
/// does not hold up the others.
///
/// # Errors
/// When key service or database do not answer: what is left is done next time.
pub async fn catch_up(
    pool: &PgPool,
    origin: &str,
    bodies: &Bodies,
    index: &BlindIndex,
) -> Result<(), BodyError> {
    loop {
        let mut conn = pool.acquire().await?;
        let Some(state) = store::source::read(&mut conn, origin).await? else {
            return Ok(());
        };
        let page = store::entry::page(&mut conn, origin, state.indexed, state.size, PAGE).await?;
        drop(conn);
        let Some(last) = page.last() else { return Ok(()) };
        let end = last.index + 1;
        let mut mentions = Vec::new();
        for entry in &page {
            let finding = Finding {
                origin,
                kind: "body",
                position: entry.index,
                held: None,
                shown: None,
            };
            match bodies.open(entry).await {
                Ok(opened) => match serde_json::from_str::<Mention>(&opened.event) {
                    Ok(event) => {
                        mentions.extend(event.patient.map(|patient| (token(index, &patient), entry.index)));
                    }
                    Err(_) => record(pool, &finding, &NoEvent).await?,
                },
                Err(error) if error.is_finding() => record(pool, &finding, &error).await?,
                Err(error) => return Err(error),
            }
        }
        let mut tx = pool.begin().await?;
        store::index::add(&mut tx, origin, (state.indexed, end), &mentions).await?;
        tx.commit().await?;
    }
}
