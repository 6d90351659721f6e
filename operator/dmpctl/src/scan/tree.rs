//! Folders: every file below, nothing followed out of it.

use std::fs::{self, File};
use std::path::Path;

use super::{Report, Scanner};

/// Scans every regular file below `root`. Symbolic links are not followed, other file systems are.
///
/// A file that vanishes meanwhile (a WAL segment, a temporary file) is no error; one that cannot be read is named in
/// [`Report::unread`].
pub fn scan(scanner: &Scanner, root: &Path) -> Report {
    scan_except(scanner, root, &[])
}

/// As [`scan`], without the folders of these names at any depth.
pub fn scan_except(scanner: &Scanner, root: &Path, without: &[&str]) -> Report {
    let mut report = Report::default();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && folder != root => continue,
            Err(error) => {
                report.unread.push(format!("{}: {error}", folder.display()));
                continue;
            }
        };
        for entry in entries {
            let Ok(entry) = entry else {
                report.unread.push(format!("{}: an entry", folder.display()));
                continue;
            };
            let path = entry.path();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && without.iter().any(|name| entry.file_name() == *name) => {}
                Ok(kind) if kind.is_dir() => folders.push(path),
                Ok(kind) if kind.is_file() => file(scanner, &path, &mut report),
                _ => {}
            }
        }
    }
    report
}

fn file(scanner: &Scanner, path: &Path, report: &mut Report) {
    let place = path.display().to_string();
    match File::open(path).and_then(|file| scanner.file(&place, file)) {
        Ok(found) => report.merge(found),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => report.unread.push(format!("{place}: {error}")),
    }
}
