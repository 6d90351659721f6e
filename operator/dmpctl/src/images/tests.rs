#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use dmp_api::ImageRelease;
use dmp_homologation::images::Admitted;
use dmp_homologation::{Bodies, carrier};
use dmp_testkit::bodies::Authority;
use serde_json::{Value, json};

use super::layout::Packed;
use super::sign::SignCommand;
use super::source::{ImageSet, Papers};
use super::*;
use crate::homologation::SignatureOptions;

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
    entry["annotations"] = json!({ "org.opencontainers.image.ref.name": format!("{name}:1.2-abc") });
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
        papers: BTreeMap::new(),
        cnpg_manifest: "kind: Deployment".to_owned(),
    }
    .with_papers()
}

impl ImageSet {
    fn with_papers(mut self) -> Self {
        let papers = |image: &Packed| {
            let hex = image.digest.trim_start_matches("sha256:");
            Papers {
                sbom: json!({
                    "bomFormat": "CycloneDX", "specVersion": "1.6",
                    "components": [{ "type": "library", "name": image.name }],
                })
                .to_string(),
                provenance: json!({
                    "_type": "https://in-toto.io/Statement/v1", "predicateType": "https://slsa.dev/provenance/v1",
                    "subject": [{ "name": image.name, "digest": { "sha256": hex } }],
                    "predicate": { "runDetails": { "builder": { "id": "https://dmp.ma/build" } } },
                })
                .to_string(),
            }
        };
        self.papers = self
            .images
            .iter()
            .map(|image| (image.name.clone(), papers(image)))
            .collect();
        self
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
        assert_eq!(read.papers, set.papers);
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

#[test]
fn what_is_signed_is_a_release_that_counts() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let authority = Authority::new("Securite", "000000000000002");
    let member = authority.person("s1");
    let mut command = SignCommand {
        signature: SignatureOptions {
            certificate: file("certificate.pem", &member.chain_pem),
            key: file("key.pem", &member.key_pem),
        },
        source: SourceOptions::default(),
        registry: "r.example.ma:5000/sante".to_owned(),
        domain: "dmp.test".to_owned(),
        keep: Vec::new(),
        comment: "nomenclatures lues".to_owned(),
    };
    let bodies = json!([{
        "role": "security", "organisation": { "name": authority.name, "ice": authority.ice },
        "anchors": [{ "certificate": authority.certificate_pem() }],
    }]);
    let bodies = Bodies::new(&serde_json::from_value::<Vec<dmp_api::body::Body>>(bodies).unwrap());
    let admitted = |text: &str| {
        let mut object: ImageRelease = serde_saphyr::from_str(text).unwrap();
        let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        object.metadata.creation_timestamp = Some(serde_json::from_value(json!(now)).unwrap());
        let read = carrier::read(&object, &bodies);
        Admitted::in_force(std::iter::once((&object, read)), "dmp.test")
    };
    let first = set(folder.path());
    let text = sign::sign(&first, &command).unwrap();
    let found = admitted(&text).unwrap();
    for image in &first.images {
        let name = format!("r.example.ma:5000/sante/{}", image.name);
        assert_eq!(found.name_of(&image.digest), Some(name.as_str()));
    }

    // The next release of `dmp` keeps the former one.
    let next = tempfile::tempdir().unwrap();
    let mut second = first.clone();
    second.images[0] = layout::archive(&archive(next.path(), names::DMP, b"the next layer")).unwrap();
    let second = second.with_papers();
    command.keep = vec![file("release.yaml", &text)];
    let found = admitted(&sign::sign(&second, &command).unwrap()).unwrap();
    for digest in [&first.images[0].digest, &second.images[0].digest] {
        assert!(found.name_of(digest).is_some(), "{digest}");
    }

    // Nothing is signed without papers, or with another image's.
    let code = |set: &ImageSet, command: &SignCommand| sign::sign(set, command).unwrap_err().code;
    let mut without = first.clone();
    without.papers.remove(names::DMP);
    command.keep.clear();
    assert_eq!(code(&without, &command), "no-release");
    let mut mixed = first.clone();
    mixed.papers = second.papers.clone();
    assert_eq!(code(&mixed, &command), "no-release");
    command.keep = vec![file("other.yaml", "kind: Platform")];
    assert_eq!(code(&first, &command), "no-release");
    command.keep.clear();
    command.registry = "https://r".to_owned();
    assert_eq!(code(&first, &command), "registry-name");
}
