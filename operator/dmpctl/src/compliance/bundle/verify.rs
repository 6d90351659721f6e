//! `dmpctl compliance verify`: whether a bundle is as it was written, and who signed it.
//!
//! A bundle is kept for years: the signer's certificate has to be valid at the time that the signature says, which the signer has
//! set. Who withdrew since then is not known here.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dmp_api::body::Body;
use dmp_homologation::Bodies;
use dmp_homologation::canonical::digest;
use dmp_homologation::signed::{Signer, verify as verified};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::manifest::{MANIFEST, Manifest, ManifestSignature, SIGNATURE};
use crate::compliance::words;
use crate::error::{CliError, Result};
use crate::files;

/// How far ahead a signer's clock may be.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);

#[derive(clap::Args, Clone, Debug)]
pub struct VerifyOptions {
    /// Folder of the bundle
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Authority of who must have signed it, PEM
    #[arg(long, value_name = "FILE")]
    pub authority: Option<PathBuf>,
}

/// What is verified of it, for people.
///
/// # Errors
/// `not-a-bundle`, `bundle-differs`, `bundle-not-signed`, `not-a-certificate`, `file`.
pub fn verify(options: &VerifyOptions, now: Timestamp) -> Result<String> {
    let folder = &options.folder;
    let (text, manifest) = read(folder)?;
    let signature = match &options.authority {
        Some(authority) => {
            let (signer, at) = signer(folder, &text, &files::read(authority)?, now)?;
            let employer = signer.employer.join(", ");
            format!("Manifeste signé le {at} par {} ({employer}).", signer.person)
        }
        None if folder.join(SIGNATURE).exists() => {
            "La signature n'est pas vérifiée : `--authority FILE` le fait.".to_owned()
        }
        None => {
            "Le manifeste n'est pas signé : qui change un fichier peut aussi changer le manifeste.".to_owned()
        }
    };
    let differences = differences(folder, &manifest)?;
    if !differences.is_empty() {
        return Err(CliError::new(
            "bundle-differs",
            format!("the bundle is not as it was written: {}", differences.join("; ")),
            "believe nothing of it; take the bundle again from whoever wrote it",
        ));
    }
    Ok(format!(
        "{} fichiers conformes au manifeste : OSCAL {}, plateforme `{}` ({}), état du {}.\n{signature}\n{}\n",
        manifest.files.len(),
        manifest.oscal_version,
        manifest.platform,
        manifest.platform_uid,
        manifest.at,
        words::CLAIM_FR,
    ))
}

fn read(folder: &Path) -> Result<(String, Manifest)> {
    let none = |source: Box<dyn std::error::Error + Send + Sync>| {
        CliError::new(
            "not-a-bundle",
            format!("`{}` has no manifest that can be read", folder.display()),
            "name the folder that `dmpctl compliance report --format oscal --output DIR` wrote to its end",
        )
        .because(source)
    };
    let text = std::fs::read_to_string(folder.join(MANIFEST)).map_err(|source| none(source.into()))?;
    let manifest = serde_json::from_str(&text).map_err(|source| none(source.into()))?;
    Ok((text, manifest))
}

/// What is not as the manifest says; files that it does not list are a part of it.
fn differences(folder: &Path, manifest: &Manifest) -> Result<Vec<String>> {
    let failed = |source| CliError::file(folder, source);
    let mut there = BTreeSet::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        there.insert(entry.map_err(failed)?.file_name().to_string_lossy().into_owned());
    }
    let mut differences = Vec::new();
    for entry in &manifest.files {
        // Only what lies in the folder is opened, whatever the manifest names.
        if !there.remove(&entry.name) {
            differences.push(format!("`{}` is missing", shown(&entry.name)));
        } else if files::sha256_of(&folder.join(&entry.name))? != (entry.sha256.clone(), entry.bytes) {
            differences.push(format!("`{}` was changed", shown(&entry.name)));
        }
    }
    let others = there
        .iter()
        .filter(|name| !matches!(name.as_str(), MANIFEST | SIGNATURE));
    differences.extend(others.map(|name| format!("`{}` is no part of it", shown(name))));
    Ok(differences)
}

fn signer(folder: &Path, manifest: &str, authority: &str, now: Timestamp) -> Result<(Signer, Timestamp)> {
    let refused = |message: String| {
        CliError::new(
            "bundle-not-signed",
            message,
            "ask whoever answers for the bundle for a signed one, or for the authority of the signer",
        )
    };
    let bodies = serde_json::from_value::<Vec<Body>>(json!([{
        "role": "security",
        // No legal person is asked for: its identifier is all zeros.
        "organisation": { "name": "authority", "ice": "000000000000000" },
        "anchors": [{ "certificate": authority }],
    }]));
    let bodies = bodies.ok().and_then(|bodies| Bodies::new(&bodies).ok());
    let bodies = bodies.ok_or_else(|| {
        CliError::new(
            "not-a-certificate",
            "the authority is no certificate of an authority",
            "give the authority's certificate as PEM",
        )
    })?;
    let path = folder.join(SIGNATURE);
    let jws = match std::fs::read_to_string(&path) {
        Ok(jws) => jws,
        Err(source) if source.kind() == std::io::ErrorKind::NotFound => {
            return Err(refused("the manifest is not signed".to_owned()));
        }
        Err(source) => return Err(CliError::file(&path, source)),
    };
    let jws = jws.trim();
    let at = claimed(jws).ok_or_else(|| refused(format!("`{SIGNATURE}` is no signature of a bundle")))?;
    if at > now + AHEAD {
        return Err(refused(format!(
            "the signature says that it was made at {at}, which is to come"
        )));
    }
    let signed = verified::<ManifestSignature>(jws, &bodies, at)
        .map_err(|invalid| refused(format!("the signature does not count: {invalid}")))?;
    if signed.statement.manifest_sha256 != digest(manifest.as_bytes()) {
        return Err(CliError::new(
            "bundle-differs",
            format!("`{MANIFEST}` is not the one that was signed"),
            "believe nothing of it; take the bundle again from whoever wrote it",
        ));
    }
    Ok((signed.signer, at))
}

/// The time that a signature says; nothing of it is believed before it is verified.
fn claimed(jws: &str) -> Option<Timestamp> {
    let payload = URL_SAFE_NO_PAD.decode(jws.split('.').nth(1)?).ok()?;
    let statement: ManifestSignature = serde_json::from_slice(&payload).ok()?;
    Some(statement.signed_at)
}

/// A name without what a terminal would obey.
fn shown(name: &str) -> String {
    let name = name.chars().filter(|letter| !letter.is_control());
    name.take(80).collect()
}
