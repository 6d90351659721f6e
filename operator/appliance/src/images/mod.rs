//! The appliance's container images, made without Docker and without a registry.
//!
//! An image is built into `<cache>/images/<name>-<key>.tar` beside its papers and a file with its full name, once per
//! key (a hash of what goes in). Names are `registry.dmp.internal/<name>:<tag>@sha256:<digest>`: an image under a name never
//! changes, and Kubernetes never pulls.
//!
//! To add an image: a function in `recipes`, a field in [`Images`].

mod debian;
mod import;
mod materials;
mod oci;
mod recipes;

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use serde::Serialize;

use crate::{
    digest::key,
    error::{Error, FileContext, Result},
    parts::{Parts, lock},
    progress::Progress,
};

pub(crate) use import::import;

/// An archive of this age, superseded by another, is removed. A younger one may just be imported by
/// another command.
const SUPERSEDED_AFTER: Duration = Duration::from_secs(3600);

/// Every image of the appliance.
#[derive(Debug, Clone, Serialize)]
pub struct Images {
    pub(crate) pause: Image,
    /// A shell and small tools.
    pub busybox: Image,
    pub(crate) coredns: Image,
    pub(crate) local_path_provisioner: Image,
    pub cloudnative_pg: Image,
    /// For `spec.imageName` of a CloudNativePG `Cluster`.
    pub postgresql: Image,
    pub openbao: Image,
    /// The product: `/usr/local/bin/dmp` and `/usr/local/bin/dmp-operator`.
    pub dmp: Image,
}

/// One image in the cache.
#[derive(Debug, Clone, Serialize)]
pub struct Image {
    /// What a manifest says: `registry.dmp.internal/<name>:<version>-<short>@sha256:<digest>`.
    pub reference: String,
    /// The OCI layout to import.
    pub archive: PathBuf,
    /// File with its bill of materials (CycloneDX, JSON).
    pub sbom: PathBuf,
    /// File with its provenance (in-toto Statement, JSON).
    pub provenance: PathBuf,
}

impl Image {
    /// The name under which containerd keeps it: without the tag, as Kubernetes asks for it.
    pub fn stored(&self) -> String {
        let Some((tagged, digest)) = self.reference.split_once('@') else {
            return self.reference.clone();
        };
        let name = tagged.rsplit_once(':').map_or(tagged, |(name, _)| name);
        format!("{name}@{digest}")
    }
}

impl Images {
    pub(crate) fn all(&self) -> [&Image; 8] {
        // The pause image first: no pod can start without it.
        [
            &self.pause,
            &self.coredns,
            &self.busybox,
            &self.local_path_provisioner,
            &self.cloudnative_pg,
            &self.openbao,
            &self.dmp,
            &self.postgresql,
        ]
    }
}

/// Images that need nothing but Debian, so that they can be made while the parts are built.
#[derive(Debug)]
pub(crate) struct DebianImages {
    busybox: Image,
    postgresql: Image,
    /// A layer with the libraries that a Rust program links.
    base: PathBuf,
}

/// Makes the images that need nothing but Debian.
pub(crate) async fn ensure_debian(cache: &Path, progress: &Progress) -> Result<DebianImages> {
    let store = Store::open(cache, progress)?;
    let _lock = lock(&store.folder).await?;
    Ok(DebianImages {
        busybox: recipes::busybox(&store).await?,
        base: debian::base_layer(&store).await?,
        postgresql: recipes::postgresql(&store).await?,
    })
}

/// Makes the other images from the parts and the product's binaries.
pub(crate) async fn ensure(
    cache: &Path,
    parts: &Parts,
    debian: DebianImages,
    binaries: &Path,
    progress: &Progress,
) -> Result<Images> {
    let store = Store::open(cache, progress)?;
    let _lock = lock(&store.folder).await?;
    Ok(Images {
        pause: recipes::pause(&store, &parts.pause).await?,
        coredns: recipes::coredns(&store, &parts.coredns).await?,
        local_path_provisioner: recipes::local_path_provisioner(&store, &parts.local_path_provisioner)
            .await?,
        cloudnative_pg: recipes::cloudnative_pg(&store, &parts.cloudnative_pg).await?,
        openbao: recipes::openbao(&store, &parts.openbao).await?,
        dmp: recipes::dmp(&store, &debian.base, binaries).await?,
        busybox: debian.busybox,
        postgresql: debian.postgresql,
    })
}

/// The cache's folder of images.
struct Store<'a> {
    folder: PathBuf,
    progress: &'a Progress,
}

impl<'a> Store<'a> {
    fn open(cache: &Path, progress: &'a Progress) -> Result<Self> {
        let folder = cache.join("images");
        fs::create_dir_all(&folder).on("make the folder", &folder)?;
        Ok(Self { folder, progress })
    }

    fn file(&self, name: &str, key: &str, extension: &str) -> PathBuf {
        self.folder.join(format!("{name}-{key}.{extension}"))
    }

