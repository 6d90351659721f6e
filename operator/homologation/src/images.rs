//! Which images may run on the platform: the release in force, and whether its papers are what was signed. Pure.
//!
//! A tag may be moved and a registry may be another's: what counts is the digest, in a list that the security entity signed after it
//! had looked at what is in the image (bill of materials) and where it comes from (provenance). Admission compares names with that
//! list; it can check no signature itself. Not here: how images are built, what a bill of materials is worth.

use std::collections::{BTreeMap, BTreeSet};

use dmp_api::ImageRelease;
use dmp_api::body::Role;
use dmp_api::image_release::ImagePapers;
use jiff::Timestamp;
use kube::ResourceExt;
use serde::Deserialize;

use crate::canonical::digest;
use crate::dossier::arrived;
use crate::sbom;
use crate::signed::{Read, Refused};
use crate::statement::{ImageList, SignedImage};

/// The most images of one release: its papers must fit into an object.
pub const MOST_IMAGES: usize = 64;
/// What begins the digest of an image.
const SHA256: &str = "sha256:";
/// Of in-toto's statements.
const STATEMENT: &str = "https://in-toto.io/Statement/v1";
/// What begins each version of SLSA's provenance.
const PROVENANCE: &str = "https://slsa.dev/provenance/";

/// What an object carries, if the security entity may say it on this platform and the papers are those it signed.
pub fn counted(object: &ImageRelease, read: Read<ImageList>, domain: &str) -> Read<ImageList> {
    let signed = read?;
    let list = &signed.statement;
    if list.domain != domain {
        return Err(Refused::other_platform());
    }
    if signed.signer.role != Role::Security {
        return Err(Refused::wrong_body(signed.signer.role));
    }
    well_formed(&list.images)?;
    for image in &list.images {
        let mut fitting = object
            .spec
            .papers
            .iter()
            .filter(|papers| papers.digest == image.digest);
        let (Some(papers), None) = (fitting.next(), fitting.next()) else {
            return Err(invalid(image, "it has no papers in the object, or two"));
        };
        papers_of(image, papers)?;
    }
    Ok(signed)
}

fn invalid(image: &SignedImage, why: &str) -> Refused {
    Refused::new("InvalidRelease", format!("image `{}`: {why}", image.name))
}

/// # Errors
/// What is wrong with a list of images.
pub fn well_formed(images: &[SignedImage]) -> Result<(), Refused> {
    if images.is_empty() || images.len() > MOST_IMAGES {
        let text = format!("a release names from 1 to {MOST_IMAGES} images");
        return Err(Refused::new("InvalidRelease", text));
    }
    let mut digests = BTreeSet::new();
    for image in images {
        if key(&image.digest).is_none() {
            return Err(invalid(image, "its digest is not `sha256:` and 64 hex digits"));
        }
        let host = image.name.split('/').next().unwrap_or_default();
        if !image.name.contains('/') || host.is_empty() || image.name.contains(['@', ' ']) {
            return Err(invalid(
                image,
                "its name is not registry/name, without tag and digest",
            ));
        }
        if !digests.insert(&image.digest) {
            return Err(invalid(image, "its digest is named twice"));
        }
    }
    Ok(())
}

/// # Errors
/// Why the papers are not the ones that were signed, or no papers at all.
pub fn papers_of(image: &SignedImage, papers: &ImagePapers) -> Result<(), Refused> {
    let bill = sbom::check(&papers.sbom).map_err(|error| invalid(image, &format!("its SBOM: {error}")))?;
    if bill != image.sbom_sha256 {
        return Err(invalid(image, "its SBOM is not the one that was signed"));
    }
    if digest(papers.provenance.as_bytes()) != image.provenance_sha256 {
        return Err(invalid(image, "its provenance is not the one that was signed"));
    }
    provenance(&papers.provenance, &image.digest).map_err(|why| invalid(image, why))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Provenance {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    predicate_type: String,
    predicate: Predicate,
}

#[derive(Deserialize)]
struct Subject {
    digest: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Predicate {
    run_details: RunDetails,
}

#[derive(Deserialize)]
struct RunDetails {
    builder: Builder,
}

#[derive(Deserialize)]
struct Builder {
    id: String,
}

fn provenance(text: &str, image: &str) -> Result<(), &'static str> {
    let told: Provenance = serde_json::from_str(text)
        .map_err(|_| "its provenance is not an in-toto statement with SLSA provenance")?;
    if told.kind != STATEMENT || !told.predicate_type.starts_with(PROVENANCE) {
        return Err("its provenance is not an in-toto statement with SLSA provenance");
    }
    if told.predicate.run_details.builder.id.is_empty() {
        return Err("its provenance names no builder");
    }
    let hex = image.trim_start_matches(SHA256);
    let mut subjects = told.subject.iter();
    if !subjects.any(|subject| subject.digest.get("sha256").is_some_and(|one| one == hex)) {
        return Err("its provenance is about another image");
    }
    Ok(())
}

/// The digest of an image as the key of a ConfigMap: its 64 hex digits; `None` for what is no SHA-256.
pub fn key(digest: &str) -> Option<String> {
    let hex = digest.strip_prefix(SHA256)?;
    let digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    (hex.len() == 64 && hex.chars().all(digit)).then(|| hex.to_owned())
}

/// Digest and name of each image that may run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admitted {
    /// The object that names them.
    pub release: String,
    /// `sha256:…` to registry and name.
    images: BTreeMap<String, String>,
}

impl Admitted {
    /// Of the release that was signed last (not after it arrived), of those that count; `None` when none does.
    pub fn in_force<'a>(
        objects: impl Iterator<Item = (&'a ImageRelease, Read<ImageList>)>,
        domain: &str,
    ) -> Option<Self> {
        let counted = objects.filter_map(|(object, read)| {
            let list = self::counted(object, read, domain).ok()?.statement;
            let at: Timestamp = list.signed_at.min(arrived(&object.metadata));
            Some((at, object.name_any(), list))
        });
        let (_, release, list) = counted.max_by(|one, other| (one.0, &one.1).cmp(&(other.0, &other.1)))?;
        let images = list.images.into_iter().map(|image| (image.digest, image.name));
        Some(Self {
            release,
            images: images.collect(),
        })
    }

    /// Registry and name under which an image with this digest may run.
    pub fn name_of(&self, digest: &str) -> Option<&str> {
        self.images.get(digest).map(String::as_str)
    }

    /// Key ([`key`]) and name, for the parameter of the admission policy.
    pub fn parameters(&self) -> BTreeMap<String, String> {
        let entry = |(digest, name): (&String, &String)| Some((key(digest)?, name.clone()));
        self.images.iter().filter_map(entry).collect()
    }
}

/// Registry and name, and digest, of what a pod names; the tag is for people. Without a digest `None`.
pub fn reference(image: &str) -> Option<(&str, &str)> {
    let (tagged, digest) = image.split_once('@')?;
    let last = tagged.rfind('/').map_or(0, |at| at + 1);
    let colon = tagged.get(last..).and_then(|name| name.find(':'));
    let name = colon.map_or(tagged, |at| tagged.get(..last + at).unwrap_or(tagged));
    key(digest).map(|_| (name, digest))
}
