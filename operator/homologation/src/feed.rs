//! The catalogue as one signed text: all entries, numbered, with the time by which there is another one, as a revocation
//! list has it (RFC 5280, 5.1.2.4 and 5.1.2.5). So an old text does not go on saying that a product is homologated.
//!
//! The text is made of the entries word for word and is the same wherever it is made: the operator signs it, `dmpctl` makes it
//! again from the same objects. Not here: what is in an entry (`catalogue`).

use dmp_api::catalogue::{CatalogueStatus, Opening, PublicKey};
use dmp_api::catalogue_entry::{CatalogueState, Published};
use dmp_api::{SystemHomologation, SystemWord};
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt as _;
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
    pub openings: Vec<Opening>,
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

/// What the words that count come to for the public: of each subject the last decision or refusal, and the extensions since. Audits
/// are the auditor's and the authority's.
pub fn openings<'w>(words: impl IntoIterator<Item = &'w SystemHomologation>) -> Vec<Opening> {
    let mut all: Vec<Opening> = words.into_iter().filter_map(opening).collect();
    all.sort_by(|one, other| {
        let key = |it: &Opening| (it.health_group.clone(), it.since.clone(), it.body.clone());
        key(one).cmp(&key(other))
    });
    let mut openings: Vec<Opening> = Vec::new();
    for one in all {
        if one.says != SystemWord::Extension {
            openings.retain(|earlier| earlier.health_group != one.health_group);
        }
        openings.push(one);
    }
    openings
}

/// `None`: it does not count (then it has no body), or is an audit.
fn opening(word: &SystemHomologation) -> Option<Opening> {
    let status = word.status.as_ref()?;
    let says = status.says.filter(|says| *says != SystemWord::Audit)?;
    Some(Opening {
        health_group: word.spec.health_group.clone(),
        says,
        role: status.role?,
        body: status.body.clone()?,
        until: status.until.clone(),
        since: word.creation_timestamp()?.0.to_string(),
    })
}

/// What an edition says, and of when it is.
#[derive(Clone, Copy)]
struct Edition<'e> {
    issuer: &'e str,
    number: i64,
    generated_at: &'e str,
    next_update: &'e str,
    entries: &'e [Value],
    openings: &'e [Opening],
}

impl Edition<'_> {
    /// Without openings there is no such member: as editions were before there were any.
    fn text(self) -> String {
        let mut text = json!({
            "issuer": self.issuer,
            "number": self.number,
            "generatedAt": self.generated_at,
            "nextUpdate": self.next_update,
            "entries": self.entries,
        });
        if !self.openings.is_empty() {
            text["openings"] = json!(self.openings);
        }
        canonical::text(&text)
    }
}

/// `catalogue.json` of an edition that was signed; `None` when the entries are no longer those of the edition.
pub fn edition(status: &CatalogueStatus, entries: &[Value]) -> Option<String> {
    if status.entries_sha256.as_ref() != Some(&canonical::sha256(&entries)) {
        return None;
    }
    let edition = Edition {
        issuer: status.issuer.as_deref()?,
        number: status.number?,
        generated_at: status.generated_at.as_deref()?,
        next_update: status.next_update.as_deref()?,
        entries,
        openings: &status.openings,
    };
    Some(edition.text())
}

/// The next edition, when it is due. `keys`: those that sign it; `None` while they cannot be asked for.
pub fn draft(
    before: &CatalogueStatus,
    issuer: &str,
    entries: &[Value],
    openings: &[Opening],
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
        Some(recent && own && signed && before.openings == openings)
    };
    if edition(before, entries).and_then(stands) == Some(true) {
        return None;
    }
    let number = before.number.unwrap_or_default().saturating_add(1);
    let (generated_at, next_update) = (now.to_string(), (now + LIFE).to_string());
    let edition = Edition {
        issuer,
        number,
        generated_at: &generated_at,
        next_update: &next_update,
        entries,
        openings,
    };
    Some(Draft {
        text: edition.text(),
        issuer: issuer.to_owned(),
        number,
        entries: entries.len(),
        entries_sha256: canonical::sha256(&entries),
        openings: openings.to_vec(),
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
    #[serde(default)]
    pub openings: Vec<Opening>,
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
