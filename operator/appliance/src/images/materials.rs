//! The papers of an image: what is in it (a bill of materials, CycloneDX 1.6) and from what it was made (an in-toto Statement v1
//! with SLSA provenance v1). Nothing of the moment goes in: the same image has the same papers.
//!
//! They say what the build knows: modules that Go wrote into its programs, packages that Debian installed, crates of the lock file
//! (with those that tests alone need). Who believes them signs them (`dmpctl images sign`). Not here: the image itself (`oci`).

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use serde::Deserialize;
use serde_json::{Value, json};

use super::oci::architecture;
use crate::{
    error::{Error, Result},
    shell::{program, run},
};

/// The lock file of the build that this program is of.
const LOCK: &str = include_str!("../../../../Cargo.lock");
/// How an image is made here (SLSA: `buildType`).
const BUILD_TYPE: &str = "https://dmp.ma/build/appliance-image/v1";
/// What makes it.
const BUILDER: &str = concat!("https://dmp.ma/build/dmpctl@", env!("CARGO_PKG_VERSION"));

/// One thing in an image.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Component {
    /// Type of a package URL: `cargo`, `golang`, `deb/debian`.
    kind: &'static str,
    name: String,
    version: String,
    /// Of the package URL, as they are written there; empty without any.
    qualifiers: String,
}

impl Component {
    fn new(kind: &'static str, name: &str, version: &str) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            version: version.to_owned(),
            qualifiers: String::new(),
        }
    }

    /// Package URL (ECMA-427).
    fn purl(&self) -> String {
        let mark = if self.qualifiers.is_empty() { "" } else { "?" };
        format!(
            "pkg:{}/{}@{}{mark}{}",
            self.kind,
            self.name,
            encoded(&self.version),
            self.qualifiers
        )
    }
}

/// A `+` is written as `%2B`: some readers take it for a blank.
fn encoded(text: &str) -> String {
    text.replace('+', "%2B")
}

/// An image, as its papers name it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    pub name: &'a str,
    pub version: &'a str,
    /// SHA-256 of its manifest, hex.
    pub digest: &'a str,
}

/// CycloneDX 1.6.
pub(super) fn bill(subject: Subject<'_>, components: &[Component]) -> Value {
    let Subject {
        name,
        version,
        digest,
    } = subject;
    let list: BTreeSet<&Component> = components.iter().collect();
    let list: Vec<Value> = list
        .into_iter()
        .map(|one| json!({ "type": "library", "name": one.name, "version": one.version, "purl": one.purl() }))
        .collect();
    json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": { "component": {
            "type": "container", "name": name, "version": version,
            "purl": format!("pkg:oci/{name}@sha256%3A{digest}?arch={}", architecture()),
        } },
        "components": list,
    })
}

/// SLSA provenance v1. `ingredients`: what decides the content, as the build cache knows it.
pub(super) fn provenance(subject: Subject<'_>, ingredients: &[(&str, &str)]) -> Value {
    let dependencies: Vec<Value> = ingredients
        .iter()
        .map(|(name, value)| json!({ "name": name, "annotations": { "key": value } }))
        .collect();
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{ "name": subject.name, "digest": { "sha256": subject.digest } }],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": { "image": subject.name, "version": subject.version },
                "internalParameters": { "architecture": architecture() },
                "resolvedDependencies": dependencies,
            },
            "runDetails": { "builder": { "id": BUILDER } },
        },
    })
}

/// What Go linked into a program, as the program itself says.
pub(super) async fn of_go(file: &Path) -> Result<Vec<Component>> {
    let table = run(
        &format!("read the modules of `{}`", file.display()),
        program("go").args(["version", "-m"]).arg(file),
    )
    .await?;
    let found = modules(&table);
    if found.is_empty() {
        return Err(Error::Damaged {
            path: file.to_owned(),
            detail: "no Go module is named in it".to_owned(),
        });
    }
    Ok(found)
}

/// The table of `go version -m`; a replaced module is what it was replaced by.
fn modules(table: &str) -> Vec<Component> {
    let mut found = Vec::new();
    let first = table.lines().next().and_then(|line| line.rsplit_once(": go"));
    if let Some((_, version)) = first {
        found.push(Component::new("golang", "stdlib", version.trim()));
    }
    for line in table.lines().skip(1) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [what, path, version, ..] = fields.as_slice() else {
            continue;
        };
        match *what {
            "mod" | "dep" => found.push(Component::new("golang", path, version)),
            "=>" => {
                found.pop();
                found.push(Component::new("golang", path, version));
            }
            _ => {}
        }
    }
    found
}

/// `name version source source-version` in each line, as `dpkg-query` prints them; `distro` as package URLs call the release
/// (`debian-12`), empty for one without a number.
pub(super) fn of_debian(table: &str, distro: &str) -> Vec<Component> {
    let mut found = Vec::new();
    for line in table.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [name, version, source, of_source] = fields.as_slice() else {
            continue;
        };
        let of_source = encoded(of_source).replace(':', "%3A");
        let mut component = Component::new("deb/debian", name, version);
        component.qualifiers = format!("upstream={source}%40{of_source}");
        if !distro.is_empty() {
            component.qualifiers.insert_str(0, &format!("distro={distro}&"));
        }
        found.push(component);
    }
    found
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    #[serde(default)]
    dependencies: Vec<String>,
}

