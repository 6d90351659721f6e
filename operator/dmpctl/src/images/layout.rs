//! Reads images out of OCI image layouts: the archives of the build cache, or a folder that `images export` wrote.
//!
//! Nothing is unpacked: a blob is a piece of a file. Every blob is checked against its digest before it is used.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use serde::Deserialize;
use serde_json::Value;

use crate::error::{CliError, Result};

/// Annotation of a layout's index (OCI): name and tag of an image where it was built.
const NAME: &str = "org.opencontainers.image.ref.name";
/// The name containerd gives an image that it takes from the layout.
const CONTAINERD_NAME: &str = "io.containerd.image.name";
/// The largest manifest that is read, in bytes (the OCI distribution specification asks for 4 MiB).
const MAX_MANIFEST: u64 = 4 * 1024 * 1024;

/// One image: its manifest, and where its blobs lie.
#[derive(Clone, Debug)]
pub struct Packed {
    /// Last part of its name: `dmp`, `openbao`, `postgresql`, `cloudnative-pg`.
    pub name: String,
    /// Version and short digest, as it was built; for people.
    pub tag: String,
    /// `sha256:…` of the manifest: what the image is called by.
    pub digest: String,
    pub media_type: String,
    pub manifest: Vec<u8>,
    /// Configuration and layers.
    pub blobs: Vec<Blob>,
}

/// A piece of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// `sha256:…`
    pub digest: String,
    /// Bytes.
    pub size: u64,
    pub file: PathBuf,
    /// Bytes before it in the file.
    pub offset: u64,
}

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    #[serde(default)]
    media_type: String,
    digest: String,
    size: u64,
    #[serde(default)]
    annotations: HashMap<String, String>,
}

#[derive(Deserialize)]
struct Manifest {
    config: Descriptor,
    layers: Vec<Descriptor>,
}

/// Where the files of a layout are: path within it → place.
struct Places(HashMap<String, Blob>);

/// The one image of an archive (a tar of a layout).
///
/// # Errors
/// `file` when it cannot be read, `image-damaged` when it is not what it says.
pub fn archive(path: &Path) -> Result<Packed> {
    let failed = |source| CliError::file(path, source);
    let mut tar = tar::Archive::new(File::open(path).map_err(failed)?);
    let mut places = HashMap::new();
    for entry in tar.entries_with_seek().map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.path().map_err(failed)?.to_string_lossy().into_owned();
        let place = Blob {
            digest: digest_of_path(&name),
            size: entry.size(),
            file: path.to_owned(),
            offset: entry.raw_file_position(),
        };
        places.insert(name, place);
    }
    let mut images = Places(places).images(path)?;
    match (images.pop(), images.is_empty()) {
        (Some(image), true) => Ok(image),
        _ => Err(damaged(path, "it does not hold exactly one image")),
    }
}

/// The images of a folder.
///
/// # Errors
/// As [`archive`].
pub fn folder(path: &Path) -> Result<Vec<Packed>> {
    let failed = |source| CliError::file(path, source);
    let mut places = HashMap::new();
    for (below, prefix) in [
        (path.to_owned(), ""),
        (path.join("blobs/sha256"), "blobs/sha256/"),
    ] {
        for entry in std::fs::read_dir(&below).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            let place = Blob {
                digest: digest_of_path(&name),
                size: entry.metadata().map_err(failed)?.len(),
                file: entry.path(),
                offset: 0,
            };
            places.insert(name, place);
        }
    }
    Places(places).images(path)
}

impl Places {
    fn images(&self, layout: &Path) -> Result<Vec<Packed>> {
        let index = self
            .0
            .get("index.json")
            .ok_or_else(|| damaged(layout, "it has no index.json"))?;
        let index: Index = serde_json::from_slice(&index.read(layout)?)
            .map_err(|source| damaged(layout, "its index.json is not an image index").because(source))?;
        index
            .manifests
            .iter()
            .map(|descriptor| self.image(layout, descriptor))
            .collect()
    }