    /// The image made from `ingredients`, if it is in the cache.
    fn find(&self, name: &str, ingredients: &[&str]) -> Slot {
        let key = key(ingredients.iter().copied());
        let archive = self.file(name, &key, "tar");
        let known = self.file(name, &key, "name");
        let reference = archive
            .exists()
            .then(|| fs::read_to_string(&known).ok())
            .flatten();
        Slot {
            archive,
            known,
            sbom: self.file(name, &key, "sbom.json"),
            provenance: self.file(name, &key, "provenance.json"),
            reference,
        }
    }

    /// Writes an image into its place and removes old ones of that name.
    async fn write(&self, slot: Slot, spec: oci::ImageSpec<'static>) -> Result<Image> {
        let (name, archive) = (spec.name, slot.archive.clone());
        let written = tokio::task::spawn_blocking(move || oci::write(&spec, &archive))
            .await
            .map_err(|error| Error::Command {
                what: "write an image".to_owned(),
                detail: error.to_string(),
            })??;
        fs::write(&slot.sbom, &written.sbom).on("write", &slot.sbom)?;
        fs::write(&slot.provenance, &written.provenance).on("write", &slot.provenance)?;
        // Its name last: with it the image is there.
        fs::write(&slot.known, &written.reference).on("write", &slot.known)?;
        self.remove_superseded(name, &slot.known)?;
        Ok(slot.holding(written.reference))
    }

    /// `current`: the file with the name of the one that stays.
    fn remove_superseded(&self, name: &str, current: &Path) -> Result<()> {
        let prefix = format!("{name}-");
        let now = SystemTime::now();
        for entry in fs::read_dir(&self.folder).on("read", &self.folder)?.flatten() {
            let path = entry.path();
            let of_that_name = entry.file_name().to_string_lossy().starts_with(&prefix);
            let old = entry
                .metadata()
                .and_then(|file| file.modified())
                .is_ok_and(|time| now.duration_since(time).is_ok_and(|age| age > SUPERSEDED_AFTER));
            let kept = current.file_stem().is_some_and(|stem| {
                entry
                    .file_name()
                    .to_string_lossy()
                    .starts_with(&*stem.to_string_lossy())
            });
            if of_that_name && old && !kept {
                fs::remove_file(&path).on("remove", path)?;
            }
        }
        Ok(())
    }
}

/// A place in the cache for one image.
struct Slot {
    archive: PathBuf,
    known: PathBuf,
    sbom: PathBuf,
    provenance: PathBuf,
    reference: Option<String>,
}

impl Slot {
    fn found(&self) -> Option<Image> {
        Some(self.holding(self.reference.clone()?))
    }

    fn holding(&self, reference: String) -> Image {
        Image {
            reference,
            archive: self.archive.clone(),
            sbom: self.sbom.clone(),
            provenance: self.provenance.clone(),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Images that are nowhere, for texts that name them.
    pub(crate) fn images() -> Images {
        let image = |name: &str| Image {
            reference: format!("registry.dmp.internal/{name}:1-abc@sha256:abc"),
            archive: PathBuf::from("/images").join(name),
            sbom: PathBuf::from("/images").join(name),
            provenance: PathBuf::from("/images").join(name),
        };
        Images {
            pause: image("pause"),
            busybox: image("busybox"),
            coredns: image("coredns"),
            local_path_provisioner: image("local-path-provisioner"),
            cloudnative_pg: image("cloudnative-pg"),
            postgresql: image("postgresql"),
            openbao: image("openbao"),
            dmp: image("dmp"),
        }
    }

    #[tokio::test]
    async fn an_image_is_made_once_and_goes_when_old_and_superseded() {
        let cache = tempfile::tempdir().expect("a folder");
        let progress = Progress::silent();
        let store = Store::open(cache.path(), &progress).expect("a store");
        let make = async |ingredient| {
            let slot = store.find("thing", &[ingredient]);
            assert!(slot.found().is_none());
            let spec = oci::ImageSpec {
                name: "thing",
                version: "1".to_owned(),
                ..oci::ImageSpec::default()
            };
            store.write(slot, spec).await.expect("an image")
        };
        let found = |ingredient| store.find("thing", &[ingredient]).found();

        let made = make("a").await;
        assert_eq!(found("a").map(|image| image.reference), Some(made.reference));
        make("b").await;
        assert!(found("a").is_some(), "it is young");

        let long_ago = SystemTime::now() - 2 * SUPERSEDED_AFTER;
        fs::File::options()
            .append(true)
            .open(&made.archive)
            .and_then(|file| file.set_modified(long_ago))
            .expect("aged");
        make("c").await;
        assert!(found("a").is_none() && found("b").is_some() && found("c").is_some());
        let image = found("c").expect("an image");
        assert!(image.sbom.exists() && image.provenance.exists());
        let (name, digest) = (
            image.reference.split_once(':').expect("a tag").0,
            image.reference.split_once('@'),
        );
        assert_eq!(image.stored(), format!("{name}@{}", digest.expect("a digest").1));
    }
}
