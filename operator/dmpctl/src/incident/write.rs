//! What is written: an incident, its receipts, its end. What cannot be is said before anything is sent; the rest is the API server's.

use std::path::PathBuf;

use dmp_api::incident::clocks::clocks;
use dmp_api::incident::{Affects, Closing, Receipt};
use dmp_api::non_conformity::Severity;
use dmp_api::{HealthGroup, Incident, IncidentSpec};
use dmp_policies::Catalogue;
use jiff::Timestamp;
use kube::api::{ListParams, ObjectMeta, PostParams};
use kube::{Api, Client, ResourceExt as _};

use super::{To, hours, meant, read, words};
use crate::error::{CliError, Result};
use crate::files;

/// Longest texts, as the kind takes them.
const LONGEST_SUMMARY: usize = 500;
const LONGEST_REFERENCE: usize = 120;
const LONGEST_WORD: usize = 1_000;
/// Attempts when somebody else writes at the same time.
const ATTEMPTS: usize = 5;

#[derive(clap::Args, Clone, Debug)]
pub struct OpenOptions {
    /// minor, major or critical; it can rise later, never sink
    #[arg(long, value_parser = severity)]
    pub severity: Severity,
    /// What is known, in one or two sentences; it begins every letter. No patient's data, no name of a person
    #[arg(long)]
    pub summary: String,
    /// A HealthGroup that is affected; may be repeated. Without any: the platform, all its customers
    #[arg(long = "group", value_name = "GROUP")]
    pub groups: Vec<String>,
    /// Personal data are affected, or nobody can exclude it: the CNDP and the patients are told too
    #[arg(long)]
    pub personal_data: bool,
    /// When somebody first knew [default: now]; it never changes
    #[arg(long, value_name = "RFC 3339")]
    pub aware_at: Option<Timestamp>,
}

#[derive(clap::Args, Clone, Debug)]
pub struct ReceiptOptions {
    /// The incident (`dmpctl incident status`)
    pub name: String,
    #[command(flatten)]
    pub to: To,
    /// How the addressee calls it, or what proves that it was sent. No name of a person
    #[arg(long)]
    pub reference: String,
    /// The paper behind it, of any size: its SHA-256 is kept, not the paper
    #[arg(long, value_name = "FILE")]
    pub document: Option<PathBuf>,
    /// When the notice went out [default: now]
    #[arg(long, value_name = "RFC 3339")]
    pub sent_at: Option<Timestamp>,
}

#[derive(clap::Args, Clone, Debug)]
pub struct CloseOptions {
    /// The incident (`dmpctl incident status`)
    pub name: String,
    /// What ended it, and what changes. No patient's data, no name of a person
    #[arg(long)]
    pub word: String,
}

fn severity(text: &str) -> std::result::Result<Severity, String> {
    let mut all = [Severity::Minor, Severity::Major, Severity::Critical].into_iter();
    all.find(|one| one.as_str() == text)
        .ok_or_else(|| "one of minor, major, critical".to_owned())
}

fn unusable(what: impl Into<String>, remedy: impl Into<String>) -> CliError {
    CliError::new("incident-not-usable", what, remedy)
}

fn fits(what: &str, text: &str, longest: usize) -> Result<String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > longest {
        return Err(unusable(
            format!("{what} has one to {longest} characters"),
            "say it shorter; papers stay where they are, with their hash in a receipt",
        ));
    }
    Ok(text.to_owned())
}

/// Opens it.
///
/// # Errors
/// `incident-not-usable`, or what the API server says.
pub async fn open(client: &Client, options: &OpenOptions, now: Timestamp) -> Result<Incident> {
    let groups = Api::<HealthGroup>::all(client.clone());
    let groups = groups.list(&ListParams::default()).await;
    let groups = groups.map_err(|source| CliError::kubernetes("reading the groups", source))?;
    let known: Vec<_> = groups.items.iter().map(|group| group.name_any()).collect();
    let object = Incident {
        metadata: ObjectMeta {
            generate_name: Some("incident-".to_owned()),
            ..ObjectMeta::default()
        },
        spec: drafted(options, &known, now)?,
        status: None,
    };
    let api = Api::<Incident>::all(client.clone());
    let opened = api.create(&PostParams::default(), &object).await;
    opened.map_err(|source| CliError::kubernetes("opening the incident", source))
}

