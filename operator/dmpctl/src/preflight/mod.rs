//! `dmpctl preflight`: whether a cluster can carry the DMP, one line a check: what was found, and what to fix.
//!
//! It reads; where only trying tells (Pod Security, the network), it makes a namespace `dmp-preflight-…` and removes
//! it again. A check that could not be made is a `?`: it says why and does not fail the command.

mod capacity;
mod cluster;
mod dependencies;
mod network;
mod scratch;

use dmp_api::Sizing;
use dmp_appliance::Progress;
use kube::Client;

use crate::error::{CliError, Result};
use crate::install::command::{Dependencies, RegistryChoice};
use crate::kubernetes::ClusterOptions;

pub use capacity::{Footprint, footprint, requested};

#[derive(clap::Args, Clone, Debug)]
pub struct PreflightOptions {
    /// Health groups to plan for
    #[arg(long, default_value_t = 2)]
    pub groups: u32,
    /// Size of the platform and of each group
    #[arg(long, value_enum, default_value = "small")]
    pub sizing: Size,
    /// StorageClass of the databases and OpenBao [default: the cluster's]
    #[arg(long)]
    pub storage_class: Option<String>,
    #[command(flatten)]
    pub dependencies: Dependencies,
    /// Image with `dmp` that the nodes can pull, for the network's probe [default: the one in --registry]
    #[arg(long = "dmp-image", env = "DMP_IMAGE")]
    pub dmp_image: Option<String>,
    #[command(flatten)]
    pub registry: RegistryChoice,
}

/// As `Sizing` of the custom resources.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    Small,
    Medium,
    Large,
}

impl From<Size> for Sizing {
    fn from(size: Size) -> Self {
        match size {
            Size::Small => Self::Small,
            Size::Medium => Self::Medium,
            Size::Large => Self::Large,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Good,
    Bad,
    /// Could not be looked at.
    Unknown,
}

/// One line.
#[derive(Clone, Debug)]
pub struct Check {
    pub name: &'static str,
    pub verdict: Verdict,
    pub found: String,
    /// What to do; empty when nothing is.
    pub remedy: String,
}

impl Check {
    fn good(name: &'static str, found: impl Into<String>) -> Self {
        Self {
            name,
            verdict: Verdict::Good,
            found: found.into(),
            remedy: String::new(),
        }
    }

    fn bad(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            name,
            verdict: Verdict::Bad,
            found: found.into(),
            remedy: remedy.into(),
        }
    }

    fn unknown(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Unknown,
            ..Self::bad(name, found, remedy)
        }
    }

    /// As a person reads it.
    pub fn line(&self) -> String {
        let mark = match self.verdict {
            Verdict::Good => '✔',
            Verdict::Bad => '✘',
            Verdict::Unknown => '?',
        };
        let mut line = format!("{mark} {:<16} {}", self.name, self.found);
        if !self.remedy.is_empty() {
            line.push_str(" → ");
            line.push_str(&self.remedy);
        }
        line
    }
}

/// Prints the checks.
///
/// # Errors
/// `preflight` when something must be fixed; as [`crate::kubernetes::connect_named`].
pub async fn run(cluster: &ClusterOptions, options: &PreflightOptions) -> Result<()> {
    let client = crate::kubernetes::connect_named(cluster).await?;
    let progress = Progress::to_stderr();
    let image = match (&options.dmp_image, options.registry.open(&progress).await?) {
        (Some(image), _) => Some(image.clone()),
        (None, Some((_, references))) => Some(references.dmp),
        (None, None) => None,
    };
    let checks = checks(&client, options, image.as_deref(), &progress).await?;
    for check in &checks {
        println!("{}", check.line());
    }
    let count = |verdict| checks.iter().filter(|check| check.verdict == verdict).count();
    match (count(Verdict::Bad), count(Verdict::Unknown)) {
        (0, 0) => println!("\nThis cluster can carry the DMP."),
        (0, unknown) => println!(
            "\nNothing must be fixed; {unknown} of {} not checked.",
            checks.len()
        ),
        (bad, _) => {
            return Err(CliError::new(
                "preflight",
                format!(
                    "{bad} of {} checks say that this cluster cannot carry the DMP yet",
                    checks.len()
                ),
                "fix what is marked ✘ and run it again",
            ));
        }
    }
    Ok(())
}

/// All checks, in the order in which one would fix things.
///
/// # Errors
/// As [`CliError::kubernetes`] when the API server does not answer at all.
pub async fn checks(
    client: &Client,
    options: &PreflightOptions,
    image: Option<&str>,
    progress: &Progress,
) -> Result<Vec<Check>> {
    let step = progress.step("looking at the cluster");
    let mut checks = vec![cluster::version(client).await?];
    checks.push(cluster::clock(client).await);
    checks.push(cluster::rights(client).await);
    checks.push(cluster::admission(client).await);
    checks.push(cluster::storage(client, options.storage_class.as_deref()).await);
    checks.push(dependencies::cnpg(client, options.dependencies.cnpg).await);
    checks.push(dependencies::openbao(client, options.dependencies.openbao).await);
    checks.push(capacity::check(client, options.sizing.into(), options.groups).await);
    step.at("trying Pod Security and the network in a namespace of its own");
    match scratch::Scratch::make(client).await {
        Ok(scratch) => {
            checks.extend(cluster::pod_security(&scratch).await);
            checks.push(network::check(&scratch, image, &step).await);
            if let Err(error) = scratch.remove().await {
                checks.push(Check::unknown(
                    "clean-up",
                    error.message,
                    "delete the namespaces labelled dmp.ma/preflight",
                ));
            }
        }
        Err(error) => {
            let why = format!("no namespace could be made: {}", reason(&error));
            for name in ["Pod Security", "network policies"] {
                checks.push(Check::unknown(
                    name,
                    why.clone(),
                    "use a user who may create namespaces",
                ));
            }
        }
    }
    step.done();
    Ok(checks)
}

/// An error in one line.
fn reason(error: &CliError) -> String {
    match &error.source {
        Some(source) => format!("{}: {source}", error.message),
        None => error.message.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_was_found_and_what_to_do() {
        assert_eq!(
            Check::good("version", "v1.36.3").line(),
            "✔ version          v1.36.3"
        );
        assert_eq!(
            Check::bad("storage", "no StorageClass", "make one").line(),
            "✘ storage          no StorageClass → make one"
        );
        assert!(
            Check::unknown("clock", "no answer", "")
                .line()
                .starts_with("? clock")
        );
    }
}
