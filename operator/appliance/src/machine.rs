//! What the machine must offer, checked before anything is changed, and the Debian packages that
//! are installed when missing.
//!
//! Each check refuses with the one thing a person has to do. Addresses are checked by `network`.

use std::{fs, path::Path};

use crate::{
    error::{Error, FileContext, Result},
    progress::Progress,
    shell::{find, program, run},
};

/// The oldest Go that builds every part: the highest `go` line of the modules in `parts/`.
const GO_NEEDED: [u32; 3] = [1, 26, 4];

/// Space for parts, images, etcd and the first volumes.
const DISK_NEEDED_GIB: u64 = 10;

/// Programs that come from Debian, and their packages.
const PACKAGES: &[(&str, &str)] = &[
    ("runc", "runc"),
    ("ip", "iproute2"),
    ("nft", "nftables"),
    ("iptables", "iptables"),
    ("clang-19", "clang-19"),
    ("conntrack", "conntrack"),
    ("socat", "socat"),
    ("mmdebstrap", "mmdebstrap"),
    ("busybox", "busybox-static"),
    ("strip", "binutils"),
    ("pip3", "python3-pip"),
    ("nsenter", "util-linux"),
    ("sysctl", "procps"),
];

/// Refuses unless the caller is root.
pub(crate) fn require_root() -> Result<()> {
    if rustix::process::geteuid().is_root() {
        Ok(())
    } else {
        Err(Error::NotRoot)
    }
}

/// Refuses when Go is missing or too old; returns its version, `go1.26.4`.
pub(crate) async fn require_go() -> Result<String> {
    let missing = || Error::GoMissing {
        needed: dotted(GO_NEEDED),
    };
    let output = program("go")
        .args(["env", "GOVERSION"])
        .current_dir("/")
        .output()
        .await
        .map_err(|_| missing())?;
    let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match go_version(&version) {
        None => Err(missing()),
        Some(found) if found < GO_NEEDED => Err(Error::GoTooOld {
            found: dotted(found),
            needed: dotted(GO_NEEDED),
        }),
        Some(_) => Ok(version),
    }
}

/// Reads `go1.26.4`, `go1.27` or `go1.27rc1`.
fn go_version(text: &str) -> Option<[u32; 3]> {
    let mut version = [0; 3];
    for (place, number) in version.iter_mut().zip(text.strip_prefix("go")?.split('.')) {
        let digits: String = number.chars().take_while(char::is_ascii_digit).collect();
        *place = digits.parse().ok()?;
    }
    Some(version)
}

fn dotted(version: [u32; 3]) -> String {
    version.map(|number| number.to_string()).join(".")
}

/// Refuses when the file system of `path` (or of its first existing parent) is nearly full.
pub(crate) fn require_disk(path: &Path) -> Result<()> {
    let existing = path
        .ancestors()
        .find(|ancestor| ancestor.exists())
        .unwrap_or(Path::new("/"));
    let system = rustix::fs::statvfs(existing).on("look at the disk of", existing)?;
    let free_gib = (system.f_bavail * system.f_frsize) >> 30;
    if free_gib < DISK_NEEDED_GIB {
        return Err(Error::DiskFull {
            path: existing.to_owned(),
            free_gib,
            needed_gib: DISK_NEEDED_GIB,
        });
    }
    Ok(())
}

/// Refuses when the kernel cannot run a node. Call after [`install_packages`].
pub(crate) async fn require_kernel() -> Result<()> {
    let known = fs::read_to_string("/proc/filesystems").on("read", "/proc/filesystems")?;
    if !known.lines().any(|line| line.trim().ends_with("overlay")) {
        let loaded = program("modprobe").arg("overlay").output().await;
        if !loaded.is_ok_and(|output| output.status.success()) {
            return Err(Error::KernelFeature {
                feature: "the overlay file system",
            });
        }
    }
    for (file, feature) in [
        ("/proc/self/ns/net", "network namespaces"),
        ("/proc/self/ns/pid", "process namespaces"),
        ("/proc/self/cgroup", "control groups"),
    ] {
        if !Path::new(file).exists() {
            return Err(Error::KernelFeature { feature });
        }
    }
    run("list nftables", program("nft").args(["list", "tables"]))
        .await
        .map_err(|_| Error::KernelFeature { feature: "nftables" })?;
    Ok(())
}

/// Installs the Debian packages whose programs are missing.
pub(crate) async fn install_packages(progress: &Progress) -> Result<()> {
    let missing: Vec<&str> = PACKAGES
        .iter()
        .filter(|(name, _)| find(name).is_none())
        .map(|(_, package)| *package)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let step = progress.step("Debian packages");
    step.at(missing.join(" "));
    if find("apt-get").is_none() {
        return Err(Error::NotDebian {
            missing: missing.join(" "),
        });
    }
    run(
        "read the package lists (apt-get update)",
        program("apt-get").arg("update"),
    )
    .await?;
    run(
        &format!("install the packages {}", missing.join(" ")),
        program("apt-get")
            .args(["install", "--yes", "--no-install-recommends"])
            .args(&missing)
            .env("DEBIAN_FRONTEND", "noninteractive"),
    )
    .await?;
    step.done_with(format!("installed {}", missing.join(" ")));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_versions_compare_by_number() {
        assert_eq!(go_version("go1.26.8"), Some([1, 26, 8]));
        assert_eq!(go_version("go1.27rc1"), Some([1, 27, 0]));
        assert_eq!(go_version("devel +abc"), None);
        assert!(go_version("go1.9.7") < Some(GO_NEEDED));
        assert!(go_version("go1.100") > Some(GO_NEEDED));
    }

    #[test]
    fn a_full_disk_is_refused_by_name() {
        // /proc has no room by nature.
        let error = require_disk(Path::new("/proc")).expect_err("no room in /proc");
        assert_eq!(error.code(), "appliance-disk-full");
        assert!(error.to_string().contains("0 GiB free"));
    }
}
