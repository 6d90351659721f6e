//! The file: a tar.gz whose last entry, `index.json`, says what is in it and what is missing.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::error::{CliError, Result};

/// What is never collected, for who opens the file.
const NEVER: [&str; 5] = [
    "Secrets, and values that look like one",
    "contents of databases, and the logs of PostgreSQL, which may quote a statement",
    "the audit logs of OpenBao and of the API server",
    "keys, certificate requests, tokens",
    "free text written by people, in specs and in annotations that are not the product's",
];

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Files in the bundle, the index included.
    pub files: usize,
    /// Their size before compression.
    pub bytes: u64,
    /// Parts that could not be had.
    pub missing: usize,
}

/// A bundle that is being written.
pub struct Bundle {
    path: PathBuf,
    tar: tar::Builder<GzEncoder<File>>,
    time: u64,
    files: Vec<Value>,
    bytes: u64,
    missing: Vec<Value>,
}

impl Bundle {
    /// A new file, readable by its owner alone.
    ///
    /// # Errors
    /// `file` when it is there already or cannot be made.
    pub fn create(path: &Path) -> Result<Self> {
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .map_err(|source| CliError::file(path, source))?;
        Ok(Self {
            path: path.to_owned(),
            tar: tar::Builder::new(GzEncoder::new(file, Compression::default())),
            time: u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or_default(),
            files: Vec::new(),
            bytes: 0,
            missing: Vec::new(),
        })
    }

    /// Adds a file.
    ///
    /// # Errors
    /// `file` when it cannot be written.
    pub fn add(&mut self, name: &str, what: &str, content: &[u8]) -> Result<()> {
        self.entry(name, content)?;
        self.files
            .push(json!({ "file": name, "what": what, "bytes": content.len() }));
        Ok(())
    }

    /// Adds a value as JSON.
    ///
    /// # Errors
    /// As [`Bundle::add`].
    pub fn json(&mut self, name: &str, what: &str, value: &Value) -> Result<()> {
        self.add(name, what, format!("{value:#}\n").as_bytes())
    }

    /// Notes what could not be had.
    pub fn missing(&mut self, what: &str, why: &dyn std::fmt::Display) {
        self.missing.push(json!({ "what": what, "why": why.to_string() }));
    }

    /// Writes the index and ends the file.
    ///
    /// # Errors
    /// As [`Bundle::add`].
    pub fn finish(mut self) -> Result<Summary> {
        let index = json!({
            "made": jiff::Timestamp::now().to_string(),
            "files": self.files,
            "missing": self.missing,
            "never": NEVER,
        });
        self.entry("index.json", format!("{index:#}\n").as_bytes())?;
        let (path, summary) = (
            self.path.clone(),
            Summary {
                files: self.files.len() + 1,
                bytes: self.bytes,
                missing: self.missing.len(),
            },
        );
        let ended = self.tar.into_inner().and_then(GzEncoder::finish);
        ended
            .and_then(|mut file| file.flush().and_then(|()| file.sync_all()))
            .map_err(|source| CliError::file(&path, source))?;
        Ok(summary)
    }

    fn entry(&mut self, name: &str, content: &[u8]) -> Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o600);
        header.set_mtime(self.time);
        self.bytes += content.len() as u64;
        self.tar
            .append_data(&mut header, format!("dmp-support/{name}"), content)
            .map_err(|source| CliError::file(&self.path, source))
    }
}
