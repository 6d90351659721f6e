//! `dmpctl catalogue`: the public catalogue, as the operator keeps it in the cluster, and as files for a web server.
//!
//! Not here: what an entry says and when it is signed (`dmp-homologation`, the operator), and what a label is worth
//! ([`crate::label`]).

pub mod export;
pub mod text;

use std::path::PathBuf;

use clap::Subcommand;
use dmp_api::names::CATALOGUE;
use dmp_api::{Catalogue, CatalogueEntry};
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt};

use crate::error::{CliError, Result};
use crate::kubernetes::ClusterOptions;

#[derive(Subcommand, Debug)]
pub enum CatalogueCommand {
    /// Who opened the platform and its groups, until when; one line an entry, also of those that have ended
    List,
    /// All that the public sees of an entry
    Show(ShowOptions),
    /// catalogue.json, catalogue.jws (its signature) and keys.json (the public keys), for a web server
    Export(ExportOptions),
}

#[derive(clap::Args, Clone, Debug)]
pub struct ShowOptions {
    /// Name of the entry (`dmpctl catalogue list`)
    pub id: String,
    /// Print its label alone, for the vendor
    #[arg(long)]
    pub label: bool,
}

#[derive(clap::Args, Clone, Debug)]
pub struct ExportOptions {
    /// Folder for the files
    #[arg(default_value = ".", value_name = "FOLDER")]
    pub folder: PathBuf,
}

/// # Errors
/// Says what is missing.
pub async fn run(cluster: &ClusterOptions, command: &CatalogueCommand) -> Result<()> {
    let client = crate::kubernetes::connect(cluster).await?;
    match command {
        CatalogueCommand::List => print!("{}", list(&client).await?),
        CatalogueCommand::Show(options) => print!("{}", show(&client, options).await?),
        CatalogueCommand::Export(options) => {
            let edition = export::edition(&client).await?;
            export::write(&options.folder, &edition)?;
            eprint!("{}", export::said(&options.folder, &edition));
        }
    }
    Ok(())
}

/// # Errors
/// When the cluster cannot be asked.
pub async fn list(client: &Client) -> Result<String> {
    let failed = |source| CliError::kubernetes("reading the catalogue", source);
    let catalogue = Api::<Catalogue>::all(client.clone())
        .get_opt(CATALOGUE)
        .await
        .map_err(failed)?;
    let entries = Api::<CatalogueEntry>::all(client.clone());
    let entries = entries.list(&ListParams::default()).await.map_err(failed)?.items;
    let status = catalogue.and_then(|catalogue| catalogue.status);
    let mut out = text::title(status.as_ref());
    for opening in status.iter().flat_map(|status| &status.openings) {
        out.push_str(&text::opening(opening));
    }
    for published in entries
        .iter()
        .filter_map(|entry| entry.status.as_ref()?.published.as_ref())
    {
        out.push_str(&text::line(published));
    }
    Ok(out)
}

/// # Errors
/// `no-entry`, `no-label`.
pub async fn show(client: &Client, options: &ShowOptions) -> Result<String> {
    let entry = Api::<CatalogueEntry>::all(client.clone())
        .get_opt(&options.id)
        .await
        .map_err(|source| CliError::kubernetes("reading the catalogue", source))?;
    let published = entry
        .as_ref()
        .and_then(|entry| entry.status.as_ref()?.published.as_ref());
    let Some(published) = published else {
        return Err(CliError::new(
            "no-entry",
            format!("the catalogue has no entry `{}`", options.id),
            "take the name from `dmpctl catalogue list`",
        ));
    };
    if !options.label {
        return Ok(text::details(published));
    }
    match &published.label {
        Some(label) => Ok(format!("{label}\n")),
        None => Err(CliError::new(
            "no-label",
            format!(
                "`{}` has no label: it is {}",
                options.id,
                published.state.as_str()
            ),
            format!(
                "only what is homologated has one; `kubectl describe cat {}` says what is missing",
                entry.map(|entry| entry.name_any()).unwrap_or_default()
            ),
        )),
    }
}
