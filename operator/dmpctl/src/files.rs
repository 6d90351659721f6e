//! Files of the person who runs the command: texts that are given, and secrets that are written.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use crate::error::{CliError, Result};

/// A text.
///
/// # Errors
/// `file`.
pub fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|source| CliError::file(path, source))
}

/// A file that only its owner reads. Written beside and moved: a full disk leaves no half of a secret, and takes none away.
///
/// # Errors
/// `file`.
pub fn write_secret(path: &Path, text: &str) -> Result<()> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(".draft");
    let _ = std::fs::remove_file(&draft);
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&draft, path))
        .map_err(|source| CliError::file(path, source))
}
