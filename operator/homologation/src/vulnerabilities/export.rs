//! An export of known vulnerabilities, made small: of hundreds of thousands of records those that name a package of the platform's
//! images, in whatever version, so that the next release of images is compared with them too. What they were chosen for goes with them:
//! a package that is not among it was compared with nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::affected::without_repetition;
use super::package::{Ecosystem, Name};
use super::record::{Affected, Invalid, Record};
use crate::canonical::digest;

/// The longest text of an export, in bytes: an object of the API holds a mebibyte.
pub const LONGEST: usize = 900_000;
/// The most that it may be when it is unpacked, in bytes.
pub const LARGEST: u64 = 16 * 1024 * 1024;

/// Records, and what they were chosen for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Export {
    /// Of which the export had anything at all.
    pub ecosystems: BTreeSet<Ecosystem>,
    /// The packages that records were looked for of.
    pub packages: BTreeSet<Name>,
    pub records: Vec<Record>,
}

/// As it lies in an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// JSON, gzip, base64.
    pub content: String,
    /// Of the JSON, hex.
    pub sha256: String,
}

#[derive(Serialize, Deserialize)]
struct Text {
    ecosystems: Vec<String>,
    packages: Vec<String>,
    records: Vec<Record>,
}

/// Why a text is no export that was packed here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damaged {
    #[error("it cannot be unpacked, or is larger than 16 MiB")]
    Packed,
    #[error("it is not what its hash was made of")]
    OtherHash,
    #[error("it is no list of packages and records")]
    Text,
}

/// It has too many records of the images' packages for one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{bytes} bytes of records are left, {length} when packed: more than an object holds")]
pub struct TooLarge {
    pub bytes: usize,
    pub length: usize,
}

impl Export {
    /// # Errors
    /// [`TooLarge`].
    pub fn pack(&self) -> Result<Packed, TooLarge> {
        let text = Text {
            ecosystems: self.ecosystems.iter().map(ToString::to_string).collect(),
            packages: self.packages.iter().map(ToString::to_string).collect(),
            records: self.records.clone(),
        };
        let too_large = |bytes, length| TooLarge { bytes, length };
        let text = serde_json::to_vec(&text).map_err(|_| too_large(0, 0))?;
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        let packed = gzip.write_all(&text).and_then(|()| gzip.finish());
        let content = STANDARD.encode(packed.map_err(|_| too_large(text.len(), 0))?);
        if text.len() as u64 > LARGEST || content.len() > LONGEST {
            return Err(too_large(text.len(), content.len()));
        }
        Ok(Packed {
            sha256: digest(&text),
            content,
        })
    }

    /// # Errors
    /// [`Damaged`]: whoever wrote the object, it is read as far as a whole export goes and no farther.
    pub fn unpack(packed: &Packed) -> Result<Self, Damaged> {
        let bytes = STANDARD.decode(&packed.content).map_err(|_| Damaged::Packed)?;
        let mut text = Vec::new();
        let read = GzDecoder::new(bytes.as_slice())
            .take(LARGEST + 1)
            .read_to_end(&mut text);
        if read.is_err() || text.len() as u64 > LARGEST {
            return Err(Damaged::Packed);
        }
        if digest(&text) != packed.sha256 {
            return Err(Damaged::OtherHash);
        }
        let text: Text = serde_json::from_slice(&text).map_err(|_| Damaged::Text)?;
        let ecosystems = text.ecosystems.iter().map(|one| Ecosystem::parse(one));
        let packages = text.packages.iter().map(|one| Name::parse(one));
        Ok(Self {
            ecosystems: ecosystems.collect::<Option<_>>().ok_or(Damaged::Text)?,
            packages: packages.collect::<Option<_>>().ok_or(Damaged::Text)?,
            records: text.records,
        })
    }
}

/// Reads an export, record by record, and keeps what is wanted.
#[derive(Debug)]
pub struct Reduction {
    wanted: BTreeSet<Name>,
    /// As texts.
    packages: BTreeMap<String, Ecosystem>,
    ecosystems: BTreeSet<Ecosystem>,
    /// By id: two exports may have one record, and the later one counts, also when it takes everything back (`None`).
    kept: BTreeMap<String, (Timestamp, Option<Record>)>,
}

impl Reduction {
    pub fn new(wanted: BTreeSet<Name>) -> Self {
        Self {
            packages: wanted
                .iter()
                .map(|name| (name.to_string(), name.ecosystem.clone()))
                .collect(),
            wanted,
            ecosystems: BTreeSet::new(),
            kept: BTreeMap::new(),
        }
    }

    /// Takes one record; when it was last changed.
    ///
    /// # Errors
    /// [`Invalid`].
    pub fn take(&mut self, text: &[u8]) -> Result<Timestamp, Invalid> {
        let (mut record, modified) = Record::read(text)?;
        let names = record.affected.iter().map(|one| Name::parse(&one.package));
        self.ecosystems.extend(names.flatten().map(|name| name.ecosystem));
        let packages = &self.packages;
        let wanted = |mut one: Affected| {
            let ecosystem = packages.get(&one.package)?;
            without_repetition(&mut one, ecosystem);
            Some(one)
        };
        record.affected = record.affected.into_iter().filter_map(wanted).collect();
        let known = self.kept.get(&record.id);
        if known.is_none_or(|(before, _)| *before < modified) {
            let id = record.id.clone();
            let counts = !record.withdrawn && !record.affected.is_empty();
            self.kept.insert(id, (modified, counts.then_some(record)));
        }
        Ok(modified)
    }

    pub fn finish(self) -> Export {
        Export {
            ecosystems: self.ecosystems,
            packages: self.wanted,
            records: self.kept.into_values().filter_map(|(_, record)| record).collect(),
        }
    }
}
