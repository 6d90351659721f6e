//! The label: what a vendor shows of a homologation, and anybody verifies without asking anybody.
//!
//! A JWS with the registered claims of RFC 7519, so that any library reads it. It cannot be called back: it lives for 30 days
//! at most, never beyond the homologation, and the catalogue says what has ended since ([`crate::feed`]).

use dmp_api::body::Organisation;
use dmp_api::catalogue::PublicKey;
use dmp_api::catalogue_entry::{CatalogueState, Published};
use dmp_api::solution::ProductKind;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::canonical;
use crate::jws;

/// `typ` of the header.
pub const TYP: &str = "dmp-label+jws";
/// The longest life.
const LIFE: SignedDuration = SignedDuration::from_hours(30 * 24);
/// With less than this left it is made again.
const RENEW_BELOW: SignedDuration = SignedDuration::from_hours(10 * 24);
/// How far behind the clock of who verifies may be.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);
/// The longest label.
const MAX_BYTES: usize = 16_384;

/// What a label states. Later releases may state more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Label {
    /// The platform's domain.
    pub iss: String,
    /// Address of the entry in the catalogue; what the QR code says.
    pub sub: String,
    /// Seconds since 1970, UTC.
    pub iat: i64,
    pub nbf: i64,
    pub exp: i64,
    /// Name of the entry.
    pub id: String,
    /// `<vendor namespace>/<Solution name>`.
    pub solution: String,
    pub product: String,
    pub organisation: Organisation,
    pub kind: ProductKind,
    pub version: String,
    /// SHA-256 of the package that was homologated, hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package_sha256: Option<String>,
    /// What production opens to it.
    pub scopes: Vec<String>,
}

/// Why a label says nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error(transparent)]
    Jws(#[from] jws::Invalid),
    #[error("it lives longer than a label may")]
    TooLong,
    #[error("it is not valid before {0}")]
    Early(Timestamp),
    #[error("it ended at {0}")]
    Expired(Timestamp),
}

/// Where an entry is, now or as soon as there is a web server for it.
pub fn address(issuer: &str, id: &str) -> String {
    format!("https://{issuer}/catalogue/{id}")
}

impl Label {
    /// What a label of this entry states from now on; `None` when there is none to be had.
    fn of(entry: &Published, issuer: &str, now: Timestamp) -> Option<Self> {
        let until: Timestamp = entry.until.parse().ok()?;
        let (from, until) = (now.as_second(), (now + LIFE).min(until).as_second());
        if entry.state != CatalogueState::Homologated || until <= from {
            return None;
        }
        Some(Self {
            iss: issuer.to_owned(),
            sub: address(issuer, &entry.id),
            iat: from,
            nbf: from,
            exp: until,
            id: entry.id.clone(),
            solution: entry.solution.clone(),
            product: entry.product.clone(),
            organisation: entry.organisation.clone(),
            kind: entry.kind,
            version: entry.version.clone(),
            package_sha256: entry.package_sha256.clone(),
            scopes: entry.scopes.clone(),
        })
    }

    /// What is signed.
    pub fn payload(&self) -> String {
        canonical::text(self)
    }

    /// Until when.
    pub fn until(&self) -> Timestamp {
        Timestamp::from_second(self.exp).unwrap_or(Timestamp::MIN)
    }

    /// From when.
    pub fn from(&self) -> Timestamp {
        Timestamp::from_second(self.nbf).unwrap_or(Timestamp::MAX)
    }

    /// # Errors
    /// When its time is not now.
    pub fn in_time(&self, now: Timestamp) -> Result<(), Invalid> {
        let (from, until) = (self.from(), self.until());
        if now + AHEAD < from {
            Err(Invalid::Early(from))
        } else if now >= until {
            Err(Invalid::Expired(until))
        } else {
            Ok(())
        }
    }

    /// Whether it states the same, for whatever time.
    fn states_the_same(&self, other: &Self) -> bool {
        let timeless = |label: &Self| Self {
            iat: 0,
            nbf: 0,
            exp: 0,
            ..label.clone()
        };
        timeless(self) == timeless(other)
    }
}

/// What becomes of an entry's label.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// The present one, while it says what is so.
    pub keep: Option<String>,
    /// The next one, when it is due.
    pub sign: Option<Label>,
}

/// Whether a label is due. `keys`: those that sign labels; `None` while they cannot be asked for.
pub fn step(
    before: Option<&str>,
    entry: &Published,
    issuer: &str,
    keys: Option<&[PublicKey]>,
    now: Timestamp,
) -> Step {
    let Some(wanted) = Label::of(entry, issuer, now) else {
        return Step::default();
    };
    let present = before.and_then(|text| {
        let label = match keys {
            Some(keys) => verify(text, keys, now).ok()?,
            None => unverified(text)?,
        };
        let until: Timestamp = entry.until.parse().ok()?;
        let holds = label.states_the_same(&wanted) && label.until() > now && label.until() <= until;
        holds.then_some((text, label))
    });
    match present {
        None => Step {
            keep: None,
            sign: Some(wanted),
        },
        Some((text, label)) => {
            let renewal = now.duration_until(label.until()) < RENEW_BELOW && wanted.exp > label.exp;
            Step {
                keep: Some(text.to_owned()),
                sign: renewal.then_some(wanted),
            }
        }
    }
}

/// What a label states, if the platform signed it and its time is now.
///
/// # Errors
/// Why it says nothing.
pub fn verify(text: &str, keys: &[PublicKey], now: Timestamp) -> Result<Label, Invalid> {
    let label = read(text, keys)?;
    label.in_time(now)?;
    Ok(label)
}

/// What a label states, if the platform signed it, whenever.
///
/// # Errors
/// Why it is none.
pub fn read(text: &str, keys: &[PublicKey]) -> Result<Label, Invalid> {
    if text.len() > MAX_BYTES {
        return Err(jws::Invalid::NotJws.into());
    }
    let payload = jws::verify(text, TYP, keys)?;
    let label: Label = serde_json::from_slice(&payload).map_err(|_| jws::Invalid::Payload)?;
    if label.from().duration_until(label.until()) > LIFE {
        return Err(Invalid::TooLong);
    }
    Ok(label)
}

/// What a label states, whoever made it: for showing an address, never for believing it.
pub fn unverified(text: &str) -> Option<Label> {
    serde_json::from_slice(&jws::unverified(text)?).ok()
}
