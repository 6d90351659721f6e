//! `dmpctl images export DIR`: one OCI image layout with all images, to be carried where no network leads.
//!
//! What lies in the folder already and is right stays; a blob appears whole or not at all.

use std::io::{self, Read as _};
use std::path::Path;

use dmp_appliance::Progress;

use super::CNPG_MANIFEST;
use super::layout::{Blob, Packed, index};
use super::source::{ImageSet, Papers};
use crate::error::{CliError, Result};

/// Writes the set into a folder, which is made when it is missing.
///
/// # Errors
/// `file`.
pub fn write(set: &ImageSet, folder: &Path, progress: &Progress) -> Result<()> {
    let blobs = folder.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).map_err(|source| CliError::file(&blobs, source))?;
    for image in &set.images {
        let step = progress.step(format!("exporting {}", image.name));
        let mut copied = 0;
        for blob in &image.blobs {
            copied += u32::from(copy(blob, &blobs)?);
        }
        manifest(image, &blobs)?;
        step.done_with(format!("{copied} of {} blobs copied", image.blobs.len()));
    }
    for (name, papers) in &set.papers {
        let [sbom, provenance] = Papers::files(folder, name);
        put(&sbom, papers.sbom.as_bytes())?;
        put(&provenance, papers.provenance.as_bytes())?;
    }
    put(&folder.join("oci-layout"), br#"{"imageLayoutVersion":"1.0.0"}"#)?;
    put(&folder.join(CNPG_MANIFEST), set.cnpg_manifest.as_bytes())?;
    // The index last: a folder that was cut off is not taken for a whole one.
    put(
        &folder.join("index.json"),
        index(&set.images).to_string().as_bytes(),
    )
}

/// Whether it had to be copied.
fn copy(blob: &Blob, folder: &Path) -> Result<bool> {
    let target = folder.join(file_name(&blob.digest));
    // Same name and same length: written whole by an earlier run (see `rename` below); reading it checks it again.
    if std::fs::metadata(&target).is_ok_and(|file| file.len() == blob.size) {
        return Ok(false);
    }
    let draft = target.with_extension("draft");
    blob.open()
        .and_then(|source| {
            let mut output = std::fs::File::create(&draft)?;
            io::copy(&mut source.take(blob.size), &mut output)?;
            output.sync_all()
        })
        .and_then(|()| std::fs::rename(&draft, &target))
        .map_err(|source| CliError::file(&target, source))?;
    Ok(true)
}

fn manifest(image: &Packed, folder: &Path) -> Result<()> {
    put(&folder.join(file_name(&image.digest)), &image.manifest)
}

fn file_name(digest: &str) -> &str {
    digest.strip_prefix("sha256:").unwrap_or(digest)
}

fn put(path: &Path, content: &[u8]) -> Result<()> {
    let draft = path.with_extension("draft");
    std::fs::write(&draft, content)
        .and_then(|()| std::fs::rename(&draft, path))
        .map_err(|source| CliError::file(path, source))
}
