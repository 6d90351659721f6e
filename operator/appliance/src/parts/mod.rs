//! The pinned programs that a node and its images are made of, built or fetched once per version.
//!
//! A part is a folder `<cache>/parts/<name>-<key>` with `bin/` and sometimes `share/`; the key is a
//! hash of everything that goes in: sources of the module, Go's version, flags. A part appears whole
//! or not at all (made elsewhere, then renamed), so an interrupted build is simply begun again.
//!
//! To add a part: a Go module in `operator/appliance/parts/<name>`, an entry in `recipes`.

mod build;
mod recipes;

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    error::{FileContext, Result},
    progress::Progress,
};

pub(crate) use build::lock;

/// Where every part lies once [`ensure`] has run.
#[derive(Debug, Clone)]
pub struct Parts {
    pub kubernetes: Part,
    pub etcd: Part,
    pub containerd: Part,
    pub cni: Part,
    pub(crate) cilium: Part,
    pub(crate) pause: Part,
    pub(crate) coredns: Part,
    pub(crate) local_path_provisioner: Part,
    pub(crate) cloudnative_pg: Part,
    /// The static `bao`; tests start it as a process.
    pub openbao: Part,
    /// A registry of images; tests start it as a process.
    pub registry: Part,
}

/// One built part.
#[derive(Debug, Clone)]
pub struct Part {
    /// As in the go.mod or the package index, without a leading `v`.
    pub version: &'static str,
    pub folder: PathBuf,
}

impl Part {
    /// Names the content: changes with whatever goes into the part.
    pub(crate) fn key(&self) -> String {
        let name = self.folder.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }

    /// Folder of the part's programs.
    pub fn bin(&self) -> PathBuf {
        self.folder.join("bin")
    }

    /// One of the part's programs.
    pub fn program(&self, name: &str) -> PathBuf {
        self.bin().join(name)
    }

    /// A file of the part that is no program.
    pub(crate) fn share(&self, name: &str) -> PathBuf {
        self.folder.join("share").join(name)
    }
}

/// Builds what is missing from the cache. `go` is Go's version, as `machine::require_go` gives it.
pub(crate) async fn ensure(cache: &Path, go: &str, progress: &Progress) -> Result<Parts> {
    let folder = cache.join("parts");
    fs::create_dir_all(&folder).on("make the folder", &folder)?;
    let _lock = lock(&folder).await?;
    let go = async |recipe| build::go(&folder, go, recipe, progress).await;
    // One after the other: each build uses all processors by itself.
    Ok(Parts {
        openbao: build::wheel(&folder, &recipes::OPENBAO, progress).await?,
        containerd: go(&recipes::CONTAINERD).await?,
        cni: go(&recipes::CNI).await?,
        etcd: go(&recipes::ETCD).await?,
        pause: go(&recipes::PAUSE).await?,
        registry: go(&recipes::REGISTRY).await?,
        local_path_provisioner: go(&recipes::LOCAL_PATH_PROVISIONER).await?,
        coredns: go(&recipes::COREDNS).await?,
        cloudnative_pg: go(&recipes::CLOUDNATIVE_PG).await?,
        cilium: go(&recipes::CILIUM).await?,
        kubernetes: go(&recipes::KUBERNETES).await?,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Parts that are nowhere, for texts that name them.
    pub(crate) fn parts() -> Parts {
        let part = |name: &str| Part {
            version: "1",
            folder: Path::new("/parts").join(name),
        };
        Parts {
            kubernetes: part("kubernetes"),
            etcd: part("etcd"),
            containerd: part("containerd"),
            cni: part("cni"),
            cilium: part("cilium"),
            pause: part("pause"),
            coredns: part("coredns"),
            local_path_provisioner: part("local-path-provisioner"),
            cloudnative_pg: part("cloudnative-pg"),
            openbao: part("openbao"),
            registry: part("registry"),
        }
    }
}
