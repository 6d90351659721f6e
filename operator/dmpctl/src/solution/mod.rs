//! `dmpctl solution`: what a vendor does with its own software. It speaks to the gateway with the software's sandbox
//! certificate and to nothing else.

pub mod given;
pub mod log_in;
mod output;
pub mod suite;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use dmp_conformance::bundle::Mode;
use dmp_conformance::wire::Open;

use crate::demo::GatewayOptions;
use crate::demo::gateway::Software;
use crate::error::{CliError, Result};
use crate::kubernetes::ClusterOptions;
use given::Bench;
use log_in::{Demonstration, LogIns, Printed};
use suite::{Runner, Suite};

#[derive(Subcommand, Debug)]
pub enum SolutionCommand {
    /// Sit a profile of the conformance suite: prepares each test, has the software do its task, and shows what to fix
    Test(Box<TestOptions>),
    /// The profiles, their requirements and tests
    Profiles(IdentityOptions),
}

/// The software under test.
#[derive(Args, Clone, Debug)]
pub struct IdentityOptions {
    #[command(flatten)]
    pub gateway: GatewayOptions,
    /// PEM file with the sandbox certificate of the software and its private key
    #[arg(long)]
    pub identity: PathBuf,
}

#[derive(Args, Clone, Debug)]
pub struct TestOptions {
    #[command(flatten)]
    pub software: IdentityOptions,
    /// `identity-feed`, `registry-consumer`, `document-feeder` or `document-reader`
    #[arg(long)]
    pub profile: String,
    /// `sandbox` shows where the software stands; `rehearsal` is the server's own run of a submitted version, each test once;
    /// `supervised` a laboratory's, of tests drawn at random
    #[arg(long, default_value = "sandbox", value_parser = mode)]
    pub mode: Mode,
    /// `status.submissionSha256` of the SolutionHomologation, for a rehearsal or a supervised run
    #[arg(long, value_name = "HEX")]
    pub submission: Option<String>,
    /// Only these tests (`busy`), repeated or separated by commas [default: all]
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<String>,
    /// Command that does one task: it reads the task (JSON) and ends with 0. Without it each task is shown, and done by hand
    #[arg(long)]
    pub run: Option<String>,
    /// PEM file with certificate and key of a patient app of the sandbox, for tests with a care relation or an opposition
    #[arg(long)]
    pub patient_app: Option<PathBuf>,
    /// Command that prints an identity token: `<command> professional`, `<command> patient <system|value>`
    #[arg(long, required_unless_present = "demonstration", requires = "inpe")]
    pub log_in: Option<String>,
    /// INPE of the professional of --log-in
    #[arg(long)]
    pub inpe: Option<String>,
    /// Log in as this professional of the demonstration (needs the cluster; for who runs the platform)
    #[arg(long, value_name = "PERSON", conflicts_with = "log_in")]
    pub demonstration: Option<String>,
    /// Folder for bundle, report and signed result [default: ./conformance-<profile>]
    #[arg(long)]
    pub out: Option<PathBuf>,
}

/// # Errors
/// `not-conformant` when a requirement was not met, or what stopped it.
pub async fn run(cluster: &ClusterOptions, command: &SolutionCommand) -> Result<()> {
    match command {
        SolutionCommand::Test(options) => test(cluster, options).await,
        SolutionCommand::Profiles(options) => {
            let suite = Suite::new(software(options, &options.identity)?);
            print!("{}", output::profiles(&suite.profiles().await?));
            Ok(())
        }
    }
}

async fn test(cluster: &ClusterOptions, options: &TestOptions) -> Result<()> {
    match (&options.demonstration, &options.log_in, &options.inpe) {
        (Some(professional), ..) => {
            let client = crate::kubernetes::connect(cluster).await?;
            sit(options, &Demonstration::new(client, professional)?).await
        }
        (None, Some(command), Some(inpe)) => {
            let printed = Printed {
                command: command.clone(),
                inpe: inpe.clone(),
            };
            sit(options, &printed).await
        }
        _ => Err(CliError::new(
            "log-in-required",
            "the tests need synthetic people who log in",
            "use --log-in with --inpe, or --demonstration",
        )),
    }
}

async fn sit(options: &TestOptions, log_ins: &impl LogIns) -> Result<()> {
    let software_under_test = software(&options.software, &options.software.identity)?;
    let patient_app = options
        .patient_app
        .as_deref()
        .map(|path| software(&options.software, path))
        .transpose()?;
    let bench = Bench {
        software: &software_under_test,
        patient_app: patient_app.as_ref(),
        log_ins,
    };
    let suite = Suite::new(software_under_test.clone());
    let runner = match &options.run {
        Some(command) => Runner::Command {
            command: command.clone(),
            gateway: options.software.gateway.gateway.clone(),
            ca: options.software.gateway.ca.clone(),
            identity: options.software.identity.clone(),
        },
        None => Runner::ByHand,
    };
    let open = Open {
        profile: options.profile.clone(),
        seed: None,
        mode: options.mode,
        submission: options.submission.clone(),
    };
    let result = suite::sit(&suite, &bench, &runner, &open, &options.only, |line| {
        println!("{line}")
    })
    .await?;
    let folder = options
        .out
        .clone()
        .unwrap_or_else(|| PathBuf::from(format!("conformance-{}", options.profile)));
    let bundle = output::write(&folder, &options.profile, &result)?;
    print!("{}", output::summary(&bundle, &folder));
    let failed: Vec<&str> = bundle
        .requirements
        .iter()
        .filter(|outcome| outcome.met == Some(false))
        .map(|outcome| outcome.id.as_str())
        .collect();
    if failed.is_empty() {
        return Ok(());
    }
    Err(CliError::new(
        "not-conformant",
        format!("requirements not met: {}", failed.join(", ")),
        format!("open `{}` beside your code", folder.join("report.html").display()),
    ))
}

fn software(options: &IdentityOptions, identity: &std::path::Path) -> Result<Software> {
    let pem = std::fs::read_to_string(identity).map_err(|source| CliError::file(identity, source))?;
    Software::new(&options.gateway.open()?, Some(pem))
}

/// A mode that a vendor or a laboratory may ask for.
fn mode(text: &str) -> std::result::Result<Mode, String> {
    let offered = [Mode::Sandbox, Mode::Rehearsal, Mode::Supervised];
    let known = offered.into_iter().find(|mode| mode.as_str() == text);
    known.ok_or_else(|| format!("it is {}", offered.map(Mode::as_str).join(", ")))
}
