//! `dmpctl install` as a command: which cluster, which images, which dependency is whose.

use dmp_appliance::Progress;
use kube::Client;

use super::{InstallOptions, cnpg, openbao};
use crate::error::{CliError, Result};
use crate::images::References;
use crate::images::source::{ImageSet, SourceOptions};
use crate::kubernetes::ClusterOptions;

/// Whose a dependency is.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dependency {
    /// `dmpctl` brings it and keeps it current.
    Managed,
    /// The cluster has it; `dmpctl` checks it and leaves it alone.
    Existing,
}

#[derive(clap::Args, Clone, Debug)]
pub struct InstallCommand {
    #[command(flatten)]
    pub options: InstallOptions,
    #[command(flatten)]
    pub registry: RegistryChoice,
    #[command(flatten)]
    pub dependencies: Dependencies,
    /// The manifests are applied by others (`kubectl apply -k`, GitOps): only make OpenBao's seal key and set it up
    #[arg(long, conflicts_with_all = ["registry", "dmp", "openbao"])]
    pub without_manifests: bool,
}

/// Which of the two big dependencies the cluster brings.
#[derive(clap::Args, Clone, Copy, Debug)]
pub struct Dependencies {
    /// Whose CloudNativePG; `managed` needs --registry
    #[arg(long, value_enum, default_value = "existing")]
    pub cnpg: Dependency,
    /// Whose OpenBao
    #[arg(id = "openbao_from", long = "openbao", value_enum, default_value = "managed")]
    pub openbao: Dependency,
}

/// A registry that `dmpctl images push` has filled.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct RegistryChoice {
    /// Registry that `dmpctl images push` has filled: images are named <registry>/<name>:<tag>@sha256:…
    #[arg(long, env = "DMP_REGISTRY")]
    pub registry: Option<String>,
    #[command(flatten)]
    pub source: SourceOptions,
}

impl RegistryChoice {
    /// The set and its names there; `None` without a registry.
    ///
    /// # Errors
    /// As [`SourceOptions::open`] and [`References::of`].
    pub async fn open(&self, progress: &Progress) -> Result<Option<(ImageSet, References)>> {
        let Some(registry) = &self.registry else {
            return Ok(None);
        };
        let set = self.source.open(progress).await?;
        let references = References::of(&set, registry)?;
        Ok(Some((set, references)))
    }
}

/// Installs on the named cluster.
///
/// # Errors
/// Says what is missing; the command can be run again.
pub async fn run(cluster: &ClusterOptions, command: &InstallCommand) -> Result<()> {
    require_managed_openbao(command.dependencies.openbao)?;
    let client = crate::kubernetes::connect_named(cluster).await?;
    let progress = Progress::to_stderr();
    if command.without_manifests {
        return set_up(&client, &progress, &command.options).await;
    }
    let choice = command.registry.open(&progress).await?;
    let postgres = install(&client, &progress, command, choice.as_ref()).await?;
    println!(
        "installed; next: Site, Platform and HealthGroups (docs/install.md). Images of the Platform (spec.images):\n  \
         dmp: {}\n  postgres: {postgres}",
        choice
            .as_ref()
            .map_or(&command.options.images.dmp, |(_, references)| &references.dmp),
    );
    Ok(())
}

/// The dependencies, then the product; returns the reference of PostgreSQL's image.
async fn install(
    client: &Client,
    progress: &Progress,
    command: &InstallCommand,
    choice: Option<&(ImageSet, References)>,
) -> Result<String> {
    let mut options = command.options.clone();
    match (command.dependencies.cnpg, choice) {
        (Dependency::Existing, _) => cnpg::require_existing(client).await?,
        (Dependency::Managed, Some((set, references))) => {
            cnpg::manage(client, progress, &set.cnpg_manifest, references).await?;
        }
        (Dependency::Managed, None) => {
            return Err(CliError::new(
                "registry-missing",
                "a managed CloudNativePG runs from images of ours",
                "push them (`dmpctl images push --registry R`) and give --registry R here as well",
            ));
        }
    }
    let postgres = match choice {
        Some((_, references)) => {
            options.images.dmp.clone_from(&references.dmp);
            options.images.openbao.clone_from(&references.openbao);
            references.postgresql.clone()
        }
        None => "a PostgreSQL image made for CloudNativePG that the nodes can pull".to_owned(),
    };
    super::install(client, progress, &options).await?;
    Ok(postgres)
}

/// What a person's `kubectl apply -k manifests` cannot do: secrets, and OpenBao's set-up.
async fn set_up(client: &Client, progress: &Progress, options: &InstallOptions) -> Result<()> {
    openbao::ensure_seal(client).await?;
    openbao::wait_ready(client, progress, super::OPENBAO_WITHIN).await?;
    openbao::label_volumes(client).await?;
    super::bootstrap_openbao(client, progress, options).await
}

/// An OpenBao of somebody else cannot be used yet, and half of it would be worse than none.
///
/// # Errors
/// `openbao-existing-unsupported`.
pub fn require_managed_openbao(openbao: Dependency) -> Result<()> {
    match openbao {
        Dependency::Managed => Ok(()),
        Dependency::Existing => Err(CliError::new(
            "openbao-existing-unsupported",
            "an existing OpenBao cannot be used yet: mounts, policies and log-in roles are made by OpenBao's own first \
             start (manifests/openbao/config/initialize.hcl), and log-ins are reviewed at kubernetes.default.svc",
            "leave --openbao managed: the OpenBao in dmp-system is the platform's alone and touches no other",
        )),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_existing_openbao_is_refused_with_the_reason() {
        assert!(require_managed_openbao(Dependency::Managed).is_ok());
        let error = require_managed_openbao(Dependency::Existing).unwrap_err();
        assert_eq!(error.code, "openbao-existing-unsupported");
        assert!(!error.remedy.is_empty());
    }
}
