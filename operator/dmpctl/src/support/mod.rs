//! `dmpctl support bundle`: one file with what support needs, and nothing personal.
//!
//! In it: versions, the product's resources with their status, events, states of pods, logs of the product's own
//! containers, configuration, metrics, facts of nodes and storage; `index.json` lists every file, and what could not be
//! had and why. Never in it: Secrets, contents of databases, logs of PostgreSQL (they may quote a statement), the audit
//! logs of OpenBao and of the API server. What is free text of a person or a credential is `hidden` ([`redact`]).
//!
//! That nothing personal is in it is tested on a platform with a patient in it (`tests/e2e`), by the same search as the
//! demonstration's last step.

mod archive;
mod logs;
mod metrics;
mod objects;
mod redact;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use dmp_api::names::{GROUP_LABEL, NATIONAL_NAMESPACE, SYSTEM_NAMESPACE};
use dmp_appliance::Progress;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;

pub use archive::{Bundle, Summary};

use crate::error::{CliError, Result};
use crate::kubernetes::ClusterOptions;

#[derive(clap::Subcommand, Clone, Debug)]
pub enum SupportCommand {
    /// Collect what support needs into one file: no Secret, no database, nothing personal
    Bundle(BundleOptions),
}

#[derive(clap::Args, Clone, Debug)]
pub struct BundleOptions {
    /// File to write (tar.gz); it must not be there yet [default: dmp-support-<time>.tar.gz]
    #[arg(long)]
    pub output: Option<PathBuf>,
    /// Hours of logs
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(i64).range(1..=720))]
    pub hours: i64,
}

/// Runs the command.
///
/// # Errors
/// When the cluster cannot be asked at all, or the file cannot be written.
pub async fn run(cluster: &ClusterOptions, command: &SupportCommand) -> Result<()> {
    let SupportCommand::Bundle(options) = command;
    let client = crate::kubernetes::connect(cluster).await?;
    let path = options.output.clone().unwrap_or_else(|| {
        let time = jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S");
        PathBuf::from(format!("dmp-support-{time}.tar.gz"))
    });
    let summary = write(&client, &Progress::to_stderr(), &path, options.hours).await?;
    println!(
        "{}: {} files, {} KiB; index.json in it lists them",
        path.display(),
        summary.files,
        summary.bytes / 1024
    );
    if summary.missing > 0 {
        println!("{} parts could not be had; index.json says why", summary.missing);
    }
    Ok(())
}

/// Collects into a new file that only its owner may read.
///
/// # Errors
/// As [`run`].
pub async fn write(client: &Client, progress: &Progress, path: &Path, hours: i64) -> Result<Summary> {
    let step = progress.step("support bundle");
    let version = client
        .apiserver_version()
        .await
        .map_err(|source| CliError::kubernetes("asking for the cluster's version", source))?;
    let mut bundle = Bundle::create(path)?;
    let collected = async {
        let versions = json!({ "dmpctl": env!("CARGO_PKG_VERSION"), "kubernetes": version });
        bundle.json(
            "versions.json",
            "versions of dmpctl and of the cluster",
            &versions,
        )?;
        let namespaces = namespaces(client).await?;
        step.at("resources");
        objects::collect(client, &mut bundle, &namespaces).await?;
        step.at("logs");
        logs::collect(client, &mut bundle, &namespaces, hours).await?;
        step.at("metrics");
        metrics::collect(client, &mut bundle, &namespaces).await
    };
    let outcome = collected.await.and_then(|()| bundle.finish());
    if outcome.is_err() {
        // half a bundle is none
        let _gone = std::fs::remove_file(path);
    } else {
        step.done();
    }
    outcome
}

/// The namespaces of the product: system, national plane, groups.
async fn namespaces(client: &Client) -> Result<Vec<String>> {
    let api: Api<Namespace> = Api::all(client.clone());
    let groups = api
        .list(&ListParams::default().labels(GROUP_LABEL))
        .await
        .map_err(|source| CliError::kubernetes("listing namespaces", source))?;
    let mut names = vec![SYSTEM_NAMESPACE.to_owned(), NATIONAL_NAMESPACE.to_owned()];
    names.extend(groups.items.iter().map(|namespace| namespace.name_any()));
    names.dedup();
    Ok(names)
}
