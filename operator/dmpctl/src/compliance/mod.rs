//! `dmpctl compliance`: the catalogue of controls as this release has it (`list`, `explain`: offline; with --context the values in force there), and how a running platform
//! stands by what its evaluator reported (`status`, `report`), how it stood each day (`history`), and whether it answers when somebody breaks things (`drill`).
//!
//! `attest` is the way in for what people bring, `except` and `approve` for what is tolerated for a while; `report --format oscal`
//! and `verify` are the way out to auditors (`bundle`).
//!
//! Not here: the catalogue itself and what a check or a report is worth (`dmp-policies`), the evaluation (`dmp-evaluator`).

pub mod attest;
pub mod bundle;
pub mod drill;
pub mod except;
mod explain;
pub mod history;
mod html;
pub mod kept;
mod list;
mod profile;
pub mod standing;
#[cfg(test)]
mod tests;
mod timeline;
mod words;

use clap::{Subcommand, ValueEnum};
use dmp_policies::history::History;
use dmp_policies::{Catalogue, Control};
use jiff::Timestamp;
use jiff::tz::TimeZone;

pub(crate) use self::profile::in_force;
use crate::error::{CliError, Result};
use crate::kubernetes::ClusterOptions;

#[derive(Subcommand, Debug)]
pub enum ComplianceCommand {
    /// One line a control: severity, state of the implementation, title
    List(ListOptions),
    /// One control: what must be true, why, by which texts, what does it, how it is checked, what to type; with --context its parameters as they are in force there
    Explain(ExplainOptions),
    /// What does not hold on this platform, since when, what was seen
    Status(standing::StatusOptions),
    /// Every control on this platform: verdict, since when, age of its evidence; as a table, for programs, as a page, or as OSCAL
    Report(ReportCommand),
    /// How the platform stood each day, and whether nobody changed that since (exit code 1: somebody did); the OSCAL documents of a day
    History(HistoryCommand),
    /// Whether a folder of OSCAL documents is as it was written, and who signed it: offline
    Verify(bundle::verify::VerifyOptions),
    /// Bring what people have to bring for a control: facts, papers by their hash, results of the release's tests (needs --context)
    Attest(attest::AttestOptions),
    /// Ask that a check may fail for a while (needs --context); it counts once somebody in another role approves it
    Except(except::ExceptOptions),
    /// Approve what somebody in another role asked for (needs --context)
    Approve(except::ApproveExceptionOptions),
    /// Break things on a sandbox group and show who answers, after how long (needs --context)
    Drill(drill::DrillOptions),
}

#[derive(clap::Args, Clone, Copy, Debug, Default)]
pub struct ListOptions {
    /// Only the controls that serve this law or norm, with its identifiers
    #[arg(long, value_enum)]
    pub framework: Option<FrameworkName>,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

#[derive(clap::Args, Clone, Debug, Default)]
pub struct ReportCommand {
    #[command(flatten)]
    pub report: standing::ReportOptions,
    #[command(flatten)]
    pub bundle: bundle::BundleOptions,
}

#[derive(clap::Args, Clone, Debug, Default)]
pub struct HistoryCommand {
    #[command(flatten)]
    pub history: history::HistoryOptions,
    #[command(flatten)]
    pub kept: kept::KeptOptions,
}

#[derive(clap::Args, Clone, Debug)]
pub struct ExplainOptions {
    /// Id of the control (`dmpctl compliance list`)
    #[arg(value_name = "DMP-XXX-NN")]
    pub id: String,
    #[arg(long, value_enum, default_value_t)]
    pub language: Language,
}

/// Laws and norms of the catalogue.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameworkName {
    Iso27001,
    Hds,
    Dnssi,
    #[value(name = "05-20")]
    Loi0520,
    #[value(name = "09-08")]
    Loi0908,
    CMa,
}

impl FrameworkName {
    /// Its name in the catalogue, which is that of the command line.
    const fn as_str(self) -> &'static str {
        match self {
            Self::Iso27001 => "iso27001",
            Self::Hds => "hds",
            Self::Dnssi => "dnssi",
            Self::Loi0520 => "05-20",
            Self::Loi0908 => "09-08",
            Self::CMa => "c-ma",
        }
    }
}

#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    #[default]
    Table,
    Json,
}

/// Of headings and titles. Sentences are in French or English: there are no Arabic ones yet.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    #[default]
    Fr,
    Ar,
    En,
}

