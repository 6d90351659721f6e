//! What another cluster needs of what this machine builds: the product's images, and CloudNativePG with its manifest.
//!
//! The rest (Kubernetes, names, volumes) another cluster has itself. Moving the images there is `dmpctl`'s business.

use std::path::PathBuf;

use crate::{
    error::Result,
    images::{Image, Images},
    machine,
    options::Options,
    parts::Parts,
    progress::Progress,
    up::build,
};

/// Name of the manifest among the files of the part.
const CLOUDNATIVE_PG_MANIFEST: &str = "install.yaml";

/// The images and manifests of one build of the product.
#[derive(Debug, Clone)]
pub struct Release {
    pub dmp: Image,
    pub openbao: Image,
    pub postgresql: Image,
    pub cloudnative_pg: Image,
    /// CloudNativePG's own manifest; [`crate::cloudnative_pg::adapt`] puts images into it.
    pub cloudnative_pg_manifest: PathBuf,
}

impl Release {
    pub(crate) fn of(parts: &Parts, images: Images) -> Self {
        Self {
            dmp: images.dmp,
            openbao: images.openbao,
            postgresql: images.postgresql,
            cloudnative_pg: images.cloudnative_pg,
            cloudnative_pg_manifest: parts.cloudnative_pg.share(CLOUDNATIVE_PG_MANIFEST),
        }
    }
}

/// Builds what is not in the cache; no appliance is touched.
///
/// # Errors
/// What is missing on this machine, or failed to build.
pub async fn release(options: &Options, progress: &Progress) -> Result<Release> {
    machine::require_root()?;
    let (parts, images) = build(options, progress).await?;
    Ok(Release::of(&parts, images))
}
