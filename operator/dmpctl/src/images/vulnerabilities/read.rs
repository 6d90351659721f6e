//! Reading an OSV export: archives and folders, record by record, so that no more than one is in memory. What is no record is refused
//! with its name: an export that is read by half would hide the other half.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use dmp_api::vulnerability_export::OsvSource;
use dmp_homologation::canonical::digest;
use dmp_homologation::vulnerabilities::export::{Export, Reduction};
use dmp_homologation::vulnerabilities::package::Name;
use jiff::Timestamp;
use zip::ZipArchive;

use crate::error::{CliError, Result};
use crate::files;

/// The longest record, in bytes; the longest of osv.dev have a tenth of it.
const LONGEST_RECORD: u64 = 16 * 1024 * 1024;
/// The most that one export may be when it is unpacked, in bytes.
const LARGEST: u64 = 32 * 1024 * 1024 * 1024;
/// The most exports, as the kind takes them.
const MOST_SOURCES: usize = 32;

/// What was read.
#[derive(Debug)]
pub struct Reading {
    pub export: Export,
    pub sources: Vec<OsvSource>,
    /// When a record was last changed; of several exports the earliest.
    pub known_until: Timestamp,
}

pub(super) fn unusable(what: impl Into<String>, remedy: impl Into<String>) -> CliError {
    CliError::new("osv-not-usable", what, remedy)
}

/// Reads exports and keeps what names one of the packages.
///
/// # Errors
/// `osv-not-usable`, `osv-too-large`, `file`.
pub fn read(paths: &[PathBuf], wanted: BTreeSet<Name>, now: Timestamp) -> Result<Reading> {
    if paths.len() > MOST_SOURCES {
        return Err(unusable(
            format!("{MOST_SOURCES} exports at most are read"),
            "put the records into fewer folders",
        ));
    }
    let mut reduction = Reduction::new(wanted);
    let mut sources = Vec::new();
    let mut known_until: Option<Timestamp> = None;
    for path in paths {
        let mut source = Source {
            path,
            reduction: &mut reduction,
            records: 0,
            bytes: 0,
            changed: None,
        };
        let sha256 = if path.is_dir() {
            source.folder()?
        } else {
            source.archive()?;
            files::sha256_of(path)?.0
        };
        let (records, changed) = (source.records, source.changed);
        let changed = changed.ok_or_else(|| {
            unusable(
                format!("`{}` has no record", path.display()),
                "name an `all.zip` of osv.dev, or a folder of its records (*.json)",
            )
        })?;
        if changed > now {
            return Err(unusable(
                format!(
                    "`{}` has a record that was changed on {changed}, which has not come yet",
                    path.display()
                ),
                "look at the clock of this machine, and at where the export is from",
            ));
        }
        known_until = Some(known_until.map_or(changed, |known| known.min(changed)));
        let name = path.file_name().unwrap_or(path.as_os_str());
        sources.push(OsvSource {
            name: name.to_string_lossy().into_owned(),
            sha256,
            records,
        });
    }
    let known_until = known_until.ok_or_else(|| unusable("no export is named", "name one with --osv"))?;
    Ok(Reading {
        export: reduction.finish(),
        sources,
        known_until,
    })
}

/// One export, while it is read.
struct Source<'s> {
    path: &'s Path,
    reduction: &'s mut Reduction,
    records: i64,
    /// That were unpacked.
    bytes: u64,
    /// When a record of it was last changed.
    changed: Option<Timestamp>,
}

impl Source<'_> {
    fn archive(&mut self) -> Result<()> {
        let path = self.path;
        let broken = |source: zip::result::ZipError| {
            unusable(
                format!("`{}` cannot be read as a zip archive", path.display()),
                "fetch it again (`all.zip` of osv.dev), or name the folder that it was unpacked into",
            )
            .because(source)
        };
        let file = File::open(path).map_err(|source| CliError::file(path, source))?;
        let mut archive = ZipArchive::new(BufReader::new(file)).map_err(broken)?;
        for index in 0..archive.len() {
            let entry = archive.by_index(index).map_err(broken)?;
            if entry.is_file() {
                let name = entry.name().to_owned();
                let text = self.text(&name, entry)?;
                self.record(&name, &text)?;
            }
        }
        Ok(())
    }

    /// SHA-256 of names and hashes.
    fn folder(&mut self) -> Result<String> {
        let mut open = vec![self.path.to_owned()];
        let mut found = Vec::new();
        while let Some(folder) = open.pop() {
            let failed = |source| CliError::file(&folder, source);
            for entry in fs::read_dir(&folder).map_err(failed)? {
                let entry = entry.map_err(failed)?;
                // A link may lead in a circle, and out of what was named.
                let kind = entry.file_type().map_err(failed)?;
                if kind.is_dir() {
                    open.push(entry.path());
                } else if kind.is_file() && entry.path().extension().is_some_and(|end| end == "json") {
                    found.push(entry.path());
                }
            }
        }
        found.sort();
        let mut list = String::new();
        for path in found {
            let file = File::open(&path).map_err(|source| CliError::file(&path, source))?;
            let name = path
                .strip_prefix(self.path)
                .unwrap_or(&path)
                .display()
                .to_string();
            let text = self.text(&name, file)?;
            self.record(&name, &text)?;
            list.push_str(&format!("{}  {name}\n", digest(&text)));
        }
        Ok(digest(list.as_bytes()))
    }

    /// What is in a file, if that is no more than a record has.
    fn text(&mut self, name: &str, file: impl Read) -> Result<Vec<u8>> {
        let mut text = Vec::new();
        let read = file.take(LONGEST_RECORD + 1).read_to_end(&mut text);
        read.map_err(|source| {
            unusable(
                format!("`{name}` in `{}` is damaged", self.path.display()),
                "fetch the export again",
            )
            .because(source)
        })?;
        let length = text.len() as u64;
        self.bytes += length;
        if length > LONGEST_RECORD || self.bytes > LARGEST {
            return Err(CliError::new(
                "osv-too-large",
                format!(
                    "`{name}` in `{}` is no record: one has 16 MiB at most, an export 32 GiB",
                    self.path.display()
                ),
                "look where the export is from, and fetch it again",
            ));
        }
        Ok(text)
    }

    fn record(&mut self, name: &str, text: &[u8]) -> Result<()> {
        let changed = self.reduction.take(text).map_err(|invalid| {
            unusable(
                format!(
                    "`{name}` in `{}` is no record of OSV: {invalid}",
                    self.path.display()
                ),
                "name exports of osv.dev (schema 1.x) and nothing else",
            )
        })?;
        self.records += 1;
        self.changed = self.changed.max(Some(changed));
        Ok(())
    }
}
