//! Root file systems from Debian packages: the C library for Rust programs, and PostgreSQL.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::Store;
use super::materials::{Component, of_debian};
use crate::{
    digest::key,
    error::{Error, FileContext, Result},
    shell::{program, run},
};

/// What a dynamically linked Rust program needs, from the release that this machine runs: its
/// programs were linked against that C library.
const BASE_PACKAGES: [&str; 4] = ["libc6", "libgcc-s1", "ca-certificates", "tzdata"];

/// Not needed at run time.
const BASE_WITHOUT: [&str; 4] = ["usr/share/doc", "usr/share/lintian", "usr/share/man", "usr/sbin"];

/// The Debian release of the PostgreSQL image, and what package URLs call it.
const POSTGRESQL_RELEASE: &str = "bookworm";
const POSTGRESQL_DISTRO: &str = "debian-12";

/// Of each package its name and version, and those of the source that it was made from: known vulnerabilities are of sources.
const WITH_SOURCE: &str = r"${Package} ${Version} ${source:Package} ${source:Version}\n";

/// Files of packages that nobody reads in a container. The compiler for queries (LLVM, 120 MB) does
/// not pay for short ones and PostgreSQL works without.
const POSTGRESQL_WITHOUT: [&str; 8] = [
    "/usr/share/doc/*",
    "/usr/share/man/*",
    "/usr/share/locale/*",
    "/usr/lib/*/libLLVM*",
    "/usr/lib/*/libz3*",
    "/usr/lib/llvm-*",
    "/usr/lib/postgresql/15/lib/bitcode*",
    "/usr/lib/postgresql/15/lib/llvmjit*",
];

/// Otherwise a folder in the image would belong to a user of this machine.
const POSTGRESQL_APT: &str = r#"APT::Sandbox::User "root""#;

/// CloudNativePG runs PostgreSQL as user and group 26 (Debian gives 26 to `tape`).
const POSTGRESQL_PREPARE: [&str; 3] = [
    r#"mkdir -p "$1/etc/postgresql-common" && echo "create_main_cluster = false" > "$1/etc/postgresql-common/createcluster.conf""#,
    r#"sed -i /^tape:/d "$1/etc/group""#,
    r#"echo "postgres:x:26:26::/var/lib/postgresql:/bin/sh" >> "$1/etc/passwd" && echo "postgres:x:26:" >> "$1/etc/group""#,
];

/// Perl serves Debian's own cluster tools, which CloudNativePG replaces; the key of the package
/// `ssl-cert` must not be everybody's.
const POSTGRESQL_FINISH: &str = r#"cd "$1" && rm -rf usr/share/perl usr/share/perl5 usr/lib/*/perl usr/lib/*/perl5 usr/lib/*/perl-base usr/bin/perl* var/lib/apt var/cache/* var/log/* usr/share/postgresql-common usr/share/postgresql/15/man etc/ssl/private/* etc/ssl/certs/ssl-cert-snakeoil.pem"#;

/// Names and versions of what [`base_layer`] is made from, a line each.
pub(super) async fn base_packages() -> Result<String> {
    installed(&BASE_PACKAGES, r"${Package} ${Version}\n").await
}

/// What is in [`base_layer`].
pub(super) async fn base_components() -> Result<Vec<Component>> {
    components(&BASE_PACKAGES).await
}

/// These packages as this machine has them.
pub(super) async fn components(packages: &[&str]) -> Result<Vec<Component>> {
    let path = Path::new("/etc/os-release");
    let text = fs::read_to_string(path).on("read", path)?;
    let table = installed(packages, WITH_SOURCE).await?;
    Ok(of_debian(&table, &distro(&text)))
}

/// `debian-12` of os-release(5); a release that has no number yet has none here.
fn distro(os_release: &str) -> String {
    let value = |name: &str| {
        let mut fields = os_release.lines().filter_map(|line| line.split_once('='));
        let found = fields.find(|(key, _)| *key == name);
        found.map_or("", |(_, value)| value.trim().trim_matches('"'))
    };
    match (value("ID"), value("VERSION_ID")) {
        ("", _) | (_, "") => String::new(),
        (id, version) => format!("{id}-{version}"),
    }
}

/// These packages as this machine has them, a line each.
async fn installed(packages: &[&str], format: &str) -> Result<String> {
    let mut command = program("dpkg-query");
    command
        .args(["--show", &format!("--showformat={format}")])
        .args(packages);
    run("ask for the versions of packages", &mut command).await
}

/// A tar with the C library, certificates and time zones; cached by the versions of the packages.
pub(super) async fn base_layer(store: &Store<'_>) -> Result<PathBuf> {
    let versions = base_packages().await?;
    let without = BASE_WITHOUT.join(" ");
    let layer = store.file("debian-base", &key([versions.as_str(), without.as_str()]), "tar");
    if layer.exists() {
        return Ok(layer);
    }
    let step = store.progress.step("make the base layer");
    let work = store.folder.join(".debian-base");
    let root = work.join("root");
    remove_tree(&work)?;
    fs::create_dir_all(&root).on("make the folder", &root)?;

    step.at("fetching packages");
    run(
        "read the package lists (apt-get update)",
        program("apt-get").arg("update"),
    )
    .await?;
    run(
        "fetch packages",
        program("apt-get")
            .args(["--option", "APT::Sandbox::User=root", "download"])
            .args(BASE_PACKAGES)
            .current_dir(&work),
    )
    .await?;
    for entry in fs::read_dir(&work).on("read", &work)?.flatten() {
        if entry.path().extension().is_some_and(|kind| kind == "deb") {
            run(
                "unpack a package",
                program("dpkg-deb").arg("--extract").args([&entry.path(), &root]),
            )
            .await?;
        }
    }
    for folder in BASE_WITHOUT {
        remove_tree(&root.join(folder))?;
    }
    certificates(&root)?;

    let draft = layer.with_extension("new");
    run(
        "write the base layer",
        program("tar")
            .args(["--create", "--sort=name", "--mtime=@0", "--numeric-owner"])
            .args(["--owner=0", "--group=0", "--file"])
            .arg(&draft)
            .arg("--directory")
            .arg(&root)
            .arg("."),
    )
    .await?;
    fs::rename(&draft, &layer).on("write", &layer)?;
    remove_tree(&work)?;
    step.done();
    Ok(layer)
}

