//! The catalogue as files. The text is made again of the entries in the cluster and is the one that was signed, or nothing is
//! written.

use std::path::Path;
use std::time::Duration;

use dmp_api::catalogue::PublicKey;
use dmp_api::names::CATALOGUE;
use dmp_api::{Catalogue, CatalogueEntry};
use dmp_homologation::feed::{self, Feed};
use jiff::Timestamp;
use kube::api::{ApiResource, DynamicObject, ListParams};
use kube::{Api, Client};
use serde_json::json;

use crate::error::{CliError, Result};

/// An entry that has just changed is signed within seconds.
const ATTEMPTS: usize = 10;
const PAUSE: Duration = Duration::from_secs(2);

/// What is written.
#[derive(Clone, Debug)]
pub struct Edition {
    /// `catalogue.json`.
    pub text: String,
    /// `catalogue.jws`.
    pub signature: String,
    pub keys: Vec<PublicKey>,
    pub feed: Feed,
}

/// The newest edition.
///
/// # Errors
/// `catalogue-unsigned` when there is none, or it is not over what the entries say now.
pub async fn edition(client: &Client) -> Result<Edition> {
    for attempt in 0..ATTEMPTS {
        if attempt > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        if let Some(edition) = read(client).await? {
            return Ok(edition);
        }
    }
    Err(unsigned("the operator has not signed what the entries say now"))
}

async fn read(client: &Client) -> Result<Option<Edition>> {
    let failed = |source| CliError::kubernetes("reading the catalogue", source);
    let catalogue = Api::<Catalogue>::all(client.clone())
        .get_opt(CATALOGUE)
        .await
        .map_err(failed)?;
    let status = catalogue
        .and_then(|catalogue| catalogue.status)
        .unwrap_or_default();
    let Some(signature) = status.signature.clone() else {
        return Err(unsigned("the catalogue has no signature"));
    };
    // Not by their type: an entry of a newer operator is exported as it was signed.
    let resource = ApiResource::erase::<CatalogueEntry>(&());
    let entries = Api::<DynamicObject>::all_with(client.clone(), &resource);
    let entries = entries.list(&ListParams::default()).await.map_err(failed)?.items;
    let entries = feed::entries(entries.into_iter().map(|entry| entry.data));
    let Some(text) = feed::edition(&status, &entries) else {
        return Ok(None);
    };
    let feed = feed::verify(text.as_bytes(), &signature, &status.keys, Timestamp::now())
        .map_err(|invalid| unsigned(&format!("its signature does not count: {invalid}")))?;
    Ok(Some(Edition {
        text,
        signature,
        keys: status.keys,
        feed,
    }))
}

fn unsigned(why: &str) -> CliError {
    CliError::new(
        "catalogue-unsigned",
        format!("there is no catalogue to export: {why}"),
        "`kubectl describe catalogue national` says what the operator waits for; then again",
    )
}

/// # Errors
/// `file`.
pub fn write(folder: &Path, edition: &Edition) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|source| CliError::file(folder, source))?;
    let keys = json!({ "label": edition.keys });
    let files = [
        ("catalogue.json", edition.text.clone()),
        ("catalogue.jws", format!("{}\n", edition.signature)),
        ("keys.json", format!("{keys:#}\n")),
    ];
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::write(&path, text).map_err(|source| CliError::file(&path, source))?;
    }
    Ok(())
}

/// What was written.
pub fn said(folder: &Path, edition: &Edition) -> String {
    format!(
        "catalogue n° {} ({} entrées) dans {}\n\
         à publier avant le {} : catalogue.json, catalogue.jws\n\
         keys.json se publie ailleurs que le catalogue : qui remplace l’un ne doit pas pouvoir remplacer l’autre\n",
        edition.feed.number,
        edition.feed.entries.len(),
        folder.display(),
        edition.feed.next_update.strftime("%Y-%m-%d"),
    )
}