    fn image(&self, layout: &Path, descriptor: &Descriptor) -> Result<Packed> {
        let full = descriptor
            .annotations
            .get(NAME)
            .ok_or_else(|| damaged(layout, "an image has no name"))?;
        let (name, tag) = full
            .rsplit('/')
            .next()
            .and_then(|last| last.split_once(':'))
            .ok_or_else(|| damaged(layout, &format!("`{full}` is not the name of an image")))?;
        let place = self.blob(layout, descriptor)?;
        let manifest = place.read(layout)?;
        let parts: Manifest = serde_json::from_slice(&manifest).map_err(|source| {
            damaged(layout, &format!("the manifest of {name} is broken")).because(source)
        })?;
        let blobs = std::iter::once(&parts.config)
            .chain(&parts.layers)
            .map(|descriptor| self.blob(layout, descriptor))
            .collect::<Result<_>>()?;
        Ok(Packed {
            name: name.to_owned(),
            tag: tag.to_owned(),
            digest: place.digest,
            media_type: descriptor.media_type.clone(),
            manifest,
            blobs,
        })
    }

    /// A blob whose content is what its descriptor says.
    fn blob(&self, layout: &Path, descriptor: &Descriptor) -> Result<Blob> {
        let hex = descriptor.digest.strip_prefix("sha256:").unwrap_or_default();
        let blob = self
            .0
            .get(&format!("blobs/sha256/{hex}"))
            .ok_or_else(|| damaged(layout, &format!("the blob {} is missing", descriptor.digest)))?;
        if blob.size != descriptor.size || blob.actual_digest()? != descriptor.digest {
            let what = format!("the blob {} has another content", descriptor.digest);
            return Err(damaged(layout, &what));
        }
        Ok(blob.clone())
    }
}

impl Blob {
    /// Its bytes, for small ones.
    fn read(&self, layout: &Path) -> Result<Vec<u8>> {
        if self.size > MAX_MANIFEST {
            return Err(damaged(layout, "a manifest is larger than 4 MiB"));
        }
        let mut bytes = Vec::new();
        self.open()
            .and_then(|file| file.take(self.size).read_to_end(&mut bytes))
            .map_err(|source| CliError::file(&self.file, source))?;
        Ok(bytes)
    }

    /// The file, at its first byte; its end is the reader's to keep.
    pub fn open(&self) -> std::io::Result<File> {
        let mut file = File::open(&self.file)?;
        file.seek(SeekFrom::Start(self.offset))?;
        Ok(file)
    }

    fn actual_digest(&self) -> Result<String> {
        let failed = |source| CliError::file(&self.file, source);
        let mut content = self.open().map_err(failed)?.take(self.size);
        let mut hash = Context::new(&SHA256);
        let mut buffer = vec![0; 1 << 20];
        loop {
            let read = content.read(&mut buffer).map_err(failed)?;
            if read == 0 {
                return Ok(format!("sha256:{}", hex::encode(hash.finish())));
            }
            hash.update(buffer.get(..read).unwrap_or_default());
        }
    }
}

/// `index.json` for these images.
pub fn index(images: &[Packed]) -> Value {
    let manifests: Vec<Value> = images
        .iter()
        .map(|image| {
            let reference = format!("{}:{}", image.name, image.tag);
            serde_json::json!({
                "mediaType": image.media_type,
                "digest": image.digest,
                "size": image.manifest.len(),
                "annotations": { NAME: reference, CONTAINERD_NAME: reference },
            })
        })
        .collect();
    serde_json::json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": manifests,
    })
}

fn digest_of_path(name: &str) -> String {
    name.strip_prefix("blobs/sha256/")
        .map(|hex| format!("sha256:{hex}"))
        .unwrap_or_default()
}

fn damaged(layout: &Path, what: &str) -> CliError {
    CliError::new(
        "image-damaged",
        format!("`{}` is not usable: {what}", layout.display()),
        "export the images again (`dmpctl images export DIR`), or build them again (`make build`)",
    )
}
