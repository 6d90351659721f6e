//! The packages that a bill of materials (CycloneDX) names, as OSV names them: ecosystem, name, version.
//!
//! OSV knows Debian's *source* packages of one release: a package URL says both (`upstream`, `distro=debian-12`), or nobody can tell.

use std::fmt;

use serde::Deserialize;

use super::order::Version;

/// Where a package comes from. The ones that versions can be compared in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ecosystem {
    Crates,
    Go,
    /// A release: `12`.
    Debian(String),
}

impl Ecosystem {
    /// As OSV writes it: `crates.io`, `Go`, `Debian:12`. `None` for every other one, and for Debian without a release.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once(':') {
            None if text == "crates.io" => Some(Self::Crates),
            None if text == "Go" => Some(Self::Go),
            Some(("Debian", release)) if !release.is_empty() => Some(Self::Debian(release.to_owned())),
            _ => None,
        }
    }

    /// A version of it.
    pub fn version(&self, text: &str) -> Option<Version> {
        match self {
            Self::Crates | Self::Go => Version::semantic(text),
            Self::Debian(_) => Version::debian(text),
        }
    }
}

impl fmt::Display for Ecosystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crates => f.write_str("crates.io"),
            Self::Go => f.write_str("Go"),
            Self::Debian(release) => write!(f, "Debian:{release}"),
        }
    }
}

/// A package, whatever its version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    pub ecosystem: Ecosystem,
    pub name: String,
}

impl Name {
    /// Paths of Go modules are compared without regard to case: some tools write them in small letters.
    pub fn new(ecosystem: Ecosystem, name: &str) -> Self {
        let name = match ecosystem {
            Ecosystem::Go => name.to_lowercase(),
            Ecosystem::Crates | Ecosystem::Debian(_) => name.to_owned(),
        };
        Self { ecosystem, name }
    }

    /// What [`fmt::Display`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let (ecosystem, name) = text.split_once('/')?;
        Some(Self::new(Ecosystem::parse(ecosystem)?, name))
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.ecosystem, self.name)
    }
}

/// One thing in an image.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Package {
    pub name: Name,
    pub version: String,
}

/// Why nobody can say whether a thing in an image is vulnerable.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Unnamed {
    #[error("has no package URL")]
    NoUrl,
    #[error("has a package URL without a version")]
    NoVersion,
    #[error("is of no ecosystem that is compared (crates.io, Go, Debian)")]
    OtherEcosystem,
    #[error(
        "does not say of which release of Debian it is (`distro=debian-12`): export and sign the images again"
    )]
    NoRelease,
}

/// A component of a bill: what it is, or what it calls itself and why that is not enough.
pub type Component = Result<Package, (String, Unnamed)>;

#[derive(Deserialize)]
struct Bill {
    #[serde(default)]
    components: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    name: String,
    #[serde(default)]
    purl: Option<String>,
    #[serde(default)]
    components: Vec<Item>,
}

/// Every component of a bill of materials, those inside of others too. A text that is no bill has none ([`crate::sbom`] refuses it).
pub fn components(sbom: &str) -> Vec<Component> {
    let mut open = serde_json::from_str::<Bill>(sbom).map_or_else(|_| Vec::new(), |bill| bill.components);
    let mut found = Vec::new();
    while let Some(item) = open.pop() {
        let package = match &item.purl {
            Some(purl) => of_url(purl).map_err(|why| (purl.clone(), why)),
            None => Err((item.name, Unnamed::NoUrl)),
        };
        found.push(package);
        open.extend(item.components);
    }
    found.sort();
    found.dedup();
    found
}

/// Of a package URL (ECMA-427): `pkg:type/namespace/name@version?qualifiers#subpath`.
///
/// # Errors
/// [`Unnamed`].
pub fn of_url(purl: &str) -> Result<Package, Unnamed> {
    let text = purl.strip_prefix("pkg:").ok_or(Unnamed::NoUrl)?;
    let text = text.split('#').next().unwrap_or_default();
    let (text, qualifiers) = text.split_once('?').unwrap_or((text, ""));
    let (path, version) = text.rsplit_once('@').ok_or(Unnamed::NoVersion)?;
    let (kind, path) = path.split_once('/').ok_or(Unnamed::NoUrl)?;
    let (path, version) = (decoded(path), decoded(version));
    if version.is_empty() {
        return Err(Unnamed::NoVersion);
    }
    let named = |ecosystem, name: &str, version: String| Package {
        name: Name::new(ecosystem, name),
        version,
    };
    match (kind, path.strip_prefix("debian/")) {
        ("cargo", _) => Ok(named(Ecosystem::Crates, &path, version)),
        ("golang", _) => Ok(named(Ecosystem::Go, &path, version)),
        ("deb", Some(binary)) => {
            let value = |key: &str| {
                let mut pairs = qualifiers.split('&').filter_map(|pair| pair.split_once('='));
                pairs
                    .find(|(name, _)| *name == key)
                    .map(|(_, value)| decoded(value))
            };
            let distro = value("distro").unwrap_or_default();
            let release = distro
                .strip_prefix("debian-")
                .filter(|release| !release.is_empty());
            let ecosystem = Ecosystem::Debian(release.ok_or(Unnamed::NoRelease)?.to_owned());
            // `glibc@2.36-9`, or `glibc` when source and binary have one version; without it they have one name too.
            let upstream = value("upstream").unwrap_or_else(|| binary.to_owned());
            match upstream.split_once('@') {
                Some((source, of_source)) => Ok(named(ecosystem, source, of_source.to_owned())),
                None => Ok(named(ecosystem, &upstream, version)),
            }
        }
        _ => Err(Unnamed::OtherEcosystem),
    }
}

