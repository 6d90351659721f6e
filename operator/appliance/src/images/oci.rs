//! Writes one container image as a tar of an OCI image layout, which `ctr images import` reads.
//!
//! Layers are plain tars. The same input gives the same bytes: another content is another digest, and a Deployment that names it
//! rolls out.

use std::{
    fs::{self, File},
    io::{self, BufWriter},
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use super::materials::{Component, Subject, bill, provenance};
use crate::{
    digest::{sha256, sha256_of_file, short},
    error::{FileContext, Result},
};

/// The registry in the appliance's image names. No such host exists: nothing is ever pulled.
const REGISTRY: &str = "registry.dmp.internal";

/// What an image consists of.
#[derive(Debug, Default)]
pub(super) struct ImageSpec<'a> {
    pub name: &'a str,
    /// Version of what is inside; first half of the tag. CloudNativePG reads it as PostgreSQL's.
    pub version: String,
    pub layers: Vec<Layer>,
    /// `uid:gid`
    pub user: &'a str,
    pub environment: &'a [&'a str],
    pub entrypoint: &'a [&'a str],
    pub folder: &'a str,
    /// What is in it; see [`super::materials`].
    pub components: Vec<Component>,
    /// What decides the content: what it is, and its key in the cache.
    pub ingredients: Vec<(&'static str, String)>,
}

/// An image that was written.
#[derive(Debug)]
pub(super) struct Written {
    /// `registry.dmp.internal/<name>:<version>-<short>@sha256:<digest>`; the digest decides, the tag is for people.
    pub reference: String,
    /// Its bill of materials, JSON.
    pub sbom: String,
    /// Its provenance, JSON.
    pub provenance: String,
}

#[derive(Debug)]
pub(super) enum Layer {
    /// A tar that exists already.
    Tar(PathBuf),
    Entries(Vec<Entry>),
}

/// One thing in a layer; paths are relative to the root.
#[derive(Debug)]
pub(super) enum Entry {
    Program {
        path: &'static str,
        source: PathBuf,
    },
    Link {
        path: &'static str,
        target: &'static str,
    },
    /// A folder with owner and mode.
    Folder {
        path: &'static str,
        owner: u64,
        mode: u32,
    },
}

/// A blob that lies in a file.
struct Blob {
    file: PathBuf,
    digest: String,
    size: u64,
}

