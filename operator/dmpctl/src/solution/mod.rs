//! `dmpctl solution`: what a vendor does. It speaks to the guichet as a person ([`guichet`]), and to the gateway with the software's own
//! certificate ([`suite`]); never to Kubernetes, the demonstration's log-ins excepted.

pub mod account;
pub mod given;
pub mod guichet;
pub mod installation;
pub mod log_in;
mod output;
pub mod product;
pub mod renewal;
pub mod start;
pub mod submission;
pub mod suite;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use dmp_conformance::bundle::Mode;
use dmp_conformance::wire::Open;

use crate::demo::GatewayOptions;
use crate::demo::gateway::Software;
use crate::error::{CliError, Result};
use crate::files::read;
use crate::kubernetes::ClusterOptions;
use given::Bench;
use log_in::{AtGuichet, Demonstration, LogIns, Printed};
use suite::{Runner, Suite};

#[derive(Subcommand, Debug)]
pub enum SolutionCommand {
    /// From nothing to testable software: sign-up, product, version, certificates, in a folder
    #[command(disable_version_flag = true)]
    Start(Box<start::StartOptions>),
    /// Sign an organisation up at the guichet
    Signup(account::SignUpOptions),
    /// Where everything of the vendor stands
    Show(account::VendorOptions),
    /// The synthetic people of the sandbox; a new population with --reset
    Sandbox(account::SandboxOptions),
    /// Print an identity token of one of the sandbox's people
    LogIn(account::LogInOptions),
    /// A product
    Add(product::AddOptions),
    /// A version of a product, frozen
    #[command(disable_version_flag = true)]
    Version(product::VersionOptions),
    /// Evidence: a document, by its hash
    Evidence(product::EvidenceOptions),
    /// A certificate; the private key is made here and stays here
    #[command(disable_version_flag = true)]
    Certificate(Box<product::CertificateOptions>),
    /// Submit a version for homologation
    #[command(disable_version_flag = true)]
    Submit(Box<submission::SubmitOptions>),
    /// Give a submission up
    Withdraw(submission::SubmissionOptions),
    /// Hand in a signed result, review or decision
    HandIn(submission::HandInOptions),
    /// Sign with the vendor's key that an installation may have a production certificate; prints the JWS (offline)
    #[command(disable_version_flag = true)]
    SignInstallation(installation::SignInstallationOptions),
    /// Renew a certificate at the gateway (EST)
    Renew(renewal::RenewOptions),
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
    pub gateway: GatewayOptions,
    /// PEM file with the sandbox certificate of the software and its private key
    #[arg(long, required_unless_present = "sandbox")]
    pub identity: Option<PathBuf>,
    /// Folder of `dmpctl solution start`: certificates, and people who log in at the guichet
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["identity", "patient_app", "log_in", "demonstration"])]
    pub sandbox: Option<PathBuf>,
    /// `https://host:port` of the guichet, with --sandbox
    #[arg(long, env = "DMP_GUICHET")]
    pub guichet: Option<String>,
    /// Command (for `sh -c`) that prints your identity token (OIDC), with --sandbox
    #[arg(long, env = "DMP_GUICHET_LOG_IN")]
    pub as_person: Option<String>,
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
    #[arg(long, required_unless_present_any = ["demonstration", "sandbox"], requires = "inpe")]
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
        SolutionCommand::Start(options) => start::run(options).await,
        SolutionCommand::Signup(options) => account::run_sign_up(options).await,
        SolutionCommand::Show(options) => account::run_show(options).await,
        SolutionCommand::Sandbox(options) => account::run_sandbox(options).await,
        SolutionCommand::LogIn(options) => account::run_log_in(options).await,
        SolutionCommand::Add(options) => product::run_add(options).await,
        SolutionCommand::Version(options) => product::run_version(options).await,
        SolutionCommand::Evidence(options) => product::run_evidence(options).await,
        SolutionCommand::Certificate(options) => product::run_certificate(options).await,
        SolutionCommand::Submit(options) => submission::run_submit(options).await,
        SolutionCommand::Withdraw(options) => submission::run_withdraw(options).await,
        SolutionCommand::HandIn(options) => submission::run_hand_in(options).await,
        SolutionCommand::SignInstallation(options) => {
            println!("{}", installation::sign(options)?);
            Ok(())
        }
        SolutionCommand::Renew(options) => {
            println!("{}", renewal::renew(options).await?);
            Ok(())
        }
        SolutionCommand::Test(options) => test(cluster, options).await,
        SolutionCommand::Profiles(options) => {
            let suite = Suite::new(software(&options.gateway, &options.identity)?);
            print!("{}", output::profiles(&suite.profiles().await?));
            Ok(())
        }
    }
}

async fn test(cluster: &ClusterOptions, options: &TestOptions) -> Result<()> {
    if let Some(folder) = &options.sandbox {
        let (Some(guichet), Some(as_person)) = (&options.guichet, &options.as_person) else {
            return Err(CliError::new(
                "guichet-required",
                "the people of the sandbox log in at the guichet",
                "name it with --guichet and yourself with --as-person (DMP_GUICHET, DMP_GUICHET_LOG_IN)",
            ));
        };
        let about = start::Folder::read(folder)?;
        let people = AtGuichet {
            guichet: guichet::Guichet::new(&guichet::GuichetOptions {
                guichet: guichet.clone(),
                ca: options.gateway.ca.clone(),
                as_person: as_person.clone(),
            })?,
            vendor: about.vendor,
            inpe: about.inpe,
        };
        let identity = start::Folder::identity(folder);
        let patient_app = start::Folder::patient_app(folder);
        return sit(options, &identity, Some(&patient_app), &people).await;
    }
    let identity = options.identity.as_deref().unwrap_or_else(|| Path::new(""));
    let patient_app = options.patient_app.as_deref();
    match (&options.demonstration, &options.log_in, &options.inpe) {
        (Some(professional), ..) => {
            let client = crate::kubernetes::connect(cluster).await?;
            sit(
                options,
                identity,
                patient_app,
                &Demonstration::new(client, professional)?,
            )
            .await
        }
        (None, Some(command), Some(inpe)) => {
            let printed = Printed {
                command: command.clone(),
                inpe: inpe.clone(),
            };
            sit(options, identity, patient_app, &printed).await
        }
        _ => Err(CliError::new(
            "log-in-required",
            "the tests need synthetic people who log in",
            "use --log-in with --inpe, or --demonstration",
        )),
    }
}

async fn sit(
    options: &TestOptions,
    identity: &Path,
    patient_app: Option<&Path>,
    log_ins: &impl LogIns,
) -> Result<()> {
    let software_under_test = software(&options.gateway, identity)?;
    let patient_app = patient_app
        .map(|path| software(&options.gateway, path))
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
            gateway: options.gateway.gateway.clone(),
            ca: options.gateway.ca.clone(),
            identity: identity.to_owned(),
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

fn software(gateway: &GatewayOptions, identity: &Path) -> Result<Software> {
    Software::new(&gateway.open()?, Some(read(identity)?))
}

/// A mode that a vendor or a laboratory may ask for.
fn mode(text: &str) -> std::result::Result<Mode, String> {
    let offered = [Mode::Sandbox, Mode::Rehearsal, Mode::Supervised];
    let known = offered.into_iter().find(|mode| mode.as_str() == text);
    known.ok_or_else(|| format!("it is {}", offered.map(Mode::as_str).join(", ")))
}
