//! What is to be mended: the vulnerabilities of the images' packages, one for each vulnerability, package and version, however many
//! records tell of it; and what could not be compared.

use std::collections::{BTreeMap, BTreeSet};

use dmp_api::ImageRelease;
use jiff::Timestamp;
use kube::ResourceExt as _;

use super::affected::{Answer, answer};
use super::export::Export;
use super::package::{Component, Name, Package, components};
use super::rating::Rating;
use super::record::Record;
use crate::images::Admitted;

/// What is in an image, as the security entity signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bill {
    /// Registry and name.
    pub image: String,
    pub components: Vec<Component>,
}

/// By the digest of the image, of the release in force.
pub fn bills(objects: &[ImageRelease], admitted: &Admitted) -> BTreeMap<String, Bill> {
    let release = objects.iter().find(|one| one.name_any() == admitted.release);
    let papers = release.into_iter().flat_map(|release| &release.spec.papers);
    papers
        .filter_map(|papers| {
            let bill = Bill {
                image: admitted.name_of(&papers.digest)?.to_owned(),
                components: components(&papers.sbom),
            };
            Some((papers.digest.clone(), bill))
        })
        .collect()
}

/// The packages that bills name.
pub fn packages<'b>(bills: impl Iterator<Item = &'b Bill>) -> BTreeSet<Name> {
    let all = bills.flat_map(|bill| bill.components.iter().flatten());
    all.map(|package| package.name.clone()).collect()
}

/// One vulnerability of one version of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// `CVE-…` when it has one.
    pub id: String,
    /// Every id that it has.
    pub names: BTreeSet<String>,
    pub package: Package,
    /// The worst that anybody said; `None`: nobody rated it.
    pub rating: Option<Rating>,
    /// When it was first published; `None`: nobody says.
    pub published: Option<Timestamp>,
    /// Versions without it, as the records name them.
    pub fixed: BTreeSet<String>,
    /// The images that it is in.
    pub images: BTreeSet<String>,
}

impl Finding {
    /// What the control is about: what is critical, and what may be, because nobody rated it.
    pub fn counts(&self) -> bool {
        self.rating.is_none_or(|rating| rating == Rating::Critical)
    }
}

/// What came of the comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The worst first.
    pub findings: Vec<Finding>,
    /// What nobody can tell, for people: how many, of what, why, and one of them.
    pub untold: Vec<String>,
}

/// Compares what is in images with an export.
pub fn found<'b>(export: &Export, bills: impl Iterator<Item = &'b Bill>) -> Found {
    let mut by_package = BTreeMap::<&str, Vec<&Record>>::new();
    for record in export.records.iter().filter(|record| !record.withdrawn) {
        for affected in &record.affected {
            let of = by_package.entry(&affected.package).or_default();
            if of.last().is_none_or(|last| last.id != record.id) {
                of.push(record);
            }
        }
    }
    let mut untold = Untold::default();
    let mut in_images = BTreeMap::<&Package, BTreeSet<String>>::new();
    for bill in bills {
        for component in &bill.components {
            match component {
                Ok(package) => {
                    in_images.entry(package).or_default().insert(bill.image.clone());
                }
                Err((what, why)) => untold.add(why.to_string(), format!("{what} in {}", bill.image)),
            }
        }
    }
    let ratings = Ratings::new(&export.records);
    let mut findings = Vec::new();
    for (package, images) in in_images {
        if let Some(why) = uncovered(export, &package.name) {
            untold.add(why, package.name.to_string());
            continue;
        }
        let name = package.name.to_string();
        let mut groups = Vec::new();
        for record in by_package.get(name.as_str()).into_iter().flatten() {
            match said(record, &name, package) {
                Answer::NotAffected => {}
                Answer::Affected { fixed } => join(&mut groups, record, fixed),
                Answer::Undecided(why) => {
                    untold.add(why, format!("{} of {name} {}", record.id, package.version));
                }
            }
        }
        findings.extend(
            groups
                .into_iter()
                .map(|group| group.finding(package, &images, &ratings)),
        );
    }
    // What nobody rated may be critical: it stands with it.
    findings.sort_by(|one, other| {
        let worst = |finding: &Finding| finding.rating.unwrap_or(Rating::Critical);
        let key = |finding: &Finding| (finding.published, finding.id.clone(), finding.package.clone());
        (worst(other).cmp(&worst(one))).then_with(|| key(one).cmp(&key(other)))
    });
    Found {
        findings,
        untold: untold.texts(),
    }
}