/// Writes the image to `archive`. Drafts lie beside it.
pub(super) fn write(spec: &ImageSpec<'_>, archive: &Path) -> Result<Written> {
    let drafts: Vec<PathBuf> = (0..spec.layers.len())
        .map(|index| archive.with_extension(format!("layer{index}")))
        .collect();
    let mut layers = Vec::with_capacity(spec.layers.len());
    for (layer, draft) in spec.layers.iter().zip(&drafts) {
        let file = match layer {
            Layer::Tar(file) => file,
            Layer::Entries(entries) => {
                write_layer(entries, draft)?;
                draft
            }
        };
        let (digest, size) = sha256_of_file(file)?;
        layers.push(Blob {
            file: file.clone(),
            digest,
            size,
        });
    }

    let config = config(spec, &layers).to_string();
    let manifest = manifest(&config, &layers).to_string();
    let digest = sha256(manifest.as_bytes());
    let tagged = format!("{}:{}-{}", spec.name, spec.version, short(&digest));
    // Kubernetes asks containerd for a name without the tag when there is a digest.
    let stored = format!("{REGISTRY}/{}@sha256:{digest}", spec.name);
    let index = index(&stored, &tagged, &manifest).to_string();

    let new = archive.with_extension("new");
    let mut tar = tar::Builder::new(BufWriter::new(File::create(&new).on("create", &new)?));
    (|| -> io::Result<()> {
        append_bytes(&mut tar, "oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        append_bytes(&mut tar, "index.json", index.as_bytes())?;
        for blob in [&manifest, &config] {
            append_bytes(&mut tar, &blob_path(&sha256(blob.as_bytes())), blob.as_bytes())?;
        }
        for layer in &layers {
            let mut header = header(layer.size, 0o644);
            tar.append_data(&mut header, blob_path(&layer.digest), File::open(&layer.file)?)?;
        }
        io::Write::flush(tar.get_mut())?;
        tar.finish()?;
        io::Write::flush(tar.get_mut())
    })()
    .on("write", &new)?;
    for draft in drafts.iter().filter(|draft| draft.exists()) {
        fs::remove_file(draft).on("remove", draft)?;
    }
    fs::rename(&new, archive).on("write", archive)?;
    let subject = Subject {
        name: spec.name,
        version: &spec.version,
        digest: &digest,
    };
    let ingredients: Vec<(&str, &str)> = spec
        .ingredients
        .iter()
        .map(|(name, key)| (*name, key.as_str()))
        .collect();
    Ok(Written {
        reference: format!("{REGISTRY}/{tagged}@sha256:{digest}"),
        sbom: bill(subject, &spec.components).to_string(),
        provenance: provenance(subject, &ingredients).to_string(),
    })
}

fn write_layer(entries: &[Entry], file: &Path) -> Result<()> {
    let mut tar = tar::Builder::new(BufWriter::new(File::create(file).on("create", file)?));
    for entry in entries {
        append_entry(&mut tar, entry).on("write", file)?;
    }
    tar.into_inner()
        .and_then(|mut output| io::Write::flush(&mut output))
        .on("write", file)
}

fn append_entry(tar: &mut tar::Builder<impl io::Write>, entry: &Entry) -> io::Result<()> {
    match entry {
        Entry::Program { path, source } => {
            let file = File::open(source)?;
            let mut header = header(file.metadata()?.len(), 0o755);
            tar.append_data(&mut header, path, file)
        }
        Entry::Link { path, target } => {
            let mut header = header(0, 0o777);
            header.set_entry_type(tar::EntryType::Symlink);
            tar.append_link(&mut header, path, target)
        }
        Entry::Folder { path, owner, mode } => {
            let mut header = header(0, *mode);
            header.set_entry_type(tar::EntryType::Directory);
            header.set_uid(*owner);
            header.set_gid(*owner);
            tar.append_data(&mut header, path, io::empty())
        }
    }
}

fn append_bytes(tar: &mut tar::Builder<impl io::Write>, path: &str, content: &[u8]) -> io::Result<()> {
    let mut header = header(content.len() as u64, 0o644);
    tar.append_data(&mut header, path, content)
}

/// Root's, of 1970: nothing of the moment or of the machine.
fn header(size: u64, mode: u32) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(mode);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

fn blob_path(digest: &str) -> String {
    format!("blobs/sha256/{digest}")
}

fn config(spec: &ImageSpec<'_>, layers: &[Blob]) -> Value {
    let differences: Vec<String> = layers
        .iter()
        .map(|layer| format!("sha256:{}", layer.digest))
        .collect();
    json!({
        "architecture": architecture(),
        "os": "linux",
        "config": {
            "User": spec.user,
            "Env": spec.environment,
            "Entrypoint": spec.entrypoint,
            "WorkingDir": spec.folder,
        },
        "rootfs": { "type": "layers", "diff_ids": differences },
    })
}

fn manifest(config: &str, layers: &[Blob]) -> Value {
    let layers: Vec<Value> = layers
        .iter()
        .map(|layer| {
            json!({
                "mediaType": "application/vnd.oci.image.layer.v1.tar",
                "digest": format!("sha256:{}", layer.digest),
                "size": layer.size,
            })
        })
        .collect();
    json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": format!("sha256:{}", sha256(config.as_bytes())),
            "size": config.len(),
        },
        "layers": layers,
    })
}

