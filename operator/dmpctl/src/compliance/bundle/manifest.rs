//! What a bundle consists of: each file with its hash, and the statement that somebody signs over it.

use dmp_homologation::canonical::digest;
use dmp_homologation::statement::Statement;
use dmp_policies::oscal::{Document, System, VERSION};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::compliance::words;

/// Names of the two files that no manifest lists.
pub const MANIFEST: &str = "manifest.json";
pub const SIGNATURE: &str = "manifest.jws";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manifest {
    /// What the bundle does not claim.
    pub claim: String,
    pub oscal_version: String,
    /// The release whose `dmpctl` wrote it.
    pub release: String,
    pub platform: String,
    pub platform_uid: String,
    /// The time of the posture.
    pub at: Timestamp,
    pub files: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    pub name: String,
    pub bytes: u64,
    /// Hex.
    pub sha256: String,
}

impl Manifest {
    pub fn of(documents: &[Document], system: System<'_>, at: Timestamp) -> Self {
        let entry = |document: &Document| Entry {
            name: document.file.clone(),
            bytes: document.text.len() as u64,
            sha256: digest(document.text.as_bytes()),
        };
        Self {
            claim: words::CLAIM_EN.to_owned(),
            oscal_version: VERSION.to_owned(),
            release: env!("CARGO_PKG_VERSION").to_owned(),
            platform: system.name.to_owned(),
            platform_uid: system.uid.to_owned(),
            at,
            files: documents.iter().map(entry).collect(),
        }
    }
}

/// Somebody stands for a manifest, and so for each file that it lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ManifestSignature {
    /// SHA-256 of the file, hex.
    pub manifest_sha256: String,
    pub signed_at: Timestamp,
}

impl Statement for ManifestSignature {
    const TYP: &'static str = "dmp-oscal+jws";

    fn signed_at(&self) -> Timestamp {
        self.signed_at
    }
}
