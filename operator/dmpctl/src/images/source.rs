//! Where the images come from: this machine's builds, or a folder that was exported on another.

use std::path::PathBuf;

use dmp_appliance::{Options, Progress, Release};

use super::layout::{self, Packed};
use super::{CNPG_MANIFEST, names};
use crate::error::{CliError, Result};

/// Where the images are taken from.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct SourceOptions {
    /// Folder that `dmpctl images export` wrote [default: build them on this machine]
    #[arg(long, env = "DMP_IMAGES", value_name = "DIR")]
    pub from: Option<PathBuf>,
    /// When they are built: folder of built parts and images [default: ~/.cache/dmp]
    #[arg(long, env = "DMP_CACHE", hide_env_values = true)]
    pub cache: Option<PathBuf>,
    /// When they are built: folder with `dmp` and `dmp-operator` [default: where this program is]
    #[arg(long, env = "DMP_BINARIES", hide_env_values = true)]
    pub binaries: Option<PathBuf>,
}

/// The images of one build of the product, and CloudNativePG's own manifest.
#[derive(Clone, Debug)]
pub struct ImageSet {
    pub images: Vec<Packed>,
    pub cnpg_manifest: String,
}

impl SourceOptions {
    /// Reads, or builds and reads.
    ///
    /// # Errors
    /// What is missing on this machine; `image-damaged`.
    pub async fn open(&self, progress: &Progress) -> Result<ImageSet> {
        match &self.from {
            Some(folder) => ImageSet::from_folder(folder),
            None => {
                let options = Options {
                    cache: self.cache.clone(),
                    binaries: self.binaries.clone(),
                    ..Options::default()
                };
                let release = dmp_appliance::release(&options, progress)
                    .await
                    .map_err(CliError::appliance)?;
                ImageSet::from_release(&release)
            }
        }
    }
}

impl ImageSet {
    /// # Errors
    /// As [`layout::folder`]; `image-missing` when it is not a whole set.
    pub fn from_folder(folder: &std::path::Path) -> Result<Self> {
        let manifest = folder.join(CNPG_MANIFEST);
        Self {
            images: layout::folder(folder)?,
            cnpg_manifest: std::fs::read_to_string(&manifest)
                .map_err(|source| CliError::file(&manifest, source))?,
        }
        .whole()
    }

    /// # Errors
    /// As [`layout::archive`].
    pub fn from_release(release: &Release) -> Result<Self> {
        let archives = [
            &release.dmp,
            &release.openbao,
            &release.postgresql,
            &release.cloudnative_pg,
        ];
        let manifest = &release.cloudnative_pg_manifest;
        Self {
            images: archives
                .iter()
                .map(|image| layout::archive(&image.archive))
                .collect::<Result<_>>()?,
            cnpg_manifest: std::fs::read_to_string(manifest)
                .map_err(|source| CliError::file(manifest, source))?,
        }
        .whole()
    }

    fn whole(self) -> Result<Self> {
        for name in names::ALL {
            self.image(name)?;
        }
        Ok(self)
    }

    /// # Errors
    /// `image-missing`.
    pub fn image(&self, name: &str) -> Result<&Packed> {
        self.images
            .iter()
            .find(|image| image.name == name)
            .ok_or_else(|| {
                CliError::new(
                    "image-missing",
                    format!("the image `{name}` is not among them"),
                    "export the images again (`dmpctl images export DIR`)",
                )
            })
    }
}