/// What is opened; `known` are the groups there are. Pure.
///
/// # Errors
/// `incident-not-usable`.
pub fn drafted(options: &OpenOptions, known: &[String], now: Timestamp) -> Result<IncidentSpec> {
    if let Some(unknown) = options.groups.iter().find(|name| !known.contains(name)) {
        let remedy = format!("groups: {}; without --group: the platform", known.join(", "));
        return Err(unusable(format!("there is no HealthGroup `{unknown}`"), remedy));
    }
    let aware = options.aware_at.unwrap_or(now);
    if aware > now {
        return Err(unusable(
            format!("{aware} has not come yet"),
            "--aware-at is when somebody first knew",
        ));
    }
    let mut groups = options.groups.clone();
    groups.sort();
    groups.dedup();
    Ok(IncidentSpec {
        aware_at: whole_second(aware),
        severity: options.severity,
        summary: fits("--summary", &options.summary, LONGEST_SUMMARY)?,
        affects: Affects {
            platform: groups.is_empty(),
            groups,
        },
        personal_data: options.personal_data,
        receipts: Vec::new(),
        closing: None,
    })
}

/// Of a moment of people the second is enough.
fn whole_second(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Adds a receipt.
///
/// # Errors
/// `no-incident`, `notice-not-due`, `incident-not-usable`, `file`, or what the API server says.
pub async fn receipt(
    client: &Client,
    catalogue: &Catalogue,
    options: &ReceiptOptions,
    now: Timestamp,
) -> Result<Incident> {
    let hash = match &options.document {
        Some(path) => Some(files::sha256_of(path)?.0),
        None => None,
    };
    let add = |incident: &mut Incident| {
        let receipt = received(catalogue, incident, options, hash.clone(), now)?;
        incident.spec.receipts.push(receipt);
        Ok(())
    };
    change(client, &options.name, add).await
}

/// The receipt. Pure.
///
/// # Errors
/// `notice-not-due`, `incident-not-usable`.
pub fn received(
    catalogue: &Catalogue,
    incident: &Incident,
    options: &ReceiptOptions,
    document_sha256: Option<String>,
    now: Timestamp,
) -> Result<Receipt> {
    let spec = &incident.spec;
    let sent = options.sent_at.unwrap_or(now);
    if sent > now || sent < spec.aware() {
        return Err(unusable(
            format!("{sent} has not come yet, or was before anybody knew"),
            "--sent-at is when the notice went out",
        ));
    }
    let clocks = clocks(spec, &hours(catalogue, spec)?, now);
    let clock = meant(&clocks, &options.to)?;
    Ok(Receipt {
        to: clock.to,
        group: clock.group.clone(),
        sent_at: whole_second(sent),
        reference: fits("--reference", &options.reference, LONGEST_REFERENCE)?,
        document_sha256,
    })
}

/// Closes it.
///
/// # Errors
/// `no-incident`, `notices-missing`, `incident-not-usable`, or what the API server says.
pub async fn close(
    client: &Client,
    catalogue: &Catalogue,
    options: &CloseOptions,
    now: Timestamp,
) -> Result<Incident> {
    let close = |incident: &mut Incident| {
        incident.spec.closing = Some(closed(catalogue, incident, &options.word, now)?);
        Ok(())
    };
    change(client, &options.name, close).await
}

/// Its end. Pure.
///
/// # Errors
/// `notices-missing` with who was not told, `incident-not-usable`.
pub fn closed(catalogue: &Catalogue, incident: &Incident, word: &str, now: Timestamp) -> Result<Closing> {
    let spec = &incident.spec;
    if spec.is_closed() {
        return Err(unusable("it is closed", "nothing of it changes any more"));
    }
    let clocks = clocks(spec, &hours(catalogue, spec)?, now);
    let open: Vec<_> = clocks
        .iter()
        .filter(|clock| clock.is_open())
        .map(words::options)
        .collect();
    if !open.is_empty() {
        return Err(CliError::new(
            "notices-missing",
            format!("{} of those who are to be told have no receipt", open.len()),
            format!(
                "`dmpctl incident receipt {}` with {}",
                incident.name_any(),
                open.join("; ")
            ),
        ));
    }
    Ok(Closing {
        at: whole_second(now),
        word: fits("--word", word, LONGEST_WORD)?,
    })
}

/// Reads, changes and writes it, again when somebody else wrote in between.
async fn change(
    client: &Client,
    name: &str,
    change: impl Fn(&mut Incident) -> Result<()>,
) -> Result<Incident> {
    let api = Api::<Incident>::all(client.clone());
    let mut attempt = 1;
    loop {
        let mut incident = read(client, name).await?;
        change(&mut incident)?;
        match api.replace(name, &PostParams::default(), &incident).await {
            Ok(written) => return Ok(written),
            Err(kube::Error::Api(status)) if status.code == 409 && attempt < ATTEMPTS => attempt += 1,
            Err(source) => return Err(CliError::kubernetes("writing the incident", source)),
        }
    }
}
