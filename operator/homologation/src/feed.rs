//! The catalogue as one signed text: all entries, numbered, with the time by which there is another one, as a revocation
//! list has it (RFC 5280, 5.1.2.4 and 5.1.2.5). So an old text does not go on saying that a product is homologated.
//!
//! The text is made of the entries word for word and is the same wherever it is made: the operator signs it, `dmpctl` makes it
//! again from the same objects. Not here: what is in an entry (`catalogue`).

use dmp_api::catalogue::{CatalogueStatus, PublicKey};
use dmp_api::catalogue_entry::{CatalogueState, Published};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::canonical;
use crate::jws;
use crate::label::Label;

/// `typ` of the header.
pub const TYP: &str = "dmp-catalogue+jws";
/// How long an edition counts.
const LIFE: SignedDuration = SignedDuration::from_hours(7 * 24);
/// An edition that is older is made again even if nothing has changed.
const RENEW_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// An edition that is to be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    pub issuer: String,
    pub number: i64,
    pub entries: usize,
    pub entries_sha256: String,
    pub generated_at: String,
    pub next_update: String,
    /// `catalogue.json`.
    pub text: String,
}

/// What the entries say, in the order of their names: `published` of each `CatalogueEntry`, word for word.
pub fn entries(objects: impl IntoIterator<Item = Value>) -> Vec<Value> {
    let published = |mut object: Value| {
        object
            .pointer_mut("/status/published")
            .map(Value::take)
            .filter(Value::is_object)
    };
    let mut entries: Vec<Value> = objects.into_iter().filter_map(published).collect();
    entries.sort_by_cached_key(|entry| entry["id"].as_str().unwrap_or_default().to_owned());
    entries
}

fn text(issuer: &str, number: i64, generated_at: &str, next_update: &str, entries: &[Value]) -> String {
    canonical::text(&json!({
        "issuer": issuer,
        "number": number,
        "generatedAt": generated_at,
        "nextUpdate": next_update,
        "entries": entries,
    }))
}

/// `catalogue.json` of an edition that was signed; `None` when the entries are no longer those of the edition.
pub fn edition(status: &CatalogueStatus, entries: &[Value]) -> Option<String> {
    if status.entries_sha256.as_ref() != Some(&canonical::sha256(&entries)) {
        return None;
    }
    Some(text(
        status.issuer.as_deref()?,
        status.number?,
        status.generated_at.as_deref()?,
        status.next_update.as_deref()?,
        entries,
    ))
}

/// The next edition, when it is due. `keys`: those that sign it; `None` while they cannot be asked for.
pub fn draft(
    before: &CatalogueStatus,
    issuer: &str,
    entries: &[Value],
    keys: Option<&[PublicKey]>,
    now: Timestamp,
) -> Option<Draft> {
    let stands = |text: String| {
        let generated: Timestamp = before.generated_at.as_ref()?.parse().ok()?;
        let age = generated.duration_until(now);
        let recent = !age.is_negative() && age < RENEW_AFTER;
        let own = before.issuer.as_deref() == Some(issuer);
        let signature = before.signature.as_deref()?;
        let signed =
            keys.is_none_or(|keys| jws::verify_detached(signature, text.as_bytes(), TYP, keys).is_ok());
        Some(recent && own && signed)
    };
    if edition(before, entries).and_then(stands) == Some(true) {
        return None;
    }
    let number = before.number.unwrap_or_default().saturating_add(1);
    let (generated_at, next_update) = (now.to_string(), (now + LIFE).to_string());
    Some(Draft {
        text: text(issuer, number, &generated_at, &next_update, entries),
        issuer: issuer.to_owned(),
        number,
        entries: entries.len(),
        entries_sha256: canonical::sha256(&entries),
        generated_at,
        next_update,
    })
}

/// A catalogue that was verified.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Feed {
    pub issuer: String,
    pub number: i64,
    pub generated_at: Timestamp,
    pub next_update: Timestamp,
    pub entries: Vec<Published>,
}

/// Why a catalogue says nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error(transparent)]
    Jws(#[from] jws::Invalid),
    #[error("it is of {generated_at} and counted until {next_update}")]
    Outdated {
        generated_at: Timestamp,
        next_update: Timestamp,
    },
}

/// What the catalogue says of a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listed {
    /// As the label says.
    InForce,
    /// Homologated, and these scopes of the label are gone.
    Narrowed(Vec<String>),
    Ended {
        state: CatalogueState,
        since: String,
    },
    /// The catalogue is older than the label, and does not have it in force.
    NotYet,
    Absent,
    OtherIssuer,
}

impl Listed {
    fn ended(entry: &Published) -> Self {
        Self::Ended {
            state: entry.state,
            since: entry.state_since.clone(),
        }
    }
}

/// Reads `catalogue.json` with its signature `catalogue.jws`.
///
/// # Errors
/// Why it says nothing.
pub fn verify(text: &[u8], signature: &str, keys: &[PublicKey], now: Timestamp) -> Result<Feed, Invalid> {
    jws::verify_detached(signature, text, TYP, keys)?;
    let feed: Feed = serde_json::from_slice(text).map_err(|_| jws::Invalid::Payload)?;
    if now >= feed.next_update {
        return Err(Invalid::Outdated {
            generated_at: feed.generated_at,
            next_update: feed.next_update,
        });
    }
    Ok(feed)
}

impl Feed {
    pub fn says(&self, label: &Label) -> Listed {
        if self.issuer != label.iss {
            return Listed::OtherIssuer;
        }
        // A label that was signed since says how it went on. A revocation stands against it all the same: a newer catalogue says that
        // it was lifted.
        let older = self.generated_at < label.from();
        let Some(entry) = self.entries.iter().find(|entry| entry.id == label.id) else {
            return if older { Listed::NotYet } else { Listed::Absent };
        };
        match entry.state {
            CatalogueState::Homologated => {}
            CatalogueState::Revoked => return Listed::ended(entry),
            _ if older => return Listed::NotYet,
            _ => return Listed::ended(entry),
        }
        let gone = label.scopes.iter().filter(|scope| !entry.scopes.contains(scope));
        let gone: Vec<String> = gone.cloned().collect();
        if gone.is_empty() {
            Listed::InForce
        } else {
            Listed::Narrowed(gone)
        }
    }
}
