//! `dmpctl compliance history --oscal DAY --to DIR`: the OSCAL documents of a day as the evaluator kept them, out into a folder; only
//! when they are what their hash was made of.
//!
//! Not here: the documents of this moment ([`super::bundle`]), what a bundle is (`dmp_policies::oscal::kept`).

use std::path::{Path, PathBuf};

use dmp_api::names::EVIDENCE_NAMESPACE;
use dmp_policies::history::History;
use dmp_policies::oscal::System;
use dmp_policies::oscal::kept::{self, Bundle, HASH, TEXT};
use jiff::civil::Date;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt as _};

use super::bundle;
use super::bundle::manifest::Manifest;
use crate::error::{CliError, Result};

#[derive(clap::Args, Clone, Debug, Default)]
pub struct KeptOptions {
    /// Write the OSCAL documents of this day into a folder (needs --to)
    #[arg(long, value_name = "YYYY-MM-DD", requires = "to")]
    pub oscal: Option<Date>,
    /// A new folder for them
    #[arg(long, value_name = "DIR", requires = "oscal")]
    pub to: Option<PathBuf>,
}

/// A bundle with the hash that it was made of.
#[derive(Debug)]
pub struct Found {
    pub bundle: Bundle,
    pub sha256: String,
}

/// The bundle of a day.
///
/// # Errors
/// `no-bundle` with the days there are, `bundle-changed`, or what the API server says.
pub async fn read(client: &Client, day: Date) -> Result<Found> {
    let failed =
        |source| CliError::kubernetes("reading the OSCAL documents of a day in dmp-evidence", source);
    let api = Api::<ConfigMap>::namespaced(client.clone(), EVIDENCE_NAMESPACE);
    if let Some(object) = api.get_opt(&kept::name(day)).await.map_err(failed)? {
        return found(day, &object);
    }
    let names = api.list_metadata(&ListParams::default()).await.map_err(failed)?;
    let names = names.items.iter().map(|one| one.name_any());
    let mut days: Vec<_> = names.filter_map(|name| kept::day(&name)).collect();
    days.sort();
    let days: Vec<_> = days.iter().map(Date::to_string).collect();
    Err(CliError::new(
        "no-bundle",
        format!("nobody has kept OSCAL documents of {day}"),
        match days.as_slice() {
            [] => "the evaluator keeps the first ones at its next pass".to_owned(),
            days => format!("there are: {}", days.join(", ")),
        },
    ))
}

fn found(day: Date, object: &ConfigMap) -> Result<Found> {
    let sha256 = object.data.as_ref().and_then(|data| data.get(HASH));
    let sha256 = sha256.cloned().unwrap_or_default();
    let gzip = object.binary_data.as_ref().and_then(|data| data.get(TEXT));
    let gzip = gzip.map_or(&[][..], |gzip| &gzip.0);
    let bundle = Bundle::unpack(gzip, &sha256).map_err(|source| {
        CliError::new(
            "bundle-changed",
            format!("the OSCAL documents of {day} are not as the evaluator wrote them, and nothing was written"),
            format!("the entry `oscal/{day}` of the national log has their hash; who changed ConfigMaps in dmp-evidence is in the API server's audit"),
        )
        .because(source)
    })?;
    Ok(Found { bundle, sha256 })
}

/// Writes them, with a manifest that `verify` reads; what is to be said of it.
///
/// # Errors
/// `output-not-empty`, `file`.
pub fn write(found: &Found, day: Date, folder: &Path, history: &History) -> Result<String> {
    let Found { bundle, sha256 } = found;
    let system = System {
        name: &bundle.platform,
        uid: &bundle.platform_uid,
    };
    let manifest = Manifest::of(&bundle.documents, system, bundle.at);
    bundle::put(folder, &bundle.documents, &manifest, None)?;
    let line = history.lines().find(|line| line.day.date == day);
    let chained = match line {
        Some(line) if line.day.report == bundle.report => "du même rapport que la ligne du jour",
        Some(_) => "d'un autre rapport que la ligne du jour",
        None => "sans ligne de ce jour",
    };
    Ok(format!(
        "{} documents OSCAL du {day} dans `{}`, {chained}\nempreinte {sha256}, à comparer à l'entrée `oscal/{day}` du journal national\n",
        bundle.documents.len(),
        folder.display(),
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use dmp_policies::oscal::Document;
    use jiff::Timestamp;
    use jiff::civil::date;
    use k8s_openapi::ByteString;

    use super::bundle::verify::{VerifyOptions, verify};
    use super::*;

    const DAY: Date = date(2026, 12, 2);

    fn object(text: &str) -> ConfigMap {
        let bundle = Bundle {
            platform: "national".to_owned(),
            platform_uid: "7c0b4b8e-6d2f-4a56-9f2b-0f1f6c8a1a11".to_owned(),
            at: "2026-12-02T00:00:10Z".parse().unwrap(),
            report: "a".repeat(64),
            documents: vec![Document {
                file: "catalog.json".to_owned(),
                text: text.to_owned(),
            }],
        };
        let packed = bundle.pack().unwrap();
        ConfigMap {
            data: Some([(HASH.to_owned(), packed.sha256)].into()),
            binary_data: Some([(TEXT.to_owned(), ByteString(packed.gzip))].into()),
            ..ConfigMap::default()
        }
    }

    #[test]
    fn what_was_kept_is_written_as_it_was_and_can_be_verified() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("oscal");
        let found = found(DAY, &object("{}\n")).unwrap();
        let said = write(&found, DAY, &folder, &History::default()).unwrap();
        assert!(said.contains(&found.sha256), "{said}");
        assert!(said.contains("sans ligne de ce jour"), "{said}");
        assert_eq!(
            std::fs::read_to_string(folder.join("catalog.json")).unwrap(),
            "{}\n"
        );
        let options = VerifyOptions {
            folder: folder.clone(),
            authority: None,
        };
        assert!(verify(&options, Timestamp::now()).is_ok());
        let again = write(&found, DAY, &folder, &History::default()).unwrap_err();
        assert_eq!(again.code, "output-not-empty");
    }

    #[test]
    fn what_was_changed_is_not_written() {
        let mut changed = object("{}\n");
        changed.binary_data = object("{ }\n").binary_data;
        assert_eq!(found(DAY, &changed).unwrap_err().code, "bundle-changed");
        changed.data = None;
        assert_eq!(found(DAY, &changed).unwrap_err().code, "bundle-changed");
        assert_eq!(
            found(DAY, &ConfigMap::default()).unwrap_err().code,
            "bundle-changed"
        );
    }
}
