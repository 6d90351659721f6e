//! The alert rules as they are on disk.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Error, manifests};

/// One file of rules.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    #[serde(skip)]
    pub path: PathBuf,
    pub groups: Vec<Group>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    pub name: String,
    pub rules: Vec<Rule>,
}

/// An alert.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub alert: String,
    pub expr: String,
    #[serde(rename = "for", default, skip_serializing_if = "Option::is_none")]
    pub pending: Option<String>,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
}

impl File {
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.groups.iter().flat_map(|group| &group.rules)
    }
}

/// All files, by name.
///
/// # Errors
/// Names the file that cannot be read.
pub fn read() -> Result<Vec<File>, Error> {
    let folder = manifests().join("rules");
    let unreadable = |path: &PathBuf| {
        let path = path.clone();
        move |source| Error::File { path, source }
    };
    let entries = std::fs::read_dir(&folder).map_err(unreadable(&folder))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).map_err(unreadable(&path))?;
        let mut file: File = serde_saphyr::from_str(&text).map_err(|source| Error::Rules {
            path: path.clone(),
            source: Box::new(source),
        })?;
        file.path = path;
        files.push(file);
    }
    Ok(files)
}
