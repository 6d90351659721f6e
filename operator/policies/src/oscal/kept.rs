//! The documents of a day as an object keeps them: one text, compressed, with its SHA-256; and which days are kept. Pure.
//!
//! The same documents give the same bytes. What is read back is what the hash was made of, or nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};

use aws_lc_rs::digest::{SHA256, digest};
use flate2::read::GzDecoder;
use flate2::{Compression, GzBuilder};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::Document;

/// What the name of a day's object begins with.
const PREFIX: &str = "oscal-";
/// Key of the compressed text in an object's `binaryData`, and of its hash in `data`.
pub const TEXT: &str = "bundle.json.gz";
pub const HASH: &str = "sha256";
/// The most that an object takes, in bytes: an object of the API holds 1 MiB, and there is more in it than this.
pub const MOST: usize = 1_000_000;
/// The most that is unpacked, in bytes: what is larger was not written here.
const MOST_UNPACKED: u64 = 64 << 20;
/// Days that are kept unless somebody says otherwise.
pub const USUAL_DAYS: u16 = 31;
/// Months of which the first day is kept, at least and unless somebody says otherwise: six years.
pub const FEWEST_MONTHS: u16 = 72;

/// All documents of a moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Bundle {
    /// Name and `metadata.uid` of the `Platform`.
    pub platform: String,
    pub platform_uid: String,
    /// The time of the posture.
    pub at: Timestamp,
    /// SHA-256 of the ClusterReport that the documents are made of, hex: as a line of the history names it.
    pub report: String,
    pub documents: Vec<Document>,
}

/// A bundle as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// Of the text, hex.
    pub sha256: String,
    /// Of the text.
    pub bytes: usize,
    /// The text in gzip.
    pub gzip: Vec<u8>,
}

/// Why a bundle cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum Unpackable {
    #[error("it has {0} bytes compressed, an object takes {MOST}")]
    TooLarge(usize),
    #[error("it cannot be written")]
    Text(#[from] serde_json::Error),
    #[error("it cannot be compressed")]
    Gzip(#[from] std::io::Error),
}

/// Why what is kept is no bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damaged {
    #[error("it cannot be unpacked")]
    Gzip,
    #[error("it is not what its hash was made of")]
    Hash,
    #[error("it is no bundle of this release")]
    Text,
}

impl Bundle {
    /// # Errors
    /// When it is too large to be kept.
    pub fn pack(&self) -> Result<Packed, Unpackable> {
        let text = serde_json::to_string(self)?;
        // Without the time and the machine, which gzip would write too.
        let mut gzip = GzBuilder::new()
            .mtime(0)
            .operating_system(255)
            .write(Vec::new(), Compression::best());
        gzip.write_all(text.as_bytes())?;
        let gzip = gzip.finish()?;
        if gzip.len() > MOST {
            return Err(Unpackable::TooLarge(gzip.len()));
        }
        Ok(Packed {
            sha256: sha256(text.as_bytes()),
            bytes: text.len(),
            gzip,
        })
    }

    /// # Errors
    /// When it is not what was packed.
    pub fn unpack(gzip: &[u8], sha256: &str) -> Result<Self, Damaged> {
        let mut text = Vec::new();
        let mut limited = GzDecoder::new(gzip).take(MOST_UNPACKED);
        limited.read_to_end(&mut text).map_err(|_| Damaged::Gzip)?;
        if self::sha256(&text) != sha256 {
            return Err(Damaged::Hash);
        }
        serde_json::from_slice(&text).map_err(|_| Damaged::Text)
    }
}

/// Name of the object of a day.
pub fn name(day: Date) -> String {
    format!("{PREFIX}{day}")
}

/// The day of an object of that name.
pub fn day(of: &str) -> Option<Date> {
    let day = of.strip_prefix(PREFIX)?.parse().ok()?;
    (name(day) == of).then_some(day)
}

/// The days that are more than the newest `days` and the first of each of the newest `months`, the oldest first. They are counted,
/// not subtracted: a clock that jumps ahead takes nothing away.
pub fn surplus(there: &BTreeSet<Date>, days: u16, months: u16) -> Vec<Date> {
    let newest: BTreeSet<_> = there.iter().rev().take(usize::from(days)).collect();
    let mut firsts = BTreeMap::<(i16, i8), &Date>::new();
    for day in there {
        firsts.entry((day.year(), day.month())).or_insert(day);
    }
    let firsts: BTreeSet<_> = firsts
        .into_values()
        .rev()
        .take(usize::from(months.max(FEWEST_MONTHS)))
        .collect();
    let surplus = there
        .iter()
        .filter(|day| !newest.contains(day) && !firsts.contains(day));
    surplus.copied().collect()
}

fn sha256(text: &[u8]) -> String {
    hex::encode(digest(&SHA256, text))
}
