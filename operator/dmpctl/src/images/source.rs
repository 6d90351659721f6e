//! Where the images come from: this machine's builds, or a folder that was exported on another.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use dmp_appliance::{Options, Progress, Release};

use super::layout::{self, Packed};
use super::{CNPG_MANIFEST, names};
use crate::error::{CliError, Result};
use crate::files::read;

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

/// What the build says of an image, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Papers {
    /// Its bill of materials (CycloneDX, JSON).
    pub sbom: String,
    /// Its provenance (in-toto Statement, JSON).
    pub provenance: String,
}

impl Papers {
    /// Files of an exported folder: `<image>.sbom.json`, `<image>.provenance.json`.
    pub fn files(folder: &Path, image: &str) -> [PathBuf; 2] {
        ["sbom", "provenance"].map(|paper| folder.join(format!("{image}.{paper}.json")))
    }

    fn read([sbom, provenance]: [&Path; 2]) -> Result<Self> {
        Ok(Self {
            sbom: read(sbom)?,
            provenance: read(provenance)?,
        })
    }
}

/// The images of one build of the product, and CloudNativePG's own manifest.
#[derive(Clone, Debug)]
pub struct ImageSet {
    pub images: Vec<Packed>,
    /// By the image's name. Images that an older `dmpctl` exported have none: they can be moved, not signed.
    pub papers: BTreeMap<String, Papers>,
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
        let images = layout::folder(folder)?;
        let mut papers = BTreeMap::new();
        for image in &images {
            let [sbom, provenance] = Papers::files(folder, &image.name);
            if sbom.exists() {
                papers.insert(image.name.clone(), Papers::read([&sbom, &provenance])?);
            }
        }
        Self {
            images,
            papers,
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
        let (mut images, mut papers) = (Vec::new(), BTreeMap::new());
        for built in archives {
            let image = layout::archive(&built.archive)?;
            papers.insert(
                image.name.clone(),
                Papers::read([&built.sbom, &built.provenance])?,
            );
            images.push(image);
        }
        Self {
            images,
            papers,
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