/// The crates that these packages of the workspace are made from, and themselves.
pub(super) fn of_cargo(roots: &[&str]) -> Result<Vec<Component>> {
    crates(LOCK, roots)
}

fn crates(lock: &str, roots: &[&str]) -> Result<Vec<Component>> {
    let damaged = |detail: String| Error::Damaged {
        path: "Cargo.lock".into(),
        detail,
    };
    let lock: Lock = toml::from_str(lock).map_err(|error| damaged(error.to_string()))?;
    let mut by_name = BTreeMap::<&str, Vec<&Package>>::new();
    for package in &lock.package {
        by_name.entry(&package.name).or_default().push(package);
    }
    let mut wanted: Vec<&str> = roots.to_vec();
    let mut found = BTreeSet::new();
    while let Some(reference) = wanted.pop() {
        // `name`, or `name version` where there are several.
        let mut parts = reference.split(' ');
        let (name, version) = (parts.next().unwrap_or_default(), parts.next());
        let mut fitting = by_name.get(name).into_iter().flatten();
        let package = fitting
            .find(|package| version.is_none_or(|version| version == package.version))
            .ok_or_else(|| damaged(format!("it has no package `{reference}`")))?;
        if found.insert(Component::new("cargo", &package.name, &package.version)) {
            wanted.extend(package.dependencies.iter().map(String::as_str));
        }
    }
    Ok(found.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUBJECT: Subject<'_> = Subject {
        name: "thing",
        version: "1.2",
        digest: "abc",
    };

    fn purls(components: &[Component]) -> Vec<String> {
        components.iter().map(Component::purl).collect()
    }

    #[test]
    fn a_go_program_says_what_is_in_it() {
        let table = "/bin/bao: go1.26.1\n\tpath\tgithub.com/a/b\n\tmod\tgithub.com/a/b\tv2.0.0+x\t\n\
                     \tdep\tgolang.org/x/old\tv1.0.0\th1:abc=\n\t=>\tgolang.org/x/new\tv1.0.1\th1:def=\n\tbuild\t-tags=x\n";
        assert_eq!(
            purls(&modules(table)),
            [
                "pkg:golang/stdlib@1.26.1",
                "pkg:golang/github.com/a/b@v2.0.0%2Bx",
                "pkg:golang/golang.org/x/new@v1.0.1"
            ]
        );
        assert!(modules("/bin/sh: not executable file\n").is_empty());
    }

    #[test]
    fn crates_are_those_that_the_program_is_made_from() {
        let lock = r#"
            [[package]]
            name = "dmp"
            version = "0.1.0"
            dependencies = ["a", "b 2.0.0"]
            [[package]]
            name = "a"
            version = "1.0.0"
            dependencies = ["dmp"]
            [[package]]
            name = "b"
            version = "1.0.0"
            [[package]]
            name = "b"
            version = "2.0.0"
            [[package]]
            name = "unused"
            version = "1.0.0"
        "#;
        let found = crates(lock, &["dmp"]).expect("a lock file");
        assert_eq!(
            purls(&found),
            ["pkg:cargo/a@1.0.0", "pkg:cargo/b@2.0.0", "pkg:cargo/dmp@0.1.0"]
        );
        assert!(crates(lock, &["none"]).is_err());
        assert!(crates("[[package", &["dmp"]).is_err());
        let own = purls(&of_cargo(&["dmp", "dmp-operator"]).expect("the lock file of this build"));
        assert!(own.iter().any(|purl| purl.starts_with("pkg:cargo/rustls@")));
    }

    #[test]
    fn papers_name_their_image_and_are_the_same_each_time() {
        let line = "libc6 2.36-9+deb12u13 glibc 2.36-9+deb12u13\n";
        let table = format!("{line}{line}busybox-static 1:1.35.0-4+b1 busybox 1:1.35.0-4\n\n");
        let components = of_debian(&table, "debian-12");
        let bill = bill(SUBJECT, &components);
        assert_eq!(bill["components"].as_array().map(Vec::len), Some(2));
        assert_eq!(
            bill["components"][1]["purl"],
            "pkg:deb/debian/libc6@2.36-9%2Bdeb12u13?distro=debian-12&upstream=glibc%402.36-9%2Bdeb12u13"
        );
        let of_no_release = of_debian(&table, "");
        assert_eq!(
            of_no_release.last().map(Component::purl).as_deref(),
            Some("pkg:deb/debian/busybox-static@1:1.35.0-4%2Bb1?upstream=busybox%401%3A1.35.0-4")
        );
        let named = bill["metadata"]["component"]["purl"].as_str().unwrap_or_default();
        assert!(named.starts_with("pkg:oci/thing@sha256%3Aabc"), "{named}");
        let made = provenance(SUBJECT, &[("base", "k1")]);
        assert_eq!(made["subject"][0]["digest"]["sha256"], "abc");
        assert_eq!(
            made["predicate"]["buildDefinition"]["resolvedDependencies"][0]["name"],
            "base"
        );
    }
}
