//! Indexing copied entries: bodies are opened here, and only tokens are kept. By patient for the trail, and by who touched a record
//! ([`access`]); what a release without the second has left is made up beside the work ([`fill`]).

use dmp_core::ids::Pseudonym;
use dmp_keys::BlindIndex;
use serde::Deserialize;
use sqlx::postgres::PgPool;

use crate::access;
use crate::bodies::{Bodies, BodyError};
use crate::pull::record;
use crate::store;
use crate::store::access::Access;
use crate::store::entry::Entry;
use crate::store::finding::Finding;
use crate::store::index::Mention as Mentioned;

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
        let (mentions, accesses) = looked_at(pool, origin, &page, bodies, index).await?;
        let mut tx = pool.begin().await?;
        store::index::add(&mut tx, origin, (state.indexed, end), &mentions, &accesses).await?;
        tx.commit().await?;
    }
}

/// Adds the accesses that entries of a group's log tell of and that a release without their index has passed over. How many entries were
/// looked at.
///
/// # Errors
/// As [`catch_up`].
pub async fn fill(
    pool: &PgPool,
    origin: &str,
    bodies: &Bodies,
    index: &BlindIndex,
) -> Result<u64, BodyError> {
    let mut done = 0;
    if !access::is_group(origin) {
        return Ok(done);
    }
    loop {
        let mut conn = pool.acquire().await?;
        let Some(state) = store::source::read(&mut conn, origin).await? else {
            return Ok(done);
        };
        let page = store::entry::page(&mut conn, origin, state.accessed, state.indexed, PAGE).await?;
        drop(conn);
        let Some(last) = page.last() else { return Ok(done) };
        let end = last.index + 1;
        let (_, accesses) = looked_at(pool, origin, &page, bodies, index).await?;
        let mut tx = pool.begin().await?;
        store::access::fill(&mut tx, origin, (state.accessed, end), &accesses).await?;
        tx.commit().await?;
        done += end - state.accessed;
    }
}

/// What a page's entries say of whom. One that cannot be read is kept as a finding.
async fn looked_at(
    pool: &PgPool,
    origin: &str,
    page: &[Entry],
    bodies: &Bodies,
    index: &BlindIndex,
) -> Result<(Vec<Mentioned>, Vec<Access>), BodyError> {
    let (mut mentions, mut accesses) = (Vec::new(), Vec::new());
    for entry in page {
        let finding = Finding {
            origin,
            kind: "body",
            position: entry.index,
            held: None,
            shown: None,
        };
        let opened = match bodies.open(entry).await {
            Ok(opened) => opened,
            Err(error) if error.is_finding() => {
                record(pool, &finding, &error).await?;
                continue;
            }
            Err(error) => return Err(error),
        };
        let access = match access::is_group(origin) {
            true => access::of(index, origin, entry.index, &opened.event),
            false => Ok(None),
        };
        let mention = serde_json::from_str::<Mention>(&opened.event);
        if mention.is_err() || access.is_err() {
            record(pool, &finding, &NoEvent).await?;
        }
        let patient = mention.ok().and_then(|event| event.patient);
        mentions.extend(patient.map(|patient| (token(index, &patient), entry.index)));
        accesses.extend(access.ok().flatten());
    }
    Ok((mentions, accesses))
}
