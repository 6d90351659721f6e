//! `dmpctl incident`: from the moment somebody knows to the last receipt. It opens an incident, prints the letter to each who is
//! to be told, keeps receipts by their hash, says at any time who is next and what to type, and asks whose records it touched.
//!
//! Not here: when a notice is due (`dmp_api::incident::clocks`), how many hours the law leaves (DMP-INC-01), sending a letter.

mod affected;
mod notice;
mod show;
#[cfg(test)]
mod tests;
mod words;
mod write;

use clap::{Subcommand, ValueEnum};
use dmp_api::incident::clocks::{CONTROL, Hours};
use dmp_api::incident::{Addressee, Clock};
use dmp_api::{Incident, IncidentSpec};
use dmp_policies::Catalogue;
use jiff::Timestamp;
use kube::api::ListParams;
use kube::{Api, Client, ResourceExt as _};

use crate::error::{CliError, Result};
use crate::kubernetes::ClusterOptions;

#[derive(Subcommand, Debug)]
pub enum IncidentCommand {
    /// Open an incident: every clock starts at --aware-at (needs --context)
    Open(write::OpenOptions),
    /// Print the letter to somebody who is to be told, with the facts of the incident; what is in brackets is for you
    Notice(notice::NoticeOptions),
    /// Add the receipt of a notice: its clock stops; of a paper only the SHA-256 is kept (needs --context)
    Receipt(write::ReceiptOptions),
    /// Who is to be told, until when, what to type next; without NAME of every open incident
    Status(show::StatusOptions),
    /// Whose records it touched: patients of a group by software or professional and window, from the log of who did what (at the guichet)
    #[command(disable_version_flag = true)]
    Affected(Box<affected::AffectedOptions>),
    /// Close an incident when everybody was told (needs --context)
    Close(write::CloseOptions),
}

/// Of letters.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    #[default]
    Fr,
    Ar,
}

/// Who is told, on the command line.
#[derive(clap::Args, Clone, Debug)]
pub struct To {
    /// dgssi, customer, cndp or patient
    #[arg(long, value_parser = addressee)]
    pub to: Addressee,
    /// Of a customer: the HealthGroup that is told; without it the only one, or all customers of the platform
    #[arg(long)]
    pub group: Option<String>,
}

fn addressee(text: &str) -> std::result::Result<Addressee, String> {
    let mut all = Addressee::ALL.into_iter();
    all.find(|one| one.as_str() == text)
        .ok_or_else(|| "one of dgssi, customer, cndp, patient".to_owned())
}

/// # Errors
/// `no-incident`, `incident-not-usable`, `notice-not-due`, `notices-missing`, `no-letter`, `answer-incomplete`, or what the API server or
/// the guichet says.
pub async fn run(cluster: &ClusterOptions, command: &IncidentCommand) -> Result<()> {
    let now = Timestamp::now();
    let client = match command {
        // The guichet's to answer, and nothing of the cluster's.
        IncidentCommand::Affected(options) => {
            print!("{}", affected::ask(options).await?);
            return Ok(());
        }
        IncidentCommand::Open(_) | IncidentCommand::Receipt(_) | IncidentCommand::Close(_) => {
            crate::kubernetes::connect_named(cluster).await?
        }
        IncidentCommand::Notice(_) | IncidentCommand::Status(_) => {
            crate::kubernetes::connect(cluster).await?
        }
    };
    let catalogue = crate::compliance::in_force(&client).await?;
    let shown = match command {
        IncidentCommand::Affected(_) => return Ok(()),
        IncidentCommand::Open(options) => vec![write::open(&client, options, now).await?],
        IncidentCommand::Receipt(options) => vec![write::receipt(&client, &catalogue, options, now).await?],
        IncidentCommand::Close(options) => vec![write::close(&client, &catalogue, options, now).await?],
        IncidentCommand::Notice(options) => {
            let incident = read(&client, &options.name).await?;
            print!("{}", notice::letter(&catalogue, &incident, options, now)?);
            return Ok(());
        }
        IncidentCommand::Status(options) => match &options.name {
            Some(name) => vec![read(&client, name).await?],
            None => open(&client).await?,
        },
    };
    print!("{}", show::text(&catalogue, &shown, now)?);
    Ok(())
}

/// The incidents that are not closed, the oldest first.
async fn open(client: &Client) -> Result<Vec<Incident>> {
    let api = Api::<Incident>::all(client.clone());
    let all = api.list(&ListParams::default()).await;
    let mut all = all
        .map_err(|source| CliError::kubernetes("reading the incidents", source))?
        .items;
    all.retain(|one| !one.spec.is_closed());
    all.sort_by_key(|one| (one.spec.aware(), one.name_any()));
    Ok(all)
}

/// The incident of that name.
async fn read(client: &Client, name: &str) -> Result<Incident> {
    let api = Api::<Incident>::all(client.clone());
    let found = api.get_opt(name).await;
    let found = found.map_err(|source| CliError::kubernetes("reading the incident", source))?;
    if let Some(found) = found {
        return Ok(found);
    }
    let names: Vec<_> = open(client).await?.iter().map(|one| one.name_any()).collect();
    let known = match names.as_slice() {
        [] => "none is open: `dmpctl incident open`".to_owned(),
        some => format!("open: {}", some.join(", ")),
    };
    Err(CliError::new(
        "no-incident",
        format!("there is no incident `{name}`"),
        known,
    ))
}

/// The hours that an incident's clocks have.
fn hours(catalogue: &Catalogue, spec: &IncidentSpec) -> Result<Hours> {
    let control = catalogue.control(CONTROL);
    let hours = control.and_then(|control| Hours::of(spec, |name, day| control.number_on(name, day)));
    hours.ok_or_else(|| {
        CliError::new(
            "catalogue-broken",
            format!("{CONTROL} does not say how many hours there are"),
            "build dmpctl again, or report it",
        )
    })
}

/// The clock of whom the command line means.
///
/// # Errors
/// `notice-not-due` when this incident has none, with those it has.
fn meant<'c>(clocks: &'c [Clock], to: &To) -> Result<&'c Clock> {
    let mine: Vec<_> = clocks.iter().filter(|clock| clock.to == to.to).collect();
    let found = match (&to.group, mine.as_slice()) {
        (None, [only]) => Some(*only),
        (group, several) => several.iter().copied().find(|clock| clock.group == *group),
    };
    let due = |clock: &&Clock| clock.due_at.is_some();
    found.filter(due).ok_or_else(|| {
        let asked = to
            .group
            .as_deref()
            .map_or(String::new(), |group| format!(" {group}"));
        let others: Vec<_> = clocks.iter().filter(due).map(words::options).collect();
        CliError::new(
            "notice-not-due",
            format!(
                "this incident tells nobody of this kind: {}{asked}",
                to.to.as_str()
            ),
            format!(
                "it tells: {}; who is affected (spec.affects, spec.personalData) may grow",
                others.join("; ")
            ),
        )
    })
}
