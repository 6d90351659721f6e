//! The highest facts number this gateway ever accepted, kept in a small file across restarts of the process.
//!
//! Without it a restarted gateway could be fed an old, correctly signed line. The file is optional (an `emptyDir`
//! in the appliance): a new pod starts at zero and is protected by the `at` of the facts alone.

use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum SeenError {
    #[error("cannot read the facts number from `{path}`")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("`{path}` does not hold a facts number; remove it only if you know why it is damaged")]
    Content { path: PathBuf },
    #[error("cannot write the facts number to `{path}`")]
    Write {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

/// Where the number is kept; [`Seen::nowhere`] keeps none.
#[derive(Clone, Debug)]
pub struct Seen {
    path: Option<PathBuf>,
}

impl Seen {
    pub const fn nowhere() -> Self {
        Self { path: None }
    }

    pub fn at(path: &Path) -> Self {
        Self {
            path: Some(path.to_owned()),
        }
    }

    /// The number of the last run; zero when there was none.
    ///
    /// # Errors
    /// [`SeenError`] when the file is there but unreadable or damaged: starting at zero would open the way
    /// to old facts, so the gateway refuses to start.
    pub fn load(&self) -> Result<u64, SeenError> {
        let Some(path) = &self.path else { return Ok(0) };
        match std::fs::read_to_string(path) {
            Ok(text) => text
                .trim()
                .parse()
                .map_err(|_| SeenError::Content { path: path.clone() }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
            Err(source) => Err(SeenError::Read {
                path: path.clone(),
                source,
            }),
        }
    }

    /// Replaces the number atomically (write beside, rename).
    ///
    /// # Errors
    /// [`SeenError::Write`] when the disk refuses.
    pub fn store(&self, seq: u64) -> Result<(), SeenError> {
        let Some(path) = &self.path else { return Ok(()) };
        let beside = path.with_extension("new");
        std::fs::write(&beside, format!("{seq}\n"))
            .and_then(|()| std::fs::rename(&beside, path))
            .map_err(|source| SeenError::Write {
                path: path.clone(),
                source,
            })
    }
}
