//! What leaves the cluster for the person who installs: recovery shares and the root CA, in files of theirs alone.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use crate::error::{CliError, Result};
use crate::files::write_secret;

const README: &str = "\
What is in this folder exists nowhere else. Take it off this machine, each share to another person.

recovery-share-1.txt … 3.txt  two of the three authorise a new root token of OpenBao (`bao operator generate-root`),
                              when rights have to be repaired or the demonstration added later
root-ca.key, root-ca.crt      the root of all certificates of this platform; its key signs the next intermediates
                              (in 5 years, or after a compromise). OpenBao has the certificate only.
";

/// The folder of one OpenBao.
pub struct Custody {
    folder: PathBuf,
}

impl Custody {
    /// The folder for this OpenBao below `base`, made when it is missing (mode 0700).
    ///
    /// # Errors
    /// `file`.
    pub fn open(base: &Path, cluster_id: &str) -> Result<Self> {
        let id: String = cluster_id
            .chars()
            .filter(char::is_ascii_hexdigit)
            .take(8)
            .collect();
        let folder = base.join(format!("openbao-{id}"));
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(|source| CliError::file(&folder, source))?;
        Ok(Self { folder })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn has_shares(&self) -> bool {
        self.share_path(1).exists()
    }

    fn share_path(&self, number: usize) -> PathBuf {
        self.folder.join(format!("recovery-share-{number}.txt"))
    }

    /// # Errors
    /// `file`.
    pub fn write_shares(&self, shares: &[String]) -> Result<()> {
        // The first is the mark that all are there: it is written last.
        for (index, share) in shares.iter().enumerate().rev() {
            write_secret(&self.share_path(index + 1), &format!("{share}\n"))?;
        }
        write_secret(&self.folder.join("README.txt"), README)
    }

    /// # Errors
    /// `file`.
    pub fn write_root(&self, certificate: &str, key: &str) -> Result<()> {
        write_secret(&self.folder.join("root-ca.key"), &format!("{}\n", key.trim_end()))?;
        write_secret(
            &self.folder.join("root-ca.crt"),
            &format!("{}\n", certificate.trim_end()),
        )
    }
}

/// Where custody folders are by default: `$XDG_DATA_HOME/dmp/custody` or `~/.local/share/dmp/custody`.
///
/// # Errors
/// `no-home` when neither variable is set.
pub fn default_base() -> Result<PathBuf> {
    let data = std::env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/share")));
    data.map(|data| data.join("dmp/custody")).ok_or_else(|| {
        CliError::new(
            "no-home",
            "there is no home directory for recovery shares and root CA",
            "name a directory with --custody",
        )
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn files_are_for_their_owner_alone() {
        let base = tempfile::tempdir().unwrap();
        let custody = Custody::open(base.path(), "b68c1f4e-aa").unwrap();
        assert!(custody.folder().ends_with("openbao-b68c1f4e"));
        assert!(!custody.has_shares());
        custody
            .write_shares(&["a".into(), "b".into(), "c".into()])
            .unwrap();
        custody.write_root("cert", "key").unwrap();
        assert!(custody.has_shares());
        for entry in std::fs::read_dir(custody.folder()).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(
                entry.metadata().unwrap().permissions().mode() & 0o777,
                0o600,
                "{:?}",
                entry.file_name()
            );
        }
        let mode = std::fs::metadata(custody.folder()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