/// Why a package was compared with nothing.
fn uncovered(export: &Export, name: &Name) -> Option<String> {
    if !export.ecosystems.contains(&name.ecosystem) {
        return Some(format!("the export has nothing of {}", name.ecosystem));
    }
    let missing = !export.packages.contains(name);
    missing.then(|| "no bill named it when the export was read: read it again".to_owned())
}

/// What a record says of a package, whichever of its entries is about it.
fn said(record: &Record, name: &str, package: &Package) -> Answer {
    let mut said = Answer::NotAffected;
    for affected in record.affected.iter().filter(|one| one.package == name) {
        match answer(affected, &package.name.ecosystem, &package.version) {
            Answer::NotAffected => {}
            found @ Answer::Affected { .. } => return found,
            undecided @ Answer::Undecided(_) => said = undecided,
        }
    }
    said
}

/// Records of one vulnerability.
#[derive(Default)]
struct Group {
    names: BTreeSet<String>,
    published: Option<Timestamp>,
    fixed: BTreeSet<String>,
    /// Of each record: what says how bad it is, when itself it does not.
    rated_by: BTreeSet<String>,
}

/// Puts a record to those that are about the same, which may be several groups until now.
fn join(groups: &mut Vec<Group>, record: &Record, fixed: Option<String>) {
    let names: BTreeSet<String> = record.names().map(ToOwned::to_owned).collect();
    let mut joined = Group {
        published: record.published,
        fixed: fixed.into_iter().collect(),
        rated_by: names.iter().chain(&record.upstream).cloned().collect(),
        names,
    };
    let (same, others) = std::mem::take(groups)
        .into_iter()
        .partition(|group: &Group| !group.names.is_disjoint(&joined.names));
    let same: Vec<Group> = same;
    *groups = others;
    for group in same {
        joined.names.extend(group.names);
        joined.fixed.extend(group.fixed);
        joined.rated_by.extend(group.rated_by);
        // The day that one knew it first.
        joined.published = joined.published.into_iter().chain(group.published).min();
    }
    groups.push(joined);
}

impl Group {
    fn finding(self, package: &Package, images: &BTreeSet<String>, ratings: &Ratings<'_>) -> Finding {
        let cve = self.names.iter().find(|name| name.starts_with("CVE-"));
        let id = cve.or_else(|| self.names.first()).cloned().unwrap_or_default();
        Finding {
            id,
            package: package.clone(),
            rating: ratings.worst(&self.rated_by),
            published: self.published,
            fixed: self.fixed,
            images: images.clone(),
            names: self.names,
        }
    }
}

/// The worst rating that any record has for an id: one database rates what another one only names.
struct Ratings<'r>(BTreeMap<&'r str, Rating>);

impl<'r> Ratings<'r> {
    fn new(records: &'r [Record]) -> Self {
        let mut worst = BTreeMap::new();
        for record in records.iter().filter(|record| !record.withdrawn) {
            let Some(rating) = record.rating else {
                continue;
            };
            for name in record.names() {
                let known = worst.entry(name).or_insert(rating);
                *known = rating.max(*known);
            }
        }
        Self(worst)
    }

    fn worst(&self, names: &BTreeSet<String>) -> Option<Rating> {
        names
            .iter()
            .filter_map(|name| self.0.get(name.as_str()).copied())
            .max()
    }
}

/// What nobody can tell, by why.
#[derive(Default)]
struct Untold(BTreeMap<String, BTreeSet<String>>);

impl Untold {
    fn add(&mut self, why: String, what: String) {
        self.0.entry(why).or_default().insert(what);
    }

    fn texts(self) -> Vec<String> {
        let text = |(why, what): (String, BTreeSet<String>)| {
            let first = what.first().map(String::as_str).unwrap_or_default();
            format!("{}: {why} ({first})", what.len())
        };
        self.0.into_iter().map(text).collect()
    }
}