/// Joins the authorities into the one file that TLS libraries look for. (Debian does so when the
/// package is configured, which nothing does here.)
fn certificates(root: &Path) -> Result<()> {
    let source = root.join("usr/share/ca-certificates/mozilla");
    let mut files: Vec<PathBuf> = fs::read_dir(&source)
        .on("read", &source)?
        .flatten()
        .map(|entry| entry.path())
        .collect();
    files.sort();
    let mut bundle = Vec::new();
    for file in files {
        bundle.extend(fs::read(&file).on("read", file)?);
    }
    let folder = root.join("etc/ssl/certs");
    fs::create_dir_all(&folder).on("make the folder", &folder)?;
    let target = folder.join("ca-certificates.crt");
    fs::write(&target, bundle).on("write", target)
}

/// What decides the content of [`postgresql_layer`].
pub(super) fn postgresql_key() -> String {
    key([POSTGRESQL_RELEASE, POSTGRESQL_APT, POSTGRESQL_FINISH]
        .into_iter()
        .chain(POSTGRESQL_WITHOUT)
        .chain(POSTGRESQL_PREPARE))
}

/// Debian's PostgreSQL 15.
pub(super) struct PostgresqlLayer {
    /// A tar.
    pub tar: PathBuf,
    /// `15.14`
    pub version: String,
    /// The packages in it.
    pub packages: Vec<Component>,
}

pub(super) async fn postgresql_layer(store: &Store<'_>) -> Result<PostgresqlLayer> {
    let work = store.folder.join(".postgresql");
    remove_tree(&work)?;
    fs::create_dir_all(&work).on("make the folder", &work)?;
    let layer = work.join("layer.tar");
    let version = work.join("version");
    let packages = work.join("packages");

    let mut command = program("mmdebstrap");
    command
        .env("SOURCE_DATE_EPOCH", "1")
        .env("TMPDIR", &work)
        .args(["--quiet", "--mode=root", "--variant=essential"])
        .args(["--format=tar", "--include=postgresql-15"]);
    command.arg(format!("--aptopt={POSTGRESQL_APT}"));
    for pattern in POSTGRESQL_WITHOUT {
        command.arg(format!("--dpkgopt=path-exclude={pattern}"));
    }
    for hook in POSTGRESQL_PREPARE {
        command.arg(format!("--essential-hook={hook}"));
    }
    command
        .arg(format!(
            r#"--customize-hook=chroot "$1" dpkg-query --show --showformat '${{Version}}' postgresql-15 > '{}'"#,
            version.display()
        ))
        .arg(format!(
            r#"--customize-hook=chroot "$1" dpkg-query --show --showformat '{WITH_SOURCE}' > '{}'"#,
            packages.display()
        ))
        .arg(format!("--customize-hook={POSTGRESQL_FINISH}"))
        .arg(POSTGRESQL_RELEASE)
        .arg(&layer);
    run("make the root file system of PostgreSQL", &mut command).await?;

    let text = fs::read_to_string(&version).on("read", &version)?;
    let version = upstream_version(&text).ok_or_else(|| Error::Damaged {
        path: version,
        detail: format!("`{text}` is no version of PostgreSQL"),
    })?;
    let packages = fs::read_to_string(&packages).on("read", &packages)?;
    Ok(PostgresqlLayer {
        tar: layer,
        version,
        packages: of_debian(&packages, POSTGRESQL_DISTRO),
    })
}

/// `15.14` of Debian's `15.14-0+deb12u1`.
fn upstream_version(debian: &str) -> Option<String> {
    let (upstream, _) = debian.trim().split_once('-')?;
    let is_version = upstream
        .split('.')
        .all(|number| !number.is_empty() && number.chars().all(|c| c.is_ascii_digit()));
    is_version.then(|| upstream.to_owned())
}

/// Removes a folder that may not exist.
pub(super) fn remove_tree(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).on("remove", folder)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_release_is_what_package_urls_call_it() {
        let text = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nVERSION_ID=\"12\"\nID=debian\n";
        assert_eq!(distro(text), "debian-12");
        assert_eq!(distro("ID=debian\nNAME=sid\n"), "");
        assert_eq!(distro(""), "");
    }

    #[test]
    fn the_upstream_version_is_what_cloudnativepg_can_read() {
        assert_eq!(upstream_version("15.14-0+deb12u1\n").as_deref(), Some("15.14"));
        assert_eq!(upstream_version("15.14"), None);
        assert_eq!(upstream_version("15beta1-1"), None);
    }
}
