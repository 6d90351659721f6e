//! The highest facts number this gateway ever accepted, and what was revoked then, kept in two small files across restarts of the
//! process.
//!
//! Without them a restarted gateway could be fed an old, correctly signed line, or facts of an etcd that was restored from before a
//! revocation. The files are optional (an `emptyDir` in the appliance): a new pod starts at zero and is protected by the `at`
//! of the facts alone.

use std::path::{Path, PathBuf};

use dmp_client::facts::Revocation;

#[derive(Debug, thiserror::Error)]
pub enum SeenError {
    #[error("cannot read the facts number from `{path}`")]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error(
        "`{path}` does not hold what this gateway knew of the facts; remove it only if you know why it is damaged"
    )]
    Content { path: PathBuf },
    #[error("cannot write the facts number to `{path}`")]
    Write {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

/// What the newest accepted facts said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    pub seq: u64,
    /// In force.
    pub revocations: Vec<Revocation>,
}

/// Where it is kept; [`Seen::nowhere`] keeps none.
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

    /// What the last run knew; nothing when there was none.
    ///
    /// # Errors
    /// [`SeenError`] when a file is there but unreadable or damaged: starting at zero would open the way
    /// to old facts, so the gateway refuses to start.
    pub fn load(&self) -> Result<Known, SeenError> {
        let Some(path) = &self.path else {
            return Ok(Known::default());
        };
        let seq = read(path, |text| text.trim().parse().ok())?;
        let revocations = read(&beside(path), |text| serde_json::from_str(text).ok())?;
        Ok(Known {
            seq: seq.unwrap_or_default(),
            revocations: revocations.unwrap_or_default(),
        })
    }

    /// Replaces the number atomically (write beside, rename).
    ///
    /// # Errors
    /// [`SeenError::Write`] when the disk refuses.
    pub fn store(&self, seq: u64) -> Result<(), SeenError> {
        let Some(path) = &self.path else { return Ok(()) };
        write(path, &format!("{seq}\n"))
    }

    /// Replaces the revocations, as the number.
    ///
    /// # Errors
    /// As [`Seen::store`].
    pub fn store_revocations(&self, revocations: &[Revocation]) -> Result<(), SeenError> {
        let Some(path) = &self.path else { return Ok(()) };
        let path = beside(path);
        let text = serde_json::to_string(revocations).map_err(|source| SeenError::Write {
            path: path.clone(),
            source: source.into(),
        })?;
        write(&path, &text)
    }
}

fn beside(path: &Path) -> PathBuf {
    path.with_extension("revocations")
}

/// What a file holds; `None` when there is none.
fn read<T>(path: &Path, parse: impl FnOnce(&str) -> Option<T>) -> Result<Option<T>, SeenError> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(&text).map(Some).ok_or_else(|| SeenError::Content {
            path: path.to_owned(),
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(SeenError::Read {
            path: path.to_owned(),
            source,
        }),
    }
}

fn write(path: &Path, text: &str) -> Result<(), SeenError> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    std::fs::write(&new, text)
        .and_then(|()| std::fs::rename(&new, path))
        .map_err(|source| SeenError::Write {
            path: path.to_owned(),
            source,
        })
}
