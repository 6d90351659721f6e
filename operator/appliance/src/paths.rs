//! Where an appliance keeps what: the one home of its folder names.
//!
//! * state (`/var/lib/dmp/<name>`): survives `down` and a reboot: etcd, containerd's images, volumes,
//!   authorities, the administrator's kubeconfig, logs;
//! * runtime (`/run/dmp/<name>`): sockets, process records, configuration and short certificates,
//!   written anew at each start;
//! * cache (`~/.cache/dmp`): built parts and images, shared by all appliances, safe to delete.

use std::{
    fs::{self, Permissions},
    io::Write,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use crate::{
    error::{Error, FileContext, Result},
    options::{Name, Options},
};

const STATE: &str = "/var/lib/dmp";
/// Runtime folders of all appliances.
pub(crate) const RUNTIME: &str = "/run/dmp";

/// The folders of one appliance.
#[derive(Debug, Clone)]
pub struct Paths {
    pub state: PathBuf,
    pub runtime: PathBuf,
}

impl Paths {
    pub fn of(name: &Name) -> Self {
        Self {
            state: Path::new(STATE).join(name.as_str()),
            runtime: Path::new(RUNTIME).join(name.as_str()),
        }
    }

    /// The folder with the state of every appliance of this machine.
    pub fn all_states() -> &'static Path {
        Path::new(STATE)
    }

    /// The administrator's kubeconfig (mode 0600).
    pub fn kubeconfig(&self) -> PathBuf {
        self.state.join("kubeconfig")
    }

    /// The authority of the gateway's certificate, put here by the product's installer.
    pub fn gateway_ca(&self) -> PathBuf {
        self.state.join("gateway-ca.pem")
    }

    /// Authorities and the key that signs service account tokens.
    pub fn authorities(&self) -> PathBuf {
        self.state.join("pki")
    }

    pub fn etcd(&self) -> PathBuf {
        self.state.join("etcd")
    }

    pub fn logs(&self) -> PathBuf {
        self.state.join("logs")
    }

    /// How the nodes reach registries: a folder `<host:port>` each, with containerd's `hosts.toml`.
    pub fn registries(&self) -> PathBuf {
        self.state.join("registries")
    }

    /// Local volumes of a node, one folder each.
    pub fn volumes(&self, node: &str) -> PathBuf {
        self.state.join("volumes").join(node)
    }

    /// Lasting data of a node's programs.
    pub fn node_state(&self, node: &str) -> PathBuf {
        self.state.join("nodes").join(node)
    }

    /// Sockets and configuration of a node's programs.
    pub fn node_runtime(&self, node: &str) -> PathBuf {
        self.runtime.join(node)
    }

    pub fn containerd_socket(&self, node: &str) -> PathBuf {
        self.node_runtime(node).join("containerd.sock")
    }

    /// Records of started processes.
    pub fn processes(&self) -> PathBuf {
        self.runtime.join("processes")
    }

    /// Certificates that last until the next start.
    pub fn certificates(&self) -> PathBuf {
        self.runtime.join("pki")
    }

    /// Configuration of the control plane's programs.
    pub fn config(&self) -> PathBuf {
        self.runtime.join("config")
    }
}

/// The folder of built parts and images.
pub fn cache(options: &Options) -> PathBuf {
    let home = || std::env::home_dir().map(|home| home.join(".cache/dmp"));
    options
        .cache
        .clone()
        .or_else(home)
        .unwrap_or_else(|| PathBuf::from("/var/cache/dmp"))
}

/// The folder of the product's binaries.
pub(crate) fn binaries(options: &Options) -> Result<PathBuf> {
    if let Some(folder) = &options.binaries {
        return Ok(folder.clone());
    }
    let own = std::env::current_exe().map_err(|source| Error::System {
        what: "find the folder of this program",
        source,
    })?;
    Ok(own.parent().unwrap_or(Path::new("/")).to_owned())
}

/// Makes a folder that only root can enter, with its parents.
pub(crate) fn private_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).on("make the folder", path)?;
    fs::set_permissions(path, Permissions::from_mode(0o700)).on("protect", path)
}

/// Copies a file, or a folder with all that is in it, as new files of the caller's.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    if from.is_dir() {
        fs::create_dir_all(to).on("make the folder", to)?;
        for entry in fs::read_dir(from).on("read", from)? {
            let entry = entry.on("read", from)?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    let content = fs::read(from).on("read", from)?;
    fs::write(to, content).on("write", to)
}

/// Writes a file with mode 0600: whole or not at all.
pub(crate) fn write_private(path: &Path, content: impl AsRef<[u8]>) -> Result<()> {
    let draft = path.with_added_extension("new");
    fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)
        .and_then(|mut file| file.write_all(content.as_ref()))
        .on("write", &draft)?;
    fs::rename(&draft, path).on("write", path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_copied_with_all_that_is_in_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(from.join("a/b")).expect("folders");
        fs::write(from.join("a/b/c"), "text").expect("written");
        copy(&from, &to).expect("copied");
        assert_eq!(fs::read_to_string(to.join("a/b/c")).expect("read"), "text");
        assert!(copy(&from.join("none"), &to.join("none")).is_err());
    }
}
