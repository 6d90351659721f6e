//! `dmpctl compliance`: the catalogue of controls as this release has it. Offline: it says what is done and what is missing, not how
//! a running platform stands.
//!
//! Not here: the catalogue itself and what a check is worth (`dmp-policies`), reports over a cluster (not there yet).

mod explain;
mod list;
#[cfg(test)]
mod tests;
mod words;

use clap::{Subcommand, ValueEnum};
use dmp_policies::Catalogue;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::error::{CliError, Result};

#[derive(Subcommand, Debug)]
pub enum ComplianceCommand {
    /// One line a control: severity, state of the implementation, title
    List(ListOptions),
    /// One control: what must be true, why, by which texts, what does it, how it is checked, what to type
    Explain(ExplainOptions),
}

#[derive(clap::Args, Clone, Copy, Debug, Default)]
pub struct ListOptions {
    /// Only the controls that serve this law or norm, with its identifiers
    #[arg(long, value_enum)]
    pub framework: Option<FrameworkName>,
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
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
/// `no-control`, or what is wrong with the catalogue.
pub fn run(command: &ComplianceCommand) -> Result<()> {
    let catalogue = Catalogue::embedded().map_err(|source| {
        CliError::new(
            "catalogue-broken",
            "the catalogue of controls in this program is not usable",
            "build dmpctl again, or report it",
        )
        .because(source)
    })?;
    match command {
        ComplianceCommand::List(options) => {
            print!("{}", list::list(&catalogue, *options)?);
            if options.format == Format::Table {
                eprint!("{}", list::said(&catalogue));
            }
        }
        ComplianceCommand::Explain(options) => {
            let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
            print!("{}", explain::explain(&catalogue, options, today)?);
        }
    }
    Ok(())
}