/// `stored`: the name in containerd; `tagged`: for people.
fn index(stored: &str, tagged: &str, manifest: &str) -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "digest": format!("sha256:{}", sha256(manifest.as_bytes())),
            "size": manifest.len(),
            "annotations": { "io.containerd.image.name": stored, "org.opencontainers.image.ref.name": tagged },
            "platform": { "architecture": architecture(), "os": "linux" },
        }],
    })
}

/// The processor's name as Go and OCI say it.
pub(super) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, io::Read};

    use super::*;

    fn spec(folder: &Path, content: &str) -> ImageSpec<'static> {
        let source = folder.join("source");
        fs::write(&source, content).expect("written");
        ImageSpec {
            name: "thing",
            version: "1.2".to_owned(),
            layers: vec![Layer::Entries(vec![
                Entry::Folder {
                    path: "data",
                    owner: 26,
                    mode: 0o770,
                },
                Entry::Program {
                    path: "bin/thing",
                    source,
                },
                Entry::Link {
                    path: "bin/sh",
                    target: "busybox",
                },
            ])],
            user: "26:26",
            ..ImageSpec::default()
        }
    }

    fn unpack(archive: &Path) -> BTreeMap<String, Vec<u8>> {
        let mut tar = tar::Archive::new(File::open(archive).expect("an archive"));
        tar.entries()
            .expect("entries")
            .map(|entry| {
                let mut entry = entry.expect("an entry");
                let path = entry.path().expect("a path").display().to_string();
                let mut content = Vec::new();
                entry.read_to_end(&mut content).expect("content");
                (path, content)
            })
            .collect()
    }

    #[test]
    fn every_blob_lies_under_its_digest_and_is_referred_to() {
        let folder = tempfile::tempdir().expect("a folder");
        let archive = folder.path().join("thing.tar");
        let written = write(&spec(folder.path(), "x"), &archive).expect("an image");
        let files = unpack(&archive);

        let index: Value = serde_json::from_slice(&files["index.json"]).expect("an index");
        let descriptor = &index["manifests"][0];
        let digest = descriptor["digest"].as_str().expect("a digest");
        assert_eq!(
            descriptor["annotations"]["io.containerd.image.name"],
            format!("registry.dmp.internal/thing@{digest}")
        );
        assert!(written.reference.ends_with(&format!("@{digest}")), "{written:?}");
        for paper in [&written.sbom, &written.provenance] {
            assert!(paper.contains(digest.trim_start_matches("sha256:")), "{paper}");
        }
        let blob = |descriptor: &Value| {
            let digest = descriptor["digest"].as_str().expect("a digest");
            let hex = digest.strip_prefix("sha256:").expect("sha256");
            let content = &files[&blob_path(hex)];
            assert_eq!(sha256(content), hex);
            assert_eq!(descriptor["size"], content.len());
            content.clone()
        };
        let manifest: Value = serde_json::from_slice(&blob(descriptor)).expect("a manifest");
        let config: Value = serde_json::from_slice(&blob(&manifest["config"])).expect("a config");
        let layer = blob(&manifest["layers"][0]);
        assert_eq!(config["config"]["User"], "26:26");
        assert_eq!(config["rootfs"]["diff_ids"][0], manifest["layers"][0]["digest"]);
        assert!(layer.windows(9).any(|window| window == b"bin/thing"));
        assert_eq!(files.len(), 5, "nothing else is in the archive");
        let left = fs::read_dir(folder.path()).expect("a folder").count();
        assert_eq!(left, 2, "the source and the archive");
    }

    #[test]
    fn the_reference_is_version_and_content() {
        let folder = tempfile::tempdir().expect("a folder");
        let archive = folder.path().join("thing.tar");
        let reference = |content| {
            let written = write(&spec(folder.path(), content), &archive).expect("an image");
            written.reference
        };
        let first = reference("x");
        let bytes = fs::read(&archive).expect("an archive");
        assert_eq!(first, reference("x"));
        assert_eq!(bytes, fs::read(&archive).expect("an archive"));
        assert_ne!(first, reference("y"));
        assert!(first.starts_with("registry.dmp.internal/thing:1.2-"));
    }
}
