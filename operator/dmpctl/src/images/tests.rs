#![allow(clippy::unwrap_used)]

use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::layout::Packed;
use super::source::ImageSet;
use super::*;

fn sha(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes))
}

/// An archive as the build writes it, with one layer.
fn archive(folder: &Path, name: &str, layer: &[u8]) -> PathBuf {
    let config = json!({ "architecture": "amd64", "os": "linux", "name": name }).to_string();
    let descriptor =
        |bytes: &[u8]| json!({ "digest": format!("sha256:{}", sha(bytes)), "size": bytes.len() });
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor(config.as_bytes()),
        "layers": [descriptor(layer)],
    })
    .to_string();
    let mut entry = descriptor(manifest.as_bytes());
    entry["mediaType"] = json!("application/vnd.oci.image.manifest.v1+json");
    entry["annotations"] =
        json!({ "org.opencontainers.image.ref.name": format!("{name}:1.2-abc") });
    let index = json!({ "schemaVersion": 2, "manifests": [entry] }).to_string();
    let path = folder.join(format!("{name}.tar"));
    let mut tar = tar::Builder::new(std::fs::File::create(&path).unwrap());
    for (name, content) in [
        ("index.json".to_owned(), index.as_bytes()),
        (
            format!("blobs/sha256/{}", sha(manifest.as_bytes())),
            manifest.as_bytes(),
        ),
        (
            format!("blobs/sha256/{}", sha(config.as_bytes())),
            config.as_bytes(),
        ),
        (format!("blobs/sha256/{}", sha(layer)), layer),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, content).unwrap();
    }
    tar.finish().unwrap();
    path
}

fn set(folder: &Path) -> ImageSet {
    ImageSet {
        images: names::ALL
            .into_iter()
            .map(|name| {
                layout::archive(&archive(folder, name, format!("layer of {name}").as_bytes())).unwrap()
            })
            .collect(),
        cnpg_manifest: "kind: Deployment".to_owned(),
    }
}

/// Name, tag, digest, and digests with sizes of the blobs: one text an image.
fn described(images: &[Packed]) -> Vec<String> {
    let mut all: Vec<String> = images
        .iter()
        .map(|image| {
            let blobs: Vec<String> = image
                .blobs
                .iter()
                .map(|blob| format!("{} {}", blob.digest, blob.size))
                .collect();
            format!(
                "{}:{}@{}: {}",
                image.name,
                image.tag,
                image.digest,
                blobs.join(", ")
            )
        })
        .collect();
    all.sort();
    all
}

#[test]
fn what_is_exported_is_read_again_twice() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let set = set(from.path());
    for _ in 0..2 {
        export::write(&set, to.path(), &Progress::silent()).unwrap();
        let read = ImageSet::from_folder(to.path()).unwrap();
        assert_eq!(described(&read.images), described(&set.images));
        assert_eq!(read.cnpg_manifest, set.cnpg_manifest);
    }
    let index: Value = serde_json::from_slice(&std::fs::read(to.path().join("index.json")).unwrap()).unwrap();
    assert_eq!(
        index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"],
        "dmp:1.2-abc"
    );
}

#[test]
fn a_changed_blob_is_found_before_anything_is_sent() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    export::write(&set(from.path()), to.path(), &Progress::silent()).unwrap();
    let blob = to.path().join("blobs/sha256").join(sha(b"layer of dmp"));
    std::fs::write(&blob, b"layer of dmq").unwrap();
    let error = ImageSet::from_folder(to.path()).unwrap_err();
    assert_eq!(error.code, "image-damaged");
    assert!(error.message.contains("another content"), "{}", error.message);
    std::fs::remove_file(&blob).unwrap();
    let error = ImageSet::from_folder(to.path()).unwrap_err();
    assert!(error.message.contains("is missing"), "{}", error.message);
}

#[test]
fn a_folder_without_all_images_is_no_set() {
    let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut set = set(from.path());
    set.images.pop();
    export::write(&set, to.path(), &Progress::silent()).unwrap();
    let error = ImageSet::from_folder(to.path()).unwrap_err();
    assert_eq!(error.code, "image-missing");
    let nothing = tempfile::tempdir().unwrap();
    assert_eq!(ImageSet::from_folder(nothing.path()).unwrap_err().code, "file");
}

#[test]
fn references_name_registry_tag_and_digest() {
    let folder = tempfile::tempdir().unwrap();
    let references = References::of(&set(folder.path()), "r.example.ma:5000/sante/").unwrap();
    let (name, digest) = references.dmp.split_once('@').unwrap();
    assert_eq!(name, "r.example.ma:5000/sante/dmp:1.2-abc");
    assert!(digest.starts_with("sha256:") && digest.len() == 71);
    for bad in ["", "https://r", "R.example.ma", "/dmp", "r e"] {
        assert_eq!(split(bad).unwrap_err().code, "registry-name", "{bad}");
    }
    assert_eq!(split("localhost:5000").unwrap(), ("localhost:5000", ""));
}
