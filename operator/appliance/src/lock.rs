//! One command at a time on one appliance.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use crate::{
    error::{Error, FileContext, Result},
    options::Name,
};

/// Held by a command that changes an appliance; ends with the process at the latest.
pub(crate) struct Lock(#[expect(dead_code, reason = "the open file is the lock")] File);

impl Lock {
    /// Takes the lock or refuses at once.
    pub fn take(name: &Name) -> Result<Self> {
        Self::at(name, Path::new("/run/dmp"))
    }

    fn at(name: &Name, folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).on("make the folder", folder)?;
        let path: PathBuf = folder.join(format!("{name}.lock"));
        let file = File::create(&path).on("open", &path)?;
        match file.try_lock() {
            Ok(()) => Ok(Self(file)),
            Err(fs::TryLockError::WouldBlock) => Err(Error::Busy {
                name: name.to_string(),
            }),
            Err(fs::TryLockError::Error(error)) => Err(error).on("lock", path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_command_is_refused_until_the_first_ends() {
        let folder = tempfile::tempdir().expect("a folder");
        let name: Name = "dmp".parse().expect("a name");
        let first = Lock::at(&name, folder.path()).expect("the lock");
        let error = Lock::at(&name, folder.path()).err().expect("a refusal");
        assert_eq!(error.code(), "appliance-busy");
        drop(first);
        assert!(Lock::at(&name, folder.path()).is_ok());
    }
}
