//! Files of the person who runs the command: texts and hashes of what is given, and secrets that are written.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use aws_lc_rs::digest;

use crate::error::{CliError, Result};

/// A text.
///
/// # Errors
/// `file`.
pub fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|source| CliError::file(path, source))
}

/// SHA-256 of a file of any size, hex, and its length in bytes.
///
/// # Errors
/// `file`.
pub fn sha256_of(path: &Path) -> Result<(String, u64)> {
    let failed = |source| CliError::file(path, source);
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let mut context = digest::Context::new(&digest::SHA256);
    let (mut buffer, mut bytes) = (vec![0; 1 << 16], 0);
    loop {
        let read = file.read(&mut buffer).map_err(failed)?;
        let Some(some) = buffer.get(..read).filter(|some| !some.is_empty()) else {
            return Ok((hex::encode(context.finish()), bytes));
        };
        context.update(some);
        bytes += some.len() as u64;
    }
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
