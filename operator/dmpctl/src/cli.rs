//! The commands and their arguments.

use clap::{Parser, Subcommand};
use dmp_appliance::ApplianceCommand;

use crate::catalogue::CatalogueCommand;
use crate::compliance::ComplianceCommand;
use crate::demo::{DemoOptions, TokenOptions};
use crate::error::{CliError, Result};
use crate::homologation::HomologationCommand;
use crate::images::ImagesCommand;
use crate::incident::IncidentCommand;
use crate::install::command::InstallCommand;
use crate::kubernetes::ClusterOptions;
use crate::label::LabelCommand;
use crate::preflight::PreflightOptions;
use crate::site::SiteCommand;
use crate::solution::SolutionCommand;
use crate::trail::TrailOptions;
use crate::uninstall::UninstallOptions;
use crate::up::UpOptions;
use crate::upgrade::UpgradeOptions;

/// The shared medical record (DMP): install, look, try, prove
#[derive(Parser, Debug)]
#[command(
    name = "dmpctl",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
pub struct Arguments {
    #[command(flatten)]
    pub cluster: ClusterOptions,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand, Debug)]
pub enum Command {
    /// From this machine to a running DMP with two health groups and the demonstration
    Up(UpOptions),
    /// Kubernetes on this machine
    #[command(subcommand)]
    Appliance(ApplianceCommand),
    /// Look whether a cluster can carry the DMP, and say what to fix (needs --context)
    Preflight(PreflightOptions),
    /// The images: where a cluster can pull them, which may run, what is known to be wrong with them
    #[command(subcommand)]
    Images(ImagesCommand),
    /// Install OpenBao, custom resources and operator on a cluster (needs --context); again: repairs
    Install(Box<InstallCommand>),
    /// Bring an installation to this release: custom resources, operator, platform (needs --context)
    Upgrade(UpgradeOptions),
    /// End what runs and take the rights away (needs --context); custom resources and data stay
    Uninstall(UninstallOptions),
    /// One screen: platform, groups, services, what is not ready and why
    Status,
    /// What support needs
    #[command(subcommand)]
    Support(crate::support::SupportCommand),
    /// What the bodies that homologate sign
    #[command(subcommand)]
    Homologation(HomologationCommand),
    /// The public catalogue of homologated software
    #[command(subcommand)]
    Catalogue(CatalogueCommand),
    /// The label of homologated software: verify it, offline; its QR code
    #[command(subcommand)]
    Label(LabelCommand),
    /// The catalogue of controls (laws 05-20 and 09-08, DNSSI, arrêté 3-17-25, HDS v2, ISO 27001): what is done, what is missing
    #[command(subcommand)]
    Compliance(ComplianceCommand),
    /// Incidents: one moment of awareness, who is to be told until when, the letters, the receipts
    #[command(subcommand)]
    Incident(IncidentCommand),
    /// The machines of a site: list those of the cluster, sign the list
    #[command(subcommand)]
    Site(SiteCommand),
    /// What a vendor does with its own software: the conformance suite
    #[command(subcommand)]
    Solution(SolutionCommand),
    /// The demonstration
    #[command(subcommand)]
    Demo(DemoCommand),
    /// The synthetic patient's trail of the last demonstration's kind: who, when, why, through which software
    Trail(TrailOptions),
    /// Print the version
    Version,
}

#[derive(Subcommand, Debug)]
pub enum DemoCommand {
    /// Run the six steps and say what was tried and what was answered
    Run(DemoOptions),
    /// Print an identity token of a synthetic person (only while Platform.spec.demonstration is on)
    Token(TokenOptions),
}

/// Runs the command.
///
/// # Errors
/// The command's own.
pub async fn dispatch(arguments: Arguments) -> Result<()> {
    let cluster = arguments.cluster;
    match arguments.command {
        Command::Up(options) => crate::up::run(&options).await,
        Command::Appliance(command) => command.run().await.map_err(CliError::appliance),
        Command::Preflight(options) => crate::preflight::run(&cluster, &options).await,
        Command::Images(command) => crate::images::run(&cluster, &command).await,
        Command::Install(command) => crate::install::command::run(&cluster, &command).await,
        Command::Upgrade(options) => crate::upgrade::run(&cluster, &options).await,
        Command::Uninstall(options) => crate::uninstall::run(&cluster, &options).await,
        Command::Status => crate::status::run(&cluster).await,
        Command::Support(command) => crate::support::run(&cluster, &command).await,
        Command::Homologation(command) => crate::homologation::run(&cluster, &command).await,
        Command::Catalogue(command) => crate::catalogue::run(&cluster, &command).await,
        Command::Label(command) => crate::label::run(&command),
        Command::Compliance(command) => crate::compliance::run(&cluster, &command).await,
        Command::Incident(command) => crate::incident::run(&cluster, &command).await,
        Command::Site(command) => crate::site::run(&cluster, &command).await,
        Command::Solution(command) => crate::solution::run(&cluster, &command).await,
        Command::Demo(DemoCommand::Run(options)) => crate::demo::run(&cluster, &options).await,
        Command::Demo(DemoCommand::Token(options)) => crate::demo::token(&cluster, &options).await,
        Command::Trail(options) => crate::trail::run(&cluster, &options).await,
        Command::Version => {
            println!("dmpctl {}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn arguments_are_consistent() {
        super::Arguments::command().debug_assert();
    }
}
