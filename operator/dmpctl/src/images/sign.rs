//! `dmpctl images sign`: as the security entity, away from the cluster: which images may run on a platform (DMP-WRK-02). What is signed
//! is the content of each image and the papers that came with it; whoever signs has read them.

use std::path::PathBuf;

use dmp_api::ImageRelease;
use dmp_api::image_release::ImagePapers;
use dmp_homologation::canonical::digest;
use dmp_homologation::images::{papers_of, well_formed};
use dmp_homologation::signed::{Refused, said};
use dmp_homologation::statement::{ImageList, SignedImage};
use jiff::Timestamp;
use serde_json::json;

use super::repository;
use super::source::{ImageSet, SourceOptions};
use crate::error::{CliError, Result};
use crate::files::read;
use crate::homologation::SignatureOptions;
use crate::homologation::sign::{named_after, signed};

#[derive(clap::Args, Clone, Debug)]
pub struct SignCommand {
    #[command(flatten)]
    pub signature: SignatureOptions,
    #[command(flatten)]
    pub source: SourceOptions,
    /// Where the platform's nodes pull them from: host[:port][/path]
    #[arg(long, default_value = "registry.dmp.internal")]
    pub registry: String,
    /// `Platform.spec.domain`: the list is worth nothing on another platform
    #[arg(long)]
    pub domain: String,
    /// An earlier release (YAML, as it was printed) whose images may still run: the way back of an upgrade
    #[arg(long, value_name = "FILE")]
    pub keep: Vec<PathBuf>,
    /// What you looked at
    #[arg(long)]
    pub comment: String,
}

/// The ImageRelease, YAML.
///
/// # Errors
/// `no-release` when an image has no papers or they are not about it; `registry-name`; a file that is missing.
pub fn sign(set: &ImageSet, command: &SignCommand) -> Result<String> {
    let mut images = Vec::new();
    let mut papers = Vec::new();
    for image in &set.images {
        let told = set.papers.get(&image.name).ok_or_else(|| {
            unusable(&format!(
                "the image `{}` has no bill of materials and no provenance",
                image.name
            ))
        })?;
        let told = ImagePapers {
            digest: image.digest.clone(),
            sbom: told.sbom.clone(),
            provenance: told.provenance.clone(),
        };
        images.push(SignedImage {
            name: repository(&command.registry, &image.name)?,
            digest: image.digest.clone(),
            sbom_sha256: digest(told.sbom.as_bytes()),
            provenance_sha256: digest(told.provenance.as_bytes()),
        });
        papers.push(told);
    }
    for file in &command.keep {
        let earlier: ImageRelease = serde_saphyr::from_str(&read(file)?)
            .map_err(|error| unusable(&format!("`{}` is no ImageRelease: {error}", file.display())))?;
        // Whose signature it has does not matter: what it names is signed anew.
        let list: ImageList = said(&earlier.spec.statement)
            .ok_or_else(|| unusable(&format!("`{}` carries no list of images", file.display())))?;
        for image in list.images {
            if images.iter().all(|known| known.digest != image.digest) {
                images.push(image);
            }
        }
        for told in earlier.spec.papers {
            if papers.iter().all(|known| known.digest != told.digest) {
                papers.push(told);
            }
        }
    }
    let refused = |refused: Refused| unusable(&refused.to_string());
    well_formed(&images).map_err(refused)?;
    for image in &images {
        let told = papers.iter().find(|told| told.digest == image.digest);
        let told = told.ok_or_else(|| unusable(&format!("the image `{}` has no papers", image.name)))?;
        papers_of(image, told).map_err(refused)?;
    }
    let list = ImageList {
        domain: command.domain.clone(),
        images,
        comment: command.comment.clone(),
        signed_at: Timestamp::now(),
    };
    let statement = signed(&command.signature, &list)?;
    let spec = json!({ "statement": statement, "papers": papers });
    named_after("ImageRelease", None, "release", spec, &statement)
}

fn unusable(why: &str) -> CliError {
    CliError::new(
        "no-release",
        why,
        "export the images again (`dmpctl images export DIR`): their papers lie beside them",
    )
}
