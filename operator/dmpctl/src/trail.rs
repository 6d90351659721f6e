//! `dmpctl trail`: the trail of a synthetic patient, as she sees it in her app.

use std::path::PathBuf;

use dmp_appliance::Progress;

use crate::demo::software::{self, Product};
use crate::demo::steps::trail;
use crate::demo::{GatewayOptions, PATIENT, fixtures, people};
use crate::error::{CliError, Result};
use crate::kubernetes::ClusterOptions;

#[derive(clap::Args, Clone, Debug)]
pub struct TrailOptions {
    #[command(flatten)]
    pub gateway: GatewayOptions,
    /// `system|value` of an identifier the registry knows the patient by (`dmpctl demo run` prints it)
    #[arg(long, value_name = "SYSTEM|VALUE")]
    pub identifier: String,
    /// Also write the trail with its proofs to this file, and the public keys beside it, for `dmp-verify trail`
    #[arg(long, value_name = "FILE")]
    pub save: Option<PathBuf>,
}

/// Prints the trail, one event a line.
///
/// # Errors
/// Says what is missing.
pub async fn run(cluster: &ClusterOptions, options: &TrailOptions) -> Result<()> {
    let client = crate::kubernetes::connect(cluster).await?;
    people::require_demonstration(&client).await?;
    let gateway = options.gateway.open()?;
    let (system, value) = options.identifier.split_once('|').ok_or_else(|| {
        CliError::new(
            "identifier-required",
            "the identifier is written `system|value`",
            "quote it in the shell",
        )
    })?;
    // An app of its own: the demonstration's keeps its certificate.
    let app = Product {
        vendor: "amal",
        solution: "amal-trail",
        name: "Amal, trace",
        kind: "patient-app",
        version: "1.0.0",
        place: None,
    };
    let software = software::obtain(&client, &Progress::to_stderr(), &gateway, &app).await?;
    let identity = people::token(&client, PATIENT, &fixtures::patient_claims(system, value)).await?;
    let token = software.token_when_known(&identity, "PATRQT").await?;
    let (bytes, answer) = trail::fetch(&software, &token).await?;
    for event in trail::events(&answer)? {
        println!("{}", trail::line(&event));
    }
    for log in &answer.behind {
        eprintln!("the newest entries of {log} could not be fetched: the trail may be incomplete");
    }
    if let Some(path) = &options.save {
        let keys = path.with_extension("keys.json");
        let written = |path: &PathBuf, content: &[u8]| {
            std::fs::write(path, content).map_err(|source| CliError::file(path, source))
        };
        written(path, &bytes)?;
        written(&keys, trail::public_keys(&client).await?.as_bytes())?;
        eprintln!(
            "verify it offline: dmp-verify trail {} --key {}",
            path.display(),
            keys.display()
        );
    }
    Ok(())
}
