//! `dmpctl compliance report --format oscal`: the OSCAL documents of a platform as files, with a manifest of their hashes, signed on
//! request; and `dmpctl compliance verify`, which needs no cluster.
//!
//! Not here: what the documents say (`dmp_policies::oscal`), what a signature is (`dmp-homologation`).

pub(super) mod manifest;
#[cfg(test)]
mod tests;
pub mod verify;

use std::path::{Path, PathBuf};

use dmp_api::Platform;
use dmp_api::names::PLATFORM;
use dmp_homologation::canonical::digest;
use dmp_homologation::sign::Signatory;
use dmp_policies::Catalogue;
use dmp_policies::openreports::Report;
use dmp_policies::oscal::{self, Document, System};
use dmp_policies::posture::{changed_at, posture};
use jiff::Timestamp;
use kube::{Api, Client, ResourceExt as _};

use super::standing::{ReportFormat, ReportOptions};
use super::{list, words};
use crate::error::{CliError, Result};
use crate::files;
use manifest::{MANIFEST, Manifest, ManifestSignature, SIGNATURE};

#[derive(clap::Args, Clone, Debug, Default)]
pub struct BundleOptions {
    /// Of OSCAL: the folder that the files are written to; made if it is not there, else it must be empty
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Sign the manifest: the signer's certificate and those between it and the authority, PEM
    #[arg(long, value_name = "FILE", requires_all = ["key", "output"])]
    pub certificate: Option<PathBuf>,
    /// Its key, PKCS #8, PEM
    #[arg(long, value_name = "FILE", requires = "certificate")]
    pub key: Option<PathBuf>,
}

impl BundleOptions {
    /// The folder, when a bundle is asked for.
    ///
    /// # Errors
    /// `bundle-options` when the options do not go together.
    pub fn asked(&self, report: &ReportOptions) -> Result<Option<&Path>> {
        let refused = |message: &str, remedy: &str| Err(CliError::new("bundle-options", message, remedy));
        match (report.format, &self.output) {
            (ReportFormat::Oscal, None) => refused(
                "OSCAL is a folder of files, which a terminal does not show",
                "name a folder: `dmpctl compliance report --format oscal --output DIR`",
            ),
            (ReportFormat::Oscal, Some(_)) if report.framework.is_some() => refused(
                "the OSCAL bundle is about all controls",
                "leave out --framework: the bundle has a profile of each",
            ),
            (ReportFormat::Oscal, Some(folder)) => Ok(Some(folder)),
            (_, Some(_)) => refused(
                "only OSCAL is written to a folder",
                "add `--format oscal`, or redirect the output: `> FILE`",
            ),
            (_, None) => Ok(None),
        }
    }
}

/// Writes the bundle of this platform and says what is in it.
///
/// # Errors
/// `no-platform`, or as [`write`].
pub async fn run(
    client: &Client,
    catalogue: &Catalogue,
    report: &Report,
    options: &BundleOptions,
    folder: &Path,
) -> Result<()> {
    let api: Api<Platform> = Api::all(client.clone());
    let platform = api.get_opt(PLATFORM).await;
    let platform = platform.map_err(|source| CliError::kubernetes("reading the Platform", source))?;
    let platform = platform.ok_or_else(|| {
        CliError::new(
            "no-platform",
            format!("there is no Platform `{PLATFORM}`"),
            "the documents name the platform that they are about: apply one (manifests/samples)",
        )
    })?;
    let (name, uid) = (platform.name_any(), platform.uid().unwrap_or_default());
    let system = System {
        name: &name,
        uid: &uid,
    };
    let manifest = write(catalogue, report, options, folder, system, Timestamp::now())?;
    println!(
        "{} fichiers OSCAL {} dans `{}`, état du {}{}\n{}",
        manifest.files.len(),
        manifest.oscal_version,
        folder.display(),
        manifest.at,
        if options.certificate.is_some() {
            ", manifeste signé"
        } else {
            ""
        },
        words::CLAIM_FR
    );
    Ok(())
}

/// Writes documents, manifest and signature; nothing when one of them cannot be made.
///
/// # Errors
/// `output-not-empty`, `not-signed`, `file`.
fn write(
    catalogue: &Catalogue,
    report: &Report,
    options: &BundleOptions,
    folder: &Path,
    system: System<'_>,
    now: Timestamp,
) -> Result<Manifest> {
    let standings = posture(catalogue, report, now);
    let documents = oscal::documents(catalogue, &standings, system, now).map_err(|source| {
        CliError::new("internal", "the documents could not be written", "report it").because(source)
    })?;
    let manifest = Manifest::of(&documents, system, changed_at(&standings, now));
    let text = list::text(&serde_json::json!(manifest))?;
    let signature = signature(options, &text, now)?;
    put(folder, &documents, &manifest, signature)?;
    Ok(manifest)
}

/// Writes documents, manifest and signature into a new folder.
///
/// # Errors
/// `output-not-empty`, `file`.
pub(super) fn put(
    folder: &Path,
    documents: &[Document],
    manifest: &Manifest,
    signature: Option<String>,
) -> Result<()> {
    let text = list::text(&serde_json::json!(manifest))?;
    let failed = |source| CliError::file(folder, source);
    std::fs::create_dir_all(folder).map_err(failed)?;
    if std::fs::read_dir(folder).map_err(failed)?.next().is_some() {
        return Err(CliError::new(
            "output-not-empty",
            format!("`{}` is not empty", folder.display()),
            "name a new folder: files of another bundle would look like a part of this one",
        ));
    }
    let put = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|source| CliError::file(&path, source))
    };
    for document in documents {
        put(&document.file, &document.text)?;
    }
    // After the files: what was interrupted has none, and is no bundle.
    put(MANIFEST, &text)?;
    if let Some(signature) = signature {
        put(SIGNATURE, &(signature + "\n"))?;
    }
    Ok(())
}

fn signature(options: &BundleOptions, manifest: &str, now: Timestamp) -> Result<Option<String>> {
    let (Some(certificate), Some(key)) = (&options.certificate, &options.key) else {
        return Ok(None);
    };
    let statement = ManifestSignature {
        manifest_sha256: digest(manifest.as_bytes()),
        signed_at: now,
    };
    let signatory = Signatory::new(&files::read(certificate)?, &files::read(key)?);
    let signed = signatory.and_then(|signatory| signatory.sign(&statement));
    signed.map(Some).map_err(|source| {
        CliError::new(
            "not-signed",
            "nothing was signed, and nothing was written",
            "give a certificate and its key as PEM files",
        )
        .because(source)
    })
}