/// Percent-encoding undone; what is not text afterwards stays as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let byte = digits.and_then(|two| u8::from_str_radix(two, 16).ok());
        match byte.filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_url_is_what_osv_calls_it() {
        for (purl, name, version) in [
            ("pkg:cargo/rustls@0.23.1", "crates.io/rustls", "0.23.1"),
            (
                "pkg:golang/github.com/A/b@v2.0.0%2Bincompatible",
                "Go/github.com/a/b",
                "v2.0.0+incompatible",
            ),
            ("pkg:golang/stdlib@1.26.8", "Go/stdlib", "1.26.8"),
            (
                "pkg:deb/debian/libc6@2.36-9%2Bdeb12u14?distro=debian-12&upstream=glibc%402.36-9%2Bdeb12u14",
                "Debian:12/glibc",
                "2.36-9+deb12u14",
            ),
            (
                "pkg:deb/debian/busybox-static@1:1.35.0-4%2Bb1?upstream=busybox%401%3A1.35.0-4&distro=debian-12",
                "Debian:12/busybox",
                "1:1.35.0-4",
            ),
            (
                "pkg:deb/debian/zlib1g@1.2?distro=debian-12&upstream=zlib",
                "Debian:12/zlib",
                "1.2",
            ),
            (
                "pkg:deb/debian/tzdata@2025b?distro=debian-13#x",
                "Debian:13/tzdata",
                "2025b",
            ),
        ] {
            let package = of_url(purl).unwrap();
            assert_eq!(
                (package.name.to_string().as_str(), package.version.as_str()),
                (name, version)
            );
            assert_eq!(Name::parse(name), Some(package.name));
        }
        for (purl, why) in [
            ("", Unnamed::NoUrl),
            ("pkg:cargo@1", Unnamed::NoUrl),
            ("pkg:cargo/a", Unnamed::NoVersion),
            ("pkg:cargo/a@", Unnamed::NoVersion),
            ("pkg:npm/a@1", Unnamed::OtherEcosystem),
            ("pkg:deb/ubuntu/a@1?distro=ubuntu-24.04", Unnamed::OtherEcosystem),
            ("pkg:deb/debian/libc6@2.36-9", Unnamed::NoRelease),
            ("pkg:deb/debian/libc6@2.36-9?distro=debian-", Unnamed::NoRelease),
            ("pkg:deb/debian/libc6@2.36-9?distro=bookworm", Unnamed::NoRelease),
        ] {
            assert_eq!(of_url(purl), Err(why), "{purl}");
        }
        assert_eq!(decoded("%e9%"), "%e9%");
    }

    #[test]
    fn a_bill_gives_every_component_those_inside_too() {
        let bill = r#"{"components":[
            {"type":"library","name":"a","purl":"pkg:cargo/a@1.0.0","components":[{"name":"b","purl":"pkg:cargo/b@1.0.0"}]},
            {"type":"library","name":"c"},{"name":"a","purl":"pkg:cargo/a@1.0.0"}]}"#;
        let found = components(bill);
        let names: Vec<String> = found.iter().flatten().map(|one| one.name.to_string()).collect();
        assert_eq!(names, ["crates.io/a", "crates.io/b"]);
        assert_eq!(found.last(), Some(&Err(("c".to_owned(), Unnamed::NoUrl))));
        assert_eq!(components("no bill"), []);
    }

    #[test]
    fn ecosystems_that_cannot_be_compared_are_none() {
        for text in ["npm", "Debian", "Debian:", "Ubuntu:24.04", "crates.io:1", ""] {
            assert_eq!(Ecosystem::parse(text), None, "{text}");
        }
        assert_eq!(
            Ecosystem::parse("Debian:12"),
            Some(Ecosystem::Debian("12".to_owned()))
        );
    }
}