/// # Errors
/// `no-control`, `no-report`, those of [`bundle`], or what is wrong with the catalogue or the cluster.
pub async fn run(cluster: &ClusterOptions, command: &ComplianceCommand) -> Result<()> {
    let catalogue = catalogue()?;
    match command {
        ComplianceCommand::List(options) => {
            print!("{}", list::list(&catalogue, *options)?);
            if options.format == Format::Table {
                eprint!("{}", list::said(&catalogue));
            }
        }
        ComplianceCommand::Explain(options) => {
            let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
            let catalogue = match &cluster.context {
                Some(_) => in_force(&crate::kubernetes::connect_named(cluster).await?).await?,
                None => catalogue,
            };
            print!("{}", explain::explain(&catalogue, options, today)?);
        }
        ComplianceCommand::Status(options) => {
            let client = crate::kubernetes::connect(cluster).await?;
            let report = standing::read(&client).await?;
            print!(
                "{}",
                standing::status(&catalogue, &report, *options, Timestamp::now())
            );
        }
        ComplianceCommand::Report(options) => {
            let folder = options.bundle.asked(&options.report)?;
            let client = crate::kubernetes::connect(cluster).await?;
            let report = standing::read(&client).await?;
            match folder {
                Some(folder) => {
                    let catalogue = in_force(&client).await?;
                    bundle::run(&client, &catalogue, &report, &options.bundle, folder).await?;
                }
                None => {
                    let past = past(&client, options.report.format).await;
                    let now = Timestamp::now();
                    print!(
                        "{}",
                        standing::report(&catalogue, &report, options.report, past.as_ref(), now)?
                    );
                }
            }
        }
        ComplianceCommand::History(options) => {
            let client = crate::kubernetes::connect(cluster).await?;
            let history = history::read(&client).await?;
            match (options.kept.oscal, &options.kept.to) {
                (Some(day), Some(folder)) => {
                    let found = kept::read(&client, day).await?;
                    print!("{}", kept::write(&found, day, folder, &history)?);
                }
                _ => print!("{}", history::show(&history, options.history)?),
            }
            history::verified(&history)?;
        }
        ComplianceCommand::Verify(options) => {
            print!("{}", bundle::verify::verify(options, Timestamp::now())?);
        }
        ComplianceCommand::Attest(options) => {
            let client = crate::kubernetes::connect_named(cluster).await?;
            attest::run(&client, &catalogue, options).await?;
        }
        ComplianceCommand::Except(options) => {
            let client = crate::kubernetes::connect_named(cluster).await?;
            except::except(&client, &in_force(&client).await?, options).await?;
        }
        ComplianceCommand::Approve(options) => {
            let client = crate::kubernetes::connect_named(cluster).await?;
            except::approve(&client, options).await?;
        }
        ComplianceCommand::Drill(options) => {
            let client = crate::kubernetes::connect_named(cluster).await?;
            drill::run(&client, options).await?;
        }
    }
    Ok(())
}

/// Of a page; who may read reports may not read all evidence, and the page says so.
async fn past(client: &kube::Client, format: standing::ReportFormat) -> Option<History> {
    if format != standing::ReportFormat::Html {
        return None;
    }
    match history::read(client).await {
        Ok(history) => Some(history),
        Err(error) => {
            eprintln!("{}", error.for_people());
            None
        }
    }
}

/// The catalogue in this program.
///
/// # Errors
/// `catalogue-broken`.
pub(crate) fn catalogue() -> Result<Catalogue> {
    Catalogue::embedded().map_err(|source| {
        CliError::new(
            "catalogue-broken",
            "the catalogue of controls in this program is not usable",
            "build dmpctl again, or report it",
        )
        .because(source)
    })
}

/// The control of that id.
///
/// # Errors
/// `no-control`, with the ids that are nearest.
fn known<'c>(catalogue: &'c Catalogue, id: &str) -> Result<&'c Control> {
    catalogue.control(id).ok_or_else(|| {
        let asked: String = id
            .chars()
            .filter(|letter| !letter.is_control())
            .take(40)
            .collect();
        CliError::new(
            "no-control",
            format!("the catalogue has no control `{asked}`"),
            format!(
                "nearest: {}; all of them: `dmpctl compliance list`",
                catalogue.nearest(&asked).join(", ")
            ),
        )
    })
}
